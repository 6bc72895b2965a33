"""Set-up for the tests of the bundled model."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tests run in as many processes as there are cores; more threads than that only wait for one another."""
    torch.set_num_threads(1)
