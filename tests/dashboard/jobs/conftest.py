from collections.abc import Iterator

import pytest

from analysis.machine.threads import use_one_thread
from dashboard.jobs.stores.redis_store import RedisStore
from tests.serving import redis_server


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """A job that runs in the tests' process may have taken more."""
    yield
    use_one_thread()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis server."""
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def store(url: str) -> Iterator[RedisStore]:
    """The job store in that Redis, emptied after each test."""
    store = RedisStore(url)
    yield store
    store._redis.flushdb()
