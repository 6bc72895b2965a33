from collections.abc import Iterator

import pytest

from analysis.machine.threads import use_one_thread


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """A job that runs in the tests' process may have taken more."""
    yield
    use_one_thread()
