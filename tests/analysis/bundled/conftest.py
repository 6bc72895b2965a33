"""Fixtures for the tests of the bundled model."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """One thread: tests run in as many processes as there are cores, so more threads would only wait for each other."""
    torch.set_num_threads(1)
