"""The machine's clock is set forward or back by an hour: running jobs are not lost, and kept results stay."""

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
from dashboard.jobs.manager import ForkManager
from dashboard.jobs.quota import Shares
from dashboard.jobs.store import DiskStore
from tests.serving import wait_until

HOUR = 3600


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ForkManager]:
    manager = ForkManager(DiskStore(tmp_path / "jobs", max_bytes=10**7), lambda: None, patience=60)
    manager.shares = Shares(manager.store, 8, lambda: "secret")

    def work(*_: Any) -> None:
        while True:
            manager.beat(manager.own_handle())
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


def test_a_job_goes_on_and_can_be_ended(manager: ForkManager, set_clock: Any) -> None:
    job = manager.call_job_fn("key", manager.func_registry["work"], [], {})
    manager.beat(job)  # the last that is heard of it before
    os.kill(int(job.partition(":")[0]), signal.SIGSTOP)
    set_clock()
    assert manager.job_running(job), "a sign of life of just now"
    os.kill(int(job.partition(":")[0]), signal.SIGCONT)
    assert manager.job_running(job)
    manager.terminate_job(job)
    wait_until(lambda: not psutil.pid_exists(int(job.partition(":")[0])))
    assert not manager.job_running(job)


def test_silence_is_noticed_all_the_same(manager: ForkManager, set_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.jobs.manager._SILENCE", 0.5)
    job = manager.call_job_fn("key", manager.func_registry["work"], [], {})
    os.kill(int(job.partition(":")[0]), signal.SIGSTOP)
    manager.beat(job)
    set_clock()
    wait_until(lambda: not manager.job_running(job), 5)


def test_another_process_knows_the_job(manager: ForkManager, set_clock: Any, tmp_path: Path) -> None:
    """One that was started after the clock was set, such as a worker of gunicorn."""
    job = manager.call_job_fn("key", manager.func_registry["work"], [], {})
    set_clock()
    other = ForkManager(DiskStore(tmp_path / "jobs", max_bytes=10**7), lambda: None, patience=60)
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
