"""What becomes of a job is heard once, whoever ends it."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.jobs.manager import ForkManager
from dashboard.jobs.quota import Shares
from dashboard.jobs.store import DiskStore
from tests.serving import wait_until


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def manager(tmp_path: Path, heard: list[str]) -> Iterator[ForkManager]:
    store = DiskStore(tmp_path, max_bytes=10**7)
    manager = ForkManager(store, lambda: None, patience=60)
    manager.shares = Shares(store, 8, lambda: "secret")
    manager.listener = lambda _panel, kind: heard.append(kind)
    manager.func_registry = {
        "sleep": lambda *_: time.sleep(60),
        "end": lambda key, *_: manager.handle.set(key, {"kind": "done"}),
    }
    yield manager
    manager.close()


def started(manager: ForkManager, name: str = "sleep") -> str:
    job: str = manager.call_job_fn("key", manager.func_registry[name], [], {})
    return job


def test_one_that_is_cancelled(manager: ForkManager, heard: list[str]) -> None:
    job = started(manager)
    assert manager.job_running(job)
    for _ in range(2):
        manager.terminate_job(job)
        assert not manager.job_running(job)
    assert heard == ["started", "cancelled"]


def test_one_that_is_killed(manager: ForkManager, heard: list[str]) -> None:
    job = started(manager)
    os.kill(int(job.partition(":")[0]), signal.SIGKILL)
    wait_until(lambda: not manager.job_running(job))
    assert not manager.job_running(job)
    manager.terminate_job(job)
    assert heard == ["started", "killed"]


def test_one_that_ends_by_itself(manager: ForkManager, heard: list[str]) -> None:
    job = started(manager, "end")
    wait_until(lambda: manager.get_result("key", job) is not manager.UNDEFINED)
    assert not manager.job_running(job)
    manager.terminate_job(job)  # while its process is still there
    assert heard == ["started", "done"]


def test_one_that_never_began(manager: ForkManager, heard: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """It could not tell itself."""
    manager.handle.set("key", {"kind": "busy"})
    with caplog.at_level("INFO"):
        manager.get_result("key", "")
    assert heard == ["busy"]
    assert caplog.records[0].fields["kind"] == "busy"  # type: ignore[attr-defined]
