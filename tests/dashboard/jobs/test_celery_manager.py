"""The Celery job manager on a real Redis: the queue and its limit, heartbeats, cancelling, and Redis unreachable."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from dashboard.jobs.celery_manager import CeleryJobManager
from dashboard.jobs.quota import Quota
from dashboard.jobs.store import JobsError
from dashboard.jobs.stores.redis_store import RedisStore
from tests.serving import free_port

QUEUE_LENGTH = 3
START = {"nonce": "mine", "question": None}


def quota(store: RedisStore) -> Quota:
    return Quota(store, 100, lambda: "secret")


@pytest.fixture
def manager(url: str, store: RedisStore) -> CeleryJobManager:
    manager = CeleryJobManager(url, store, quota=quota(store), queue_timeout=2, queue_length=QUEUE_LENGTH)
    manager.register("job", lambda set_progress, start: None, progress=["tick.data"])
    return manager


def call(manager: CeleryJobManager, key: str = "key") -> str:
    return manager.call_job_fn(key, manager.func_registry["job"], (START,), {})


def test_a_queued_job_says_so(manager: CeleryJobManager) -> None:
    job = call(manager)
    assert manager.job_running(job)
    (tick,) = manager.get_progress("key")
    assert (tick["nonce"], tick["phase"]) == ("mine", "waiting")
    assert manager.get_result("key", job) is manager.UNDEFINED
    time.sleep(2.2)  # longer than queue_timeout, and no worker has taken it
    assert not manager.job_running(job)


def test_it_stays_queued_while_workers_are_busy(manager: CeleryJobManager, monkeypatch: pytest.MonkeyPatch) -> None:
    job = call(manager)
    for _ in range(3):
        time.sleep(1)
        manager.beat("another job")
        assert manager.job_running(job)
    monkeypatch.setattr(manager, "current_job", lambda: job)
    assert not manager.cancelled()
    manager.terminate_job(job)
    assert manager.cancelled()


def test_a_job_that_failed_in_its_worker_has_ended(manager: CeleryJobManager) -> None:
    job = call(manager)
    manager.handle.backend.store_result(job, RuntimeError("Worker exited prematurely: signal 9"), "FAILURE")
    assert not manager.job_running(job)


def test_cancelling_ends_it(manager: CeleryJobManager) -> None:
    job = call(manager)
    manager.terminate_job(job)
    assert not manager.job_running(job)


def test_a_full_queue_refuses_at_once(manager: CeleryJobManager, store: RedisStore) -> None:
    manager.terminate_job(call(manager, "cancelled"))  # no longer counts
    for number in range(QUEUE_LENGTH):
        call(manager, f"key {number}")
    assert store.n_waiting() == QUEUE_LENGTH
    job = call(manager, "one more")
    assert store.n_waiting() == QUEUE_LENGTH
    outcome: Any = manager.get_result("one more", job)
    assert (outcome["nonce"], outcome["kind"]) == ("mine", "busy")
    assert not manager.job_running(job)


def test_outcomes_are_read_once(manager: CeleryJobManager) -> None:
    manager.handle.backend.set("key", json.dumps({"kind": "done"}))
    assert manager.get_result("key", "job") == {"kind": "done"}
    assert manager.get_result("key", "job") is manager.UNDEFINED


def test_without_redis_the_start_says_so(tmp_path: Path) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    store = RedisStore(nowhere)
    manager = CeleryJobManager(nowhere, store, quota=quota(store), queue_timeout=2, queue_length=QUEUE_LENGTH)
    manager.register("job", lambda set_progress, start: None, progress=["tick.data"])
    with pytest.raises(JobsError, match="cannot be reached"):
        call(manager)
