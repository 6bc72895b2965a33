"""Jobs through a real Redis: what is kept, locks that end with their holder, a queue that is full, Redis gone."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.jobs.celery_manager import QueueManager, RedisStore
from dashboard.jobs.quota import Shares
from dashboard.jobs.store import JobsError
from tests.serving import free_port, redis_server

MOST_WAITING = 3
START = {"nonce": "mine", "question": None}


class GaveUp(Exception):
    """Raised by a waiter instead of waiting."""


def give_up() -> None:
    raise GaveUp


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def store(url: str) -> Iterator[RedisStore]:
    store = RedisStore(url)
    yield store
    store._redis.flushdb()


@pytest.fixture
def manager(url: str, store: RedisStore) -> QueueManager:
    manager = QueueManager(url, store, patience=2, most_waiting=MOST_WAITING)
    manager.shares = Shares(store, 100, lambda: "secret")
    manager.register("job", lambda set_progress, start: None, progress=["tick.data"])
    return manager


def call(manager: QueueManager, key: str = "key") -> str:
    return manager.call_job_fn(key, manager.func_registry["job"], (START,), {})


def test_values_are_kept_for_their_time(store: RedisStore) -> None:
    store.set("a", b"1", seconds=100)
    store.set("b", b"2", seconds=0.05)
    time.sleep(0.1)
    assert (store.get("a"), store.get("b"), store.get("c")) == (b"1", None, None)
    store.delete("a")
    assert store.get("a") is None


def test_a_lock_is_held_by_one_and_ends_with_its_holder(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.jobs.celery_manager._LEASE", 0.3)
    with store.lock("work", give_up):
        with pytest.raises(GaveUp), store.lock("work", give_up):
            pass
        for _ in range(4):  # renewed, it outlasts its lease
            time.sleep(0.15)
            store.renew()
        with pytest.raises(GaveUp), store.lock("work", give_up):
            pass
        time.sleep(0.4)  # not renewed, as after a kill
        with store.lock("work", give_up):
            pass
    with store.lock("work", give_up):
        pass


def test_a_job_that_waits_says_so(manager: QueueManager) -> None:
    job = call(manager)
    assert manager.job_running(job)
    (tick,) = manager.get_progress("key")
    assert (tick["nonce"], tick["phase"]) == ("mine", "waiting")
    assert manager.get_result("key", job) is manager.UNDEFINED
    time.sleep(2.2)  # longer than anyone is asked to be patient: no worker takes it
    assert not manager.job_running(job)


def test_it_waits_as_long_as_workers_are_at_work(manager: QueueManager, monkeypatch: pytest.MonkeyPatch) -> None:
    job = call(manager)
    for _ in range(3):
        time.sleep(1)
        manager.beat("another job")
        assert manager.job_running(job)
    monkeypatch.setattr(manager, "own_handle", lambda: job)
    assert manager.wanted()
    manager.terminate_job(job)
    assert not manager.wanted()


def test_all_processes_get_the_same_secret(store: RedisStore, url: str) -> None:
    assert store.secret(lambda: b"one") == RedisStore(url).secret(lambda: b"two") == b"one"
    assert store._redis.ttl("explorer.secret") == -1  # for ever


def test_a_job_that_failed_in_its_worker_has_ended(manager: QueueManager) -> None:
    job = call(manager)
    manager.handle.backend.store_result(job, RuntimeError("Worker exited prematurely: signal 9"), "FAILURE")
    assert not manager.job_running(job)


def test_cancelling_ends_it(manager: QueueManager) -> None:
    job = call(manager)
    manager.terminate_job(job)
    assert not manager.job_running(job)


def test_a_full_queue_is_busy_at_once(manager: QueueManager, store: RedisStore) -> None:
    manager.terminate_job(call(manager, "cancelled"))  # no longer counts
    for number in range(MOST_WAITING):
        call(manager, f"key {number}")
    assert store.n_waiting() == MOST_WAITING
    job = call(manager, "one more")
    assert store.n_waiting() == MOST_WAITING
    outcome: Any = manager.get_result("one more", job)
    assert (outcome["nonce"], outcome["kind"]) == ("mine", "busy")
    assert not manager.job_running(job)


def test_results_are_read_once(manager: QueueManager) -> None:
    manager.handle.backend.set("key", json.dumps({"kind": "done"}))
    assert manager.get_result("key", "job") == {"kind": "done"}
    assert manager.get_result("key", "job") is manager.UNDEFINED


def test_without_redis_it_is_said(tmp_path: Path) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    store = RedisStore(nowhere)
    for ask in (lambda: store.get("a"), lambda: store.set("a", b"", seconds=1), store.n_waiting):
        with pytest.raises(JobsError, match="cannot be reached"):
            ask()  # type: ignore[no-untyped-call]
    with pytest.raises(JobsError, match="cannot be reached"), store.lock("work", give_up):
        pass
    manager = QueueManager(nowhere, store, patience=2, most_waiting=MOST_WAITING)
    manager.shares = Shares(store, 100, lambda: "secret")
    manager.register("job", lambda set_progress, start: None, progress=["tick.data"])
    with pytest.raises(JobsError, match="cannot be reached"):
        call(manager)
