"""The quota of jobs per client: exact, however jobs end, with both job managers."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.jobs.celery_manager import CeleryJobManager
from dashboard.jobs.fork_manager import ForkJobManager
from dashboard.jobs.manager import Hooks, JobManager
from dashboard.jobs.quota import Quota, QuotaExceeded
from dashboard.jobs.stores.disk_store import DiskStore
from dashboard.jobs.stores.redis_store import RedisStore
from tests.serving import redis_server, wait_until

MOST = 3
START = {"nonce": "mine", "question": None}
CLIENT = ["192.0.2.1"]  # of the current request


@pytest.fixture(autouse=True)
def first_client() -> Iterator[None]:
    yield
    CLIENT[0] = "192.0.2.1"


HOOKS = Hooks(client=lambda: CLIENT[0])


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path, max_bytes=10**8)


def quota(store: Any, most: int = MOST, secret: str = "secret") -> Quota:
    return Quota(store, most, lambda: secret)


def fork_manager(store: DiskStore, most: int = MOST) -> ForkJobManager:
    manager = ForkJobManager(store, quota=quota(store, most), queue_timeout=60, hooks=HOOKS)
    manager.register("job", lambda _progress, _start: time.sleep(60), progress=["tick.data"])
    return manager


@pytest.fixture(params=["fork", "celery"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, store: DiskStore) -> Iterator[JobManager]:
    if request.param == "fork":
        fork = fork_manager(store)
        yield fork
        fork.close()
        return
    with redis_server(tmp_path) as url:
        redis = RedisStore(url)
        celery = CeleryJobManager(url, redis, quota=quota(redis), queue_timeout=60, queue_length=100, hooks=HOOKS)
        celery.register("job", lambda _progress, _start: None, progress=["tick.data"])
        yield celery


def begin(manager: Any, key: str, client: str = "192.0.2.1") -> str:
    CLIENT[0] = client
    job: str = manager.call_job_fn(key, manager.func_registry["job"], (START,), {"cookies": "secret"})
    return job


def outcome(manager: Any, key: str) -> Any:
    return manager.get_result(key, "")


def test_beyond_the_quota_it_is_busy_and_says_what_to_do(manager: JobManager) -> None:
    jobs = [begin(manager, f"key {number}") for number in range(MOST)]
    assert all(map(manager.job_running, jobs))
    assert begin(manager, "one more") == ""
    words = "You have 3 computations running or waiting. Wait for one, or cancel one."
    assert outcome(manager, "one more") == {"nonce": "mine", "kind": "busy", "message": words}
    assert begin(manager, "of another", client="192.0.2.2")


def test_a_job_that_was_cancelled_frees_the_quota(manager: Any) -> None:
    first, *_ = [begin(manager, f"key {number}") for number in range(MOST)]
    manager.terminate_job(first)
    wait_until(lambda: not manager.job_running(first))
    assert begin(manager, "another")
    assert begin(manager, "one more") == ""


def test_a_job_that_was_killed_frees_the_quota(store: DiskStore) -> None:
    manager = fork_manager(store, most=1)
    job = begin(manager, "key")
    assert begin(manager, "one more") == ""
    os.kill(int(job.partition(":")[0]), signal.SIGKILL)
    wait_until(lambda: not manager.job_running(job))
    assert begin(manager, "another")
    manager.close()


def test_the_store_does_not_tell_the_address(store: DiskStore) -> None:
    quota(store).start("192.0.2.1", lambda: "a", is_running=lambda _job: True)
    (key,) = store.cache.opened
    assert key.startswith("client.")
    assert "192" not in key
    other = quota(store, secret="other")
    other.start("192.0.2.1", lambda: "a", is_running=lambda _job: True)
    assert len(store.cache.opened) == 2  # without the secret, the hash of an address is not known


def test_a_job_that_did_not_start_does_not_count(store: DiskStore) -> None:
    limited = quota(store, 1)

    def fails() -> str:
        raise OSError

    with pytest.raises(OSError):
        limited.start("a", fails, is_running=lambda _job: True)
    assert limited.start("a", lambda: "job", is_running=lambda _job: True) == "job"


def _take(folder: Path, taken: Any) -> None:
    limited = quota(DiskStore(folder, max_bytes=10**8))
    for number in range(5):
        try:
            job = f"{os.getpid()}.{threading.get_ident()}.{number}"
            taken.put(limited.start("a", lambda job=job: job, is_running=lambda _job: True))
        except QuotaExceeded:
            taken.put(None)


def test_it_is_exact_for_several_processes_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    taken = context.Queue()
    processes = [context.Process(target=_take, args=[tmp_path, taken]) for _ in range(3)]
    for process in processes:
        process.start()
    found = [taken.get(timeout=60) for _ in range(15)]
    for process in processes:
        process.join()
    assert len([job for job in found if job]) == MOST


def test_a_process_that_is_forked_for_a_job_does_not_hold_the_lock(store: DiskStore) -> None:
    """As a server forks the process that jobs come from anew, if it has ended."""
    limited = quota(store, 2)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=time.sleep, args=[60])

    def begin() -> str:
        process.start()
        return "job"

    limited.start("a", begin, is_running=lambda _job: True)
    assert limited.start("a", lambda: "another", is_running=lambda _job: True) == "another"
    process.kill()
    process.join()


def test_jobs_that_are_starting_count(store: DiskStore) -> None:
    limited = quota(store, 1)

    def begin() -> str:
        with pytest.raises(QuotaExceeded):
            limited.start("a", lambda: "another", is_running=lambda _job: False)
        return "job"

    assert limited.start("a", begin, is_running=lambda _job: False) == "job"


def test_starting_does_not_wait_for_a_computation(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are few, and those of computations are held for minutes."""
    monkeypatch.setattr("dashboard.jobs.stores.disk_store._N_LOCKS", 1)
    with store.lock("work.a", lambda: None):
        assert quota(store, 1).start("a", lambda: "job", is_running=lambda _job: True) == "job"
