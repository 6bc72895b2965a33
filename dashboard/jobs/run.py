"""Job runner, in a job's process: computes a task once for all requests, stores its arrays, and reports progress.

Each request of a page is a job of its own, since a nonce is among its arguments. A job acquires the lock of its work,
looks for the result in the store, and only then waits for one of the machine's slots. So equal work runs once, a
cancelled job ends only its own wait, and when the job that computes is killed, one that waits takes over.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from analysis.machine.threads import use_threads
from analysis.task import Arrays, Task
from dashboard.errors import user_message
from dashboard.jobs.deadline import JobEnded, deadline
from dashboard.jobs.estimates import AUTOMATIC_SECONDS, Estimates, Expected
from dashboard.jobs.events import JobEvent
from dashboard.jobs.manager import JobManager, QueueFull, outcome
from dashboard.jobs.slots import Slots
from dashboard.jobs.store import JobStore, Results, result_key

_MOST_MEASURING = 8.0  # seconds that a measurement may take on a busy machine
_PROGRESS_SECONDS = 0.2  # between two messages to the page

TaskOf = Callable[[Any], Task]  # the task of a question that came from a page
SetProgress = Callable[[Any], None]  # sends a message to the page


@dataclass(frozen=True)
class Machine:
    """What the jobs of a machine share.

    slots: for jobs that compute. queue: for those and the ones that wait. timeout: seconds that a job may compute.
    """

    manager: JobManager
    store: JobStore
    results: Results
    estimates: Estimates
    slots: Slots
    queue: Slots
    timeout: int

    def refusal(self, task: Task, expected: Expected | None) -> str:
        """Why a task is not started: it cannot end within the time limit. Empty if it can, or nothing is known."""
        if expected is None or expected.least <= self.timeout:
            return ""
        n_tokens = int(task.trace.n_positions * self.timeout / expected.least)
        shorter = f"A text of {n_tokens} tokens or a faster method" if n_tokens > 1 else "A faster method"
        return (
            f"Not started: it would take about {expected.least / 60:,.0f} minutes, and this server ends a computation "
            f"after {self.timeout:,} seconds. {shorter} would be within that limit."
        )


def run_job(machine: Machine, task_of: TaskOf, start: Any, set_progress: SetProgress, *, panel: str) -> dict[str, Any]:
    """Compute the task of a question and keep its arrays; gives the outcome. Never raises: errors are data.

    start: the page's request, `{"nonce", "question", "measure"}`. With measure, a task that turns out to be slow ends
    as soon as it has an estimate.
    """
    run = _Run(machine, start if isinstance(start, dict) else {}, set_progress)
    end = run.run(task_of)
    trace = run.task.trace if run.task else None
    machine.manager.hooks.log(
        JobEvent(
            end["kind"],
            panel,
            machine.manager.current_job(),
            model=trace.prompt.model if trace else None,
            n_tokens=trace.n_positions if trace else None,
            seconds_waited=round(time.monotonic() - run.started - run.computed, 3),
            seconds_computed=round(run.computed, 3),
        )
    )
    return end


class _Run:
    """One job."""

    def __init__(self, machine: Machine, start: dict[str, Any], set_progress: SetProgress) -> None:
        self._machine, self._start, self._set_progress = machine, start, set_progress
        self.task: Task | None = None
        self.started = time.monotonic()
        self.computed = 0.0  # seconds
        self._told = -math.inf  # when the page was last sent a message
        self._n_partial = 0
        self._share = 0.0  # of the task that is done

    def run(self, task_of: TaskOf) -> dict[str, Any]:
        machine = self._machine
        try:
            if machine.manager.cancelled():
                return outcome(self._start, "cancelled")
            with machine.manager.heartbeat(), machine.queue.acquire(_refuse):
                # The model may have to be loaded for the task. The slot is freed before the lock of the work is
                # acquired, since the holder of that lock waits for a slot.
                with self._slot(), deadline(machine.timeout):
                    self.task = task_of(self._start.get("question"))
                self._compute(self.task)
            return outcome(self._start, "done")
        except QueueFull as full:
            return outcome(self._start, "busy", str(full))
        except JobEnded as ended:
            return outcome(self._start, *ended.args)
        except Exception as error:
            return outcome(self._start, "error", user_message(error))

    def _compute(self, task: Task) -> None:
        """Compute and keep the task's arrays, unless they are in the store."""
        machine = self._machine
        with machine.store.lock(
            f"work.{result_key(task)}", lambda: self._wait("Another job is computing the same result.")
        ):
            if machine.results.complete(task) is not None:
                return
            if refused := machine.refusal(task, machine.estimates.expected(task)):
                raise JobEnded("refused", refused)
            with self._slot() as n_running:
                n_threads = use_threads(len(os.sched_getaffinity(0)) // n_running)
                measure = _Measure(task, machine.estimates, n_threads) if self._start.get("measure") else None
                began = time.monotonic()
                try:
                    with deadline(machine.timeout):
                        arrays = task.compute(lambda share, partial: self._report(task, began, measure, share, partial))
                except JobEnded as ended:
                    if ended.args[0] == "timeout":
                        self._keep_partial_result(task, time.monotonic() - began)
                    raise
                finally:
                    seconds = time.monotonic() - began
                    self.computed += seconds
            machine.estimates.record(task, float(arrays.get("work", task.work)), seconds, complete=True)
            machine.results.keep(task, arrays, seconds, threads=n_threads)

    def _keep_partial_result(self, task: Task, seconds: float) -> None:
        """At the time limit: keep what there is as this question's result, and record how slow the task is."""
        partial = self._machine.results.partial(task)
        if partial is None:
            if self._share:
                self._machine.estimates.record(task, task.work, seconds / self._share, complete=False)
            return
        self._machine.results.keep(task, partial, seconds, ended=True)
        if "work" in partial:
            self._machine.estimates.record(task, float(partial["work"]), seconds, complete=True)

    def _slot(self) -> AbstractContextManager[int]:
        return self._machine.slots.acquire(lambda: self._wait("Waiting for other computations to finish."))

    def _report(self, task: Task, began: float, measure: _Measure | None, share: float, partial: Arrays) -> None:
        self._share = share
        if partial and not measure:  # nobody has asked for what is only measured
            self._machine.results.keep_partial(task, partial)
            self._n_partial += 1
            self._told = -math.inf  # the page draws it at once
        if measure:
            measure.check(share)
        elapsed = time.monotonic() - began
        left = elapsed * (1 - share) / share if share > 0 else None
        self._tell({"phase": "running", "share": share, "left": left, "partial": self._n_partial})

    def _wait(self, words: str) -> None:
        self._tell({"phase": "waiting", "words": words})

    def _tell(self, message: dict[str, Any]) -> None:
        if time.monotonic() - self._told > _PROGRESS_SECONDS:
            self._told = time.monotonic()
            self._set_progress({"nonce": str(self._start.get("nonce")), **message})


class _Measure:
    """Ends a task that nobody has asked for with a click once it is known to be slow."""

    def __init__(self, task: Task, estimates: Estimates, n_threads: int) -> None:
        self._task, self._estimates, self._n_threads = task, estimates, n_threads
        self._began, self._began_cpu = time.monotonic(), time.process_time()

    def check(self, share: float) -> None:
        """Raises: JobEnded if the task is slow; its estimate is then recorded. share: of the task that is done."""
        if share <= 0:
            return
        # Processor time, since a page that opens keeps the machine busy for a moment; but not without limit.
        own = (time.process_time() - self._began_cpu) / self._n_threads
        if own > AUTOMATIC_SECONDS or time.monotonic() - self._began > _MOST_MEASURING:
            self._estimates.record(self._task, self._task.work, own / share, complete=False)
            raise JobEnded("measured")


def _refuse() -> None:
    raise QueueFull
