"""Jobs: once for equal work, places and their number, errors as data, time limits, estimates, processes that die."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.forward import compute_trace
from analysis.machine.threads import use_one_thread
from analysis.models.language_model import LanguageModel
from analysis.task import Arrays, Report, Task
from analysis.trace import Prompt
from dashboard.app import create_app
from dashboard.jobs.forker import Forker
from dashboard.jobs.manager import ForkManager
from dashboard.jobs.service import Jobs
from dashboard.settings import Settings
from tests.page import of_app

START = {"nonce": "n", "question": None, "measure": False}
FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    yield
    use_one_thread()


def jobs_in(folder: Path, **settings: Any) -> Jobs:
    return Jobs(Settings(cache_dir=str(folder), **settings))


def task(model: LanguageModel, compute: Callable[[Report], Arrays], name: str = "x", *, work: float = 1) -> Task:
    trace = compute_trace(model, Prompt("tiny", "the fox"))
    return Task(trace, kind="test", work=work, run=lambda keep: keep(name, compute))


def run(jobs: Jobs, wanted: Task, tell: Callable[[Any], None] = lambda _: None, **start: Any) -> dict[str, Any]:
    return jobs.run(lambda _question: wanted, START | start, tell)


def test_a_result_is_kept_and_shown(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    jobs, times = jobs_in(tmp_path), []

    def compute(_report: Report) -> Arrays:
        times.append(1)
        return {"a": np.arange(3, dtype=np.float32), "b": np.float64(2.5)}

    wanted = task(tiny_gpt2, compute)
    assert jobs.show(wanted, {"q": 1}) == (None, {"question": {"q": 1}, "seconds": None, "automatic": True})
    assert run(jobs, wanted) == {"nonce": "n", "kind": "done", "message": ""}
    assert run(jobs, wanted)["kind"] == "done"
    arrays, offer = jobs.show(wanted, {"q": 1})
    np.testing.assert_array_equal(arrays["a"], [0, 1, 2])
    assert arrays["b"].shape == ()
    assert offer["kept"] > 0
    assert len(times) == 1
    assert jobs.show(task(tiny_gpt2, compute, "y"), {})[0] is None


def test_a_partial_result_is_shown_meanwhile(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    jobs, told, seen = jobs_in(tmp_path), [], []

    def compute(report: Report) -> Arrays:
        report(0.25, {"a": np.zeros(1)})
        seen.append(jobs.show(wanted, {}))
        time.sleep(0.25)
        report(0.5, {})
        return {"a": np.ones(1)}

    wanted = task(tiny_gpt2, compute)
    run(jobs, wanted, told.append)
    arrays, offer = seen[0]
    assert arrays["a"] == [0]
    assert "kept" not in offer
    assert [(tick["nonce"], tick["share"], tick["partial"]) for tick in told] == [("n", 0.25, 1), ("n", 0.5, 1)]
    assert all(tick["left"] > 0 for tick in told)
    assert jobs.show(wanted, {})[0]["a"] == [1]


@pytest.mark.parametrize(("error", "words"), [(AnalysisError("Shorten it."), "Shorten it."), (KeyError("x"), "logged")])
def test_errors_are_data(tmp_path: Path, tiny_gpt2: LanguageModel, error: Exception, words: str) -> None:
    def compute(_report: Report) -> Arrays:
        raise error

    outcome = run(jobs_in(tmp_path), task(tiny_gpt2, compute))
    assert outcome["kind"] == "error"
    assert words in outcome["message"]


def test_a_job_that_takes_too_long_is_ended(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    def compute(_report: Report) -> Arrays:
        try:
            time.sleep(30)
        except Exception:  # as a library might
            time.sleep(30)
        return {}

    began = time.monotonic()
    outcome = run(jobs_in(tmp_path, job_timeout_seconds=1), task(tiny_gpt2, compute))
    assert outcome["kind"] == "timeout"
    assert "1 seconds" in outcome["message"]
    assert time.monotonic() - began < 20


def test_reading_the_question_takes_a_place_and_its_time_is_limited(tmp_path: Path) -> None:
    """A model may have to be loaded for it."""
    jobs, busy = jobs_in(tmp_path, job_timeout_seconds=1), []

    def slow(_question: Any) -> Task:
        busy.append(len(jobs._places._paths))
        time.sleep(30)
        raise AssertionError

    began = time.monotonic()
    assert jobs.run(slow, START, lambda _: None)["kind"] == "timeout"
    assert time.monotonic() - began < 20
    assert busy == [1], "of two places one was held"


def test_what_takes_long_is_only_measured(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    def busy(report: Report) -> Arrays:
        ends = time.process_time() + 60
        while time.process_time() < ends:
            report(max(0.001, 1 - (ends - time.process_time()) / 60), {})
        return {}

    jobs = jobs_in(tmp_path, jobs_parallel=len(os.sched_getaffinity(0)))
    assert run(jobs, task(tiny_gpt2, busy), measure=True)["kind"] == "measured"
    offer = jobs.show(task(tiny_gpt2, busy), {})[1]
    assert not offer["automatic"]
    assert 10 < offer["seconds"] < 120
    twice = jobs.show(task(tiny_gpt2, busy, work=2), {})[1]
    assert twice["seconds"] == pytest.approx(2 * offer["seconds"], rel=0.02)  # all but the start of a process


def in_processes(n: int, jobs: Jobs, wanted: Callable[[int], Task]) -> list[Any]:
    """Start n jobs in forked processes."""
    processes = [FORK.Process(target=lambda k=k: run(jobs, wanted(k)), daemon=True) for k in range(n)]
    for process in processes:
        process.start()
    return processes


def noting(folder: Path, seconds: float) -> Callable[[Report], Arrays]:
    """Work that notes when it began and when it ended, by process."""

    def compute(_report: Report) -> Arrays:
        began = time.monotonic()
        (folder / f"began-{os.getpid()}").touch()
        time.sleep(seconds)
        (folder / f"{began} {time.monotonic()}").touch()
        return {"a": np.zeros(1)}

    return compute


def spans(folder: Path) -> list[tuple[float, float]]:
    return [tuple(map(float, path.name.split())) for path in folder.iterdir() if " " in path.name]  # type: ignore[misc]


def test_equal_work_runs_once(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    wanted = task(tiny_gpt2, noting(notes, 0.5))
    for process in in_processes(4, jobs_in(tmp_path / "c"), lambda _k: wanted):
        process.join(60)
        assert process.exitcode == 0
    assert len(spans(notes)) == 1


def test_no_more_than_the_places_run_at_once(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    compute = noting(notes, 0.4)
    wanted = [task(tiny_gpt2, compute, str(k)) for k in range(6)]
    for process in in_processes(6, jobs_in(tmp_path / "c", jobs_parallel=2), wanted.__getitem__):
        process.join(60)
    done = spans(notes)
    assert len(done) == 6
    assert max(sum(a <= began < b for a, b in done) for began, _ in done) == 2


def test_a_waiter_takes_over_from_one_that_was_killed(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    jobs, wanted = jobs_in(tmp_path / "c"), task(tiny_gpt2, noting(notes, 1.5))
    first, second = in_processes(2, jobs, lambda _k: wanted)
    while not (begun := list(notes.glob("began-*"))):
        time.sleep(0.02)
    killed = int(begun[0].name.split("-")[1])
    os.kill(killed, signal.SIGKILL)
    survivor = second if first.pid == killed else first
    survivor.join(60)
    assert survivor.exitcode == 0
    assert len(spans(notes)) == 1
    assert "kept" in jobs.show(wanted, {})[1]


def test_beyond_the_waiting_room_it_is_busy(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    jobs, notes = jobs_in(tmp_path / "c", jobs_parallel=1, jobs_waiting=0), tmp_path / "notes"
    notes.mkdir()
    (process,) = in_processes(1, jobs, lambda _k: task(tiny_gpt2, noting(notes, 20)))
    while not list(notes.glob("began-*")):
        time.sleep(0.02)
    assert not jobs.show(task(tiny_gpt2, noting(notes, 0), "y"), {})[1]["automatic"]
    outcome = run(jobs, task(tiny_gpt2, noting(notes, 0), "y"))
    assert outcome["kind"] == "busy"
    assert "busy" in outcome["message"]
    process.kill()


def test_a_damaged_result_is_computed_again(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    jobs, wanted = jobs_in(tmp_path), task(tiny_gpt2, lambda _report: {"a": np.zeros(1)})
    run(jobs, wanted)
    for key in list(jobs.store.cache.opened):  # type: ignore[attr-defined]
        if key.startswith("result."):
            jobs.store.set(key, b"damaged", seconds=100)
    assert jobs.show(wanted, {})[0] is None
    run(jobs, wanted)
    assert jobs.show(wanted, {})[0] is not None


def test_all_processes_get_the_same_secret(tmp_path: Path) -> None:
    """Also after the cache was emptied; and nobody else can read it."""
    first = jobs_in(tmp_path).secret()
    other = jobs_in(tmp_path)
    other.store.cache.clear()  # type: ignore[attr-defined]
    assert len(first) == 64
    assert first == other.secret() != jobs_in(tmp_path / "elsewhere").secret()
    assert (tmp_path / "jobs" / "secret").stat().st_mode & 0o777 == 0o600


def test_a_job_that_cannot_be_started_is_an_error_in_words(
    tmp_path: Path, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_forker: Forker, _what: Any) -> int:
        raise OSError("no further process can be forked")

    monkeypatch.setattr(Forker, "fork", full)
    app = create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2})
    outcome = of_app(app.server).start_job("saliency", {"any": "question"}).answer["response"]["saliency-job-done"]
    assert outcome["data"]["kind"] == "error"
    assert "no room for another computation" in outcome["data"]["message"]


def test_a_process_is_watched_and_ended(tmp_path: Path) -> None:
    manager = jobs_in(tmp_path).manager
    assert isinstance(manager, ForkManager)
    manager.func_registry["sleep"] = lambda *_: time.sleep(60)
    job = manager.call_job_fn("key", manager.func_registry["sleep"], [], {})
    assert manager.job_running(job)
    manager.terminate_job(job)
    ends = time.monotonic() + 10
    while manager.job_running(job) and time.monotonic() < ends:
        time.sleep(0.02)
    assert not manager.job_running(job)
    manager.terminate_job("1:0.00")  # another process with that number is not ours
    manager.terminate_job("nonsense")
    manager.close()
