"""The system clock is set forward or back by an hour: running jobs are not lost, and cached results stay."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from analysis.models.language_model import LanguageModel
from analysis.storage.trace_store import TraceStore
from analysis.trace import Prompt
from dashboard.jobs.fork_manager import ForkJobManager
from dashboard.jobs.quota import Quota
from dashboard.jobs.stores.disk_store import DiskStore
from tests.serving import wait_until

HOUR = 3600


def make_manager(tmp_path: Path) -> ForkJobManager:
    store = DiskStore(tmp_path / "jobs", max_bytes=10**7)
    return ForkJobManager(store, quota=Quota(store, 8, lambda: "secret"), queue_timeout=60)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ForkJobManager]:
    manager = make_manager(tmp_path)

    def work(*_: Any) -> None:
        while True:
            manager.beat(manager.current_job())
            time.sleep(0.2)

    manager.func_registry = {"work": work}
    manager.start()
    yield manager
    manager.close()


@pytest.fixture(params=[HOUR, -HOUR], ids=["forward", "back"])
def set_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set this process's clock, and when it thinks that the machine began: psutil takes it from the clock."""
    now, boot = time.time, psutil.boot_time()

    def set_it() -> None:
        monkeypatch.setattr(time, "time", lambda: now() + request.param)
        monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot + request.param)

    return set_it


def test_a_job_goes_on_and_can_be_ended(manager: ForkJobManager, set_clock: Any) -> None:
    job = manager.call_job_fn("key", manager.func_registry["work"], [], {})
    manager.beat(job)  # its last heartbeat before the clock is set
    os.kill(int(job.partition(":")[0]), signal.SIGSTOP)
    set_clock()
    assert manager.job_running(job), "a recent heartbeat"
    os.kill(int(job.partition(":")[0]), signal.SIGCONT)
    assert manager.job_running(job)
    manager.terminate_job(job)
    wait_until(lambda: not psutil.pid_exists(int(job.partition(":")[0])))
    assert not manager.job_running(job)


def test_a_missing_heartbeat_is_noticed(
    manager: ForkJobManager, set_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.jobs.manager.HEARTBEAT_TIMEOUT", 0.5)
    job = manager.call_job_fn("key", manager.func_registry["work"], [], {})
    os.kill(int(job.partition(":")[0]), signal.SIGSTOP)
    manager.beat(job)
    set_clock()
    wait_until(lambda: not manager.job_running(job), 5)


def test_another_process_knows_the_job(manager: ForkJobManager, set_clock: Any, tmp_path: Path) -> None:
    """One that was started after the clock was set, such as a worker of gunicorn."""
    job = manager.call_job_fn("key", manager.func_registry["work"], [], {})
    set_clock()
    other = make_manager(tmp_path)
    assert other.job_running(job)
    other.terminate_job(job)
    wait_until(lambda: not manager.job_running(job))


def test_what_is_kept_stays(tmp_path: Path, tiny_gpt2: LanguageModel, set_clock: Any) -> None:
    results, traces = DiskStore(tmp_path / "jobs", max_bytes=10**7), TraceStore(tmp_path, max_bytes=10**8)
    results.set("result", b"1", seconds=30 * 24 * HOUR)
    traces.get(tiny_gpt2, Prompt("tiny", "the fox"))
    set_clock()
    assert results.get("result") == b"1"
    traces.get(tiny_gpt2, Prompt("tiny", "the fox"))
    assert traces.n_passes == 1
    results.set("later", b"2", seconds=60)
    assert results.get("later") == b"2"
