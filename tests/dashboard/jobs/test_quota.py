"""Jobs that a visitor has running or waiting: counted exactly, however they end, by both ways to run them."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from dashboard.jobs.celery_manager import QueueManager, RedisStore
from dashboard.jobs.manager import ForkManager, Watched
from dashboard.jobs.quota import Busy, Shares
from dashboard.jobs.store import DiskStore
from tests.serving import redis_server, wait_until

MOST = 3
START = {"nonce": "mine", "question": None}


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path, max_bytes=10**8)


@pytest.fixture(params=["fork", "queue"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, store: DiskStore) -> Iterator[Watched]:
    if request.param == "fork":
        fork = ForkManager(store, lambda: None, patience=60)
        fork.shares = Shares(store, MOST, lambda: "secret")
        fork.register("job", lambda _progress, _start: time.sleep(60), progress=["tick.data"])
        yield fork
        fork.close()
        return
    with redis_server(tmp_path) as url:
        redis = RedisStore(url)
        queue = QueueManager(url, redis, patience=60, most_waiting=100)
        queue.shares = Shares(redis, MOST, lambda: "secret")
        queue.register("job", lambda _progress, _start: None, progress=["tick.data"])
        yield queue


def begin(manager: Any, key: str, visitor: str = "192.0.2.1") -> str:
    with Flask(__name__).test_request_context(environ_base={"REMOTE_ADDR": visitor}):
        job: str = manager.call_job_fn(key, manager.func_registry["job"], (START,), {"cookies": "secret"})
    return job


def outcome(manager: Any, key: str) -> Any:
    return manager.get_result(key, "")


def test_beyond_the_share_it_is_busy_and_says_what_to_do(manager: Watched) -> None:
    jobs = [begin(manager, f"key {number}") for number in range(MOST)]
    assert all(map(manager.job_running, jobs))
    assert begin(manager, "one more") == ""
    words = "You have 3 computations running or waiting. Wait for one, or cancel one."
    assert outcome(manager, "one more") == {"nonce": "mine", "kind": "busy", "message": words}
    assert begin(manager, "of another", visitor="192.0.2.2")


def test_a_job_that_was_cancelled_makes_room(manager: Any) -> None:
    first, *_ = [begin(manager, f"key {number}") for number in range(MOST)]
    manager.terminate_job(first)
    wait_until(lambda: not manager.job_running(first))
    assert begin(manager, "another")
    assert begin(manager, "one more") == ""


def test_a_job_that_was_killed_makes_room(store: DiskStore) -> None:
    manager = ForkManager(store, lambda: None, patience=60)
    manager.shares = Shares(store, 1, lambda: "secret")
    manager.register("job", lambda _progress, _start: time.sleep(60), progress=["tick.data"])
    job = begin(manager, "key")
    assert begin(manager, "one more") == ""
    os.kill(int(job.partition(":")[0]), signal.SIGKILL)
    wait_until(lambda: not manager.job_running(job))
    assert begin(manager, "another")
    manager.close()


def test_the_store_does_not_tell_who_it_is(store: DiskStore) -> None:
    Shares(store, MOST, lambda: "secret").begin("192.0.2.1", lambda: "a", lives=lambda _job: True)
    (key,) = store.cache.opened
    assert key.startswith("visitor.")
    assert "192" not in key
    other = Shares(store, MOST, lambda: "other")
    other.begin("192.0.2.1", lambda: "a", lives=lambda _job: True)
    assert len(store.cache.opened) == 2  # without the secret, the hash of an address is not known


def test_a_job_that_did_not_begin_does_not_count(store: DiskStore) -> None:
    shares = Shares(store, 1, lambda: "secret")

    def fails() -> str:
        raise OSError

    with pytest.raises(OSError):
        shares.begin("a", fails, lives=lambda _job: True)
    assert shares.begin("a", lambda: "job", lives=lambda _job: True) == "job"


def _take(folder: Path, taken: Any) -> None:
    shares = Shares(DiskStore(folder, max_bytes=10**8), MOST, lambda: "secret")
    for number in range(5):
        try:
            job = f"{os.getpid()}.{threading.get_ident()}.{number}"
            taken.put(shares.begin("a", lambda job=job: job, lives=lambda _job: True))
        except Busy:
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
    shares = Shares(store, 2, lambda: "secret")
    context = multiprocessing.get_context("fork")
    process = context.Process(target=time.sleep, args=[60])

    def begin() -> str:
        process.start()
        return "job"

    shares.begin("a", begin, lives=lambda _job: True)
    assert shares.begin("a", lambda: "another", lives=lambda _job: True) == "another"
    process.kill()
    process.join()


def test_jobs_that_begin_count_already(store: DiskStore) -> None:
    shares = Shares(store, 1, lambda: "secret")

    def begin() -> str:
        with pytest.raises(Busy):
            shares.begin("a", lambda: "another", lives=lambda _job: False)
        return "job"

    assert shares.begin("a", begin, lives=lambda _job: False) == "job"


def test_who_asks_does_not_wait_for_a_computation(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are few, and those of computations are held for minutes."""
    monkeypatch.setattr("dashboard.jobs.store._N_LOCKS", 1)
    with store.lock("work.a", lambda: None):
        assert Shares(store, 1, lambda: "secret").begin("a", lambda: "job", lives=lambda _job: True) == "job"
