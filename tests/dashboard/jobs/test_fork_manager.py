"""The fork manager: each start and each end of a job is counted once and logged once, however the job ends."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dashboard.jobs.events import JobEvent
from dashboard.jobs.fork_manager import ForkJobManager
from dashboard.jobs.manager import Hooks
from dashboard.jobs.quota import Quota
from dashboard.jobs.stores.disk_store import DiskStore
from tests.serving import wait_until


@pytest.fixture
def counted() -> list[str]:
    return []


@pytest.fixture
def logged() -> list[JobEvent]:
    return []


@pytest.fixture
def manager(tmp_path: Path, counted: list[str], logged: list[JobEvent]) -> Iterator[ForkJobManager]:
    store = DiskStore(tmp_path, max_bytes=10**7)
    hooks = Hooks(panel=lambda: "saliency", count=lambda event: counted.append(event.kind), log=logged.append)
    manager = ForkJobManager(store, quota=Quota(store, 8, lambda: "secret"), queue_timeout=60, hooks=hooks)
    manager.func_registry = {
        "sleep": lambda *_: time.sleep(60),
        "end": lambda key, *_: manager.handle.set(key, {"kind": "done"}),
    }
    yield manager
    manager.close()


def started(manager: ForkJobManager, name: str = "sleep") -> str:
    job: str = manager.call_job_fn("key", manager.func_registry[name], [], {})
    return job


def test_one_that_is_cancelled(manager: ForkJobManager, counted: list[str], logged: list[JobEvent]) -> None:
    job = started(manager)
    assert manager.job_running(job)
    for _ in range(2):
        manager.terminate_job(job)
        assert not manager.job_running(job)
    assert counted == ["started", "cancelled"]
    assert logged == [JobEvent("cancelled", "saliency", job)]


def test_one_that_is_killed(manager: ForkJobManager, counted: list[str], logged: list[JobEvent]) -> None:
    job = started(manager)
    os.kill(int(job.partition(":")[0]), signal.SIGKILL)
    wait_until(lambda: not manager.job_running(job))
    assert not manager.job_running(job)
    manager.terminate_job(job)
    assert counted == ["started", "killed"]
    assert logged == [JobEvent("killed", "saliency", job)]


def test_one_that_ends_on_its_own(manager: ForkJobManager, counted: list[str], logged: list[JobEvent]) -> None:
    job = started(manager, "end")
    wait_until(lambda: manager.get_result("key", job) is not manager.UNDEFINED)
    assert not manager.job_running(job)
    manager.terminate_job(job)  # while its process is still there
    assert counted == ["started", "done"]
    assert logged == [], "the job itself logs it"


def test_one_that_never_started(manager: ForkJobManager, counted: list[str], logged: list[JobEvent]) -> None:
    manager.handle.set("key", {"kind": "busy"})
    manager.get_result("key", "")
    assert counted == ["busy"]
    assert logged == [JobEvent("busy", "saliency", "")], "there was no process to log it"


def test_the_process_is_watched_and_ended(manager: ForkJobManager) -> None:
    job = started(manager)
    process = psutil.Process(int(job.partition(":")[0]))
    assert manager.job_running(job)
    manager.terminate_job(job)
    wait_until(lambda: not psutil.pid_exists(process.pid))
    manager.terminate_job("1:0.00")  # another process with that number is not the job's
    manager.terminate_job("nonsense")
    assert psutil.pid_exists(1)
