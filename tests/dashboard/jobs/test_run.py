"""The job runner: equal work runs once; slots and queue, errors as data, time limits, estimates, killed processes."""

import multiprocessing
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.models.language_model import LanguageModel
from analysis.task import Arrays, Progress, Task
from dashboard.jobs.events import JobEvent
from dashboard.jobs.service import Jobs
from dashboard.settings import Settings
from tests.dashboard.jobs.tasks import START, jobs_in, run, task

FORK = multiprocessing.get_context("fork")


@pytest.mark.parametrize(("error", "words"), [(AnalysisError("Shorten it."), "Shorten it."), (KeyError("x"), "logged")])
def test_errors_are_data(tmp_path: Path, tiny_gpt2: LanguageModel, error: Exception, words: str) -> None:
    def compute(_report: Progress) -> Arrays:
        raise error

    outcome = run(jobs_in(tmp_path), task(tiny_gpt2, compute))
    assert outcome["kind"] == "error"
    assert words in outcome["message"]


def test_a_job_that_takes_too_long_is_ended(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    def compute(_report: Progress) -> Arrays:
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


def test_what_it_had_at_its_time_limit_is_kept_as_that(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    def compute(report: Progress) -> Arrays:
        report(0.25, {"a": np.arange(2), "work": np.array(0.5)})
        time.sleep(30)
        return {}

    jobs, wanted = jobs_in(tmp_path, job_timeout_seconds=1), task(tiny_gpt2, compute)
    assert run(jobs, wanted)["kind"] == "timeout"
    result, offer = jobs.show(wanted, {})
    assert result["a"].tolist() == [0, 1]
    assert (offer["ended"], offer["kept"] >= 1) == (True, True)
    assert run(jobs, wanted)["kind"] == "done", "it is not computed again"


def test_what_cannot_end_within_the_limit_is_not_started(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    jobs, began = jobs_in(tmp_path, job_timeout_seconds=1), []

    def compute(_report: Progress) -> Arrays:
        began.append(1)
        time.sleep(0.3)
        return {"a": np.zeros(1)}

    assert run(jobs, task(tiny_gpt2, compute))["kind"] == "done"
    long = task(tiny_gpt2, compute, "long", work=100)
    offer = jobs.show(long, {})[1]
    assert not offer["automatic"]
    n_tokens = long.trace.n_positions
    shorter = re.search(r"A text of (\d+) tokens", offer["refused"])
    assert shorter is None or int(shorter[1]) < n_tokens
    assert "within that limit" in offer["refused"]
    assert run(jobs, long) == {"nonce": "n", "kind": "refused", "message": offer["refused"]}
    assert began == [1]
    assert jobs.show(task(tiny_gpt2, compute, "short"), {})[1]["refused"] == ""


def test_what_is_only_measured_leaves_no_partial_result(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    jobs = jobs_in(tmp_path)

    def compute(report: Progress) -> Arrays:
        report(0.5, {"a": np.zeros(1)})
        assert jobs.show(wanted, {})[0] is None
        return {"a": np.ones(1)}

    wanted = task(tiny_gpt2, compute)
    assert run(jobs, wanted, measure=True)["kind"] == "done"


def test_reading_the_question_takes_a_slot_and_its_time_is_limited(tmp_path: Path) -> None:
    """A model may have to be loaded for it."""
    jobs, busy = jobs_in(tmp_path, job_timeout_seconds=1), []

    def slow(_question: Any) -> Task:
        busy.append(len(jobs._machine.slots._paths))
        time.sleep(30)
        raise AssertionError

    began = time.monotonic()
    assert jobs.run(slow, START, lambda _: None)["kind"] == "timeout"
    assert time.monotonic() - began < 20
    assert busy == [1], "of two slots one was held"


def test_a_slow_task_is_only_measured(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    def busy(report: Progress) -> Arrays:
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


def noting(folder: Path, seconds: float) -> Callable[[Progress], Arrays]:
    """Work that notes when it began and when it ended, by process."""

    def compute(_report: Progress) -> Arrays:
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


def test_no_more_than_the_slots_run_at_once(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
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


def test_beyond_the_queue_it_is_busy(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
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


def test_its_end_is_logged_with_how_long_it_waited_and_computed(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    logged: list[JobEvent] = []
    jobs = Jobs(Settings(cache_dir=str(tmp_path)), log=logged.append)

    def compute(_report: Progress) -> Arrays:
        time.sleep(0.3)
        return {"a": np.zeros(1)}

    def task_of(_question: Any) -> Task:
        time.sleep(0.2)  # as for a model that is loaded
        return task(tiny_gpt2, compute)

    assert jobs.run(task_of, START, lambda _: None, panel="saliency")["kind"] == "done"
    (event,) = logged
    assert (event.kind, event.panel, event.model) == ("done", "saliency", "tiny")
    assert event.job == jobs.manager.current_job()
    assert event.n_tokens == task(tiny_gpt2, compute).trace.n_positions
    assert event.seconds_computed is not None
    assert event.seconds_waited is not None
    assert event.seconds_computed >= 0.3
    assert event.seconds_waited >= 0.2


def test_the_end_of_a_malformed_question_is_logged_too(tmp_path: Path) -> None:
    logged: list[JobEvent] = []
    jobs = Jobs(Settings(cache_dir=str(tmp_path)), log=logged.append)

    def refuse(_question: Any) -> Task:
        raise AnalysisError("The page sent no readable question.")

    assert jobs.run(refuse, None, lambda _: None, panel="saliency") == {
        "nonce": None,
        "kind": "error",
        "message": "The page sent no readable question.",
    }
    assert [(event.kind, event.model, event.n_tokens, event.seconds_computed) for event in logged] == [
        ("error", None, None, 0.0)
    ]
