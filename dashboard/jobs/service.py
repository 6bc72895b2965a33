"""Background jobs: one interface, two ways to run them, and what happens inside a job.

A page's request is a Dash job of its own (its nonce is part of the arguments). The job takes the lock of its work,
looks whether the result is there, and only then waits for one of the machine's places. So equal work runs once,
cancelling ends only one's own wait, and when the one who computes is killed, a waiter takes over.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import numpy as np
import safetensors.numpy
from dash import Dash, Input, Output, ctx
from safetensors import SafetensorError

from analysis.machine.threads import use_threads
from analysis.storage.trace_store import trace_key
from analysis.task import Arrays, Task
from dashboard.errors import user_message
from dashboard.jobs.deadline import Ended, deadline
from dashboard.jobs.estimates import Estimates
from dashboard.jobs.manager import BEAT, BUSY, ForkManager, Watched, outcome
from dashboard.jobs.quota import Shares
from dashboard.jobs.store import KEPT_SECONDS, DiskStore, JobsError, JobStore, Places
from dashboard.monitoring.json_log import JobLine
from dashboard.settings import Settings
from layouts.job import JobIds

AUTOMATIC_SECONDS = 2.0  # what is expected to take no longer starts by itself
_MOST_MEASURING = 8.0  # seconds, on a busy machine
_PARTIAL_SECONDS = 120
_TOOK = "seconds"  # among the kept arrays: how long they took
_TELL_EVERY = 0.2
_AGAIN_SECONDS = 1.0
_log = logging.getLogger(__name__)

TaskOf = Callable[[Any], Task]  # from a question that came from a page
Tell = Callable[[Any], None]  # the page, how far a job is


class Jobs:
    """Starts jobs for pages, and shows what they have computed."""

    def __init__(self, settings: Settings, prepare: Callable[[], None] = lambda: None) -> None:
        """prepare: does, in the process that jobs are forked from, what they need."""
        self.prepare = prepare
        directory = settings.cache_path / "jobs"
        self._timeout = settings.job_timeout_seconds
        self._places = Places(directory / "places", settings.jobs_parallel)
        self._rooms = Places(directory / "rooms", settings.jobs_parallel + settings.jobs_waiting)
        self.store: JobStore
        self.manager: Watched
        if settings.redis_url:
            from dashboard.jobs.celery_manager import QueueManager, RedisStore  # Celery takes 30 MB

            queue = RedisStore(settings.redis_address)
            self.store = queue
            self.manager = QueueManager(
                settings.redis_address, queue, patience=self._timeout, most_waiting=settings.jobs_waiting
            )
            self._idle = lambda: queue.n_waiting() == 0
        else:
            disk = DiskStore(directory, max_bytes=settings.cache_mb * 10**6)
            self.store = disk
            self.manager = ForkManager(disk, prepare, patience=self._timeout)
            self._idle = self._places.any_free
        self.manager.shares = Shares(self.store, settings.jobs_per_visitor, self.secret)
        self._estimates = Estimates(self.store)

    def start(self) -> None:
        """Make ready to start jobs, while this process has one thread and its other databases are closed."""
        if isinstance(self.store, DiskStore):
            self.store.close()
        self.manager.start()

    def secret(self) -> str:
        """What pages' handles of jobs are signed with, the same in all processes that serve them.

        Raises: JobsError if the store cannot be reached.
        """
        return self.store.secret(lambda: secrets.token_hex(32).encode()).decode()

    def secret_at_start(self) -> str:
        """The same, once the store can be reached: a process may begin before its Redis does."""
        while True:
            try:
                return self.secret()
            except JobsError as error:
                _log.warning("Waiting to begin. %s", error)
                time.sleep(_AGAIN_SECONDS)

    def n_held(self) -> tuple[int, int]:
        """Places and rooms that are taken on this machine: jobs at work, and these and those that wait."""
        return self._places.n_held(), self._rooms.n_held()

    def show(self, task: Task, question: dict[str, Any]) -> tuple[Any, dict[str, Any] | None]:
        """What is known of a task's result, None if nothing; and what the page may do.

        question: what a page has to send back so that the same task is run. What the page may do: the question, and for
        a complete result the seconds it took (kept); else those expected (seconds; None: not measured yet), and whether
        it is to start by itself (automatic). None, if the result needed nothing slow.
        """
        try:
            return self._known(task, question)
        except JobsError:  # nothing is known at the moment; who starts it is told
            return None, {"question": question, "seconds": None, "automatic": False}

    def _known(self, task: Task, question: dict[str, Any]) -> tuple[Any, dict[str, Any] | None]:
        found: dict[str, Arrays] = {}

        def look(name: str, _compute: Any) -> Arrays | None:
            key = _work_key(task, name)
            for state in ("", ".partial"):
                if (arrays := self._read(key + state)) is not None:
                    found[state] = arrays
                    return arrays
            return None

        result = task.run(look)
        if not found and result is not None:
            return result, None
        if "" in found:
            return result, {"question": question, "kept": found[""][_TOOK].item()}
        seconds = self._estimates.expected(task)
        automatic = (seconds is None or seconds <= AUTOMATIC_SECONDS) and self._idle()
        return result, {"question": question, "seconds": seconds, "automatic": automatic}

    def register(self, app: Dash, name: str, task_of: TaskOf) -> None:
        """Let the panel of that name ask for tasks. task_of: raises AnalysisError for a question that is malformed."""
        ids = JobIds(name)

        @app.callback(
            Output(ids.done, "data"),
            Input(ids.start, "data"),
            background=True,
            manager=self.manager,
            interval=250,
            progress=[Output(ids.tick, "data")],
            cancel=[Input(ids.cancel, "n_clicks")],
            prevent_initial_call=True,
            on_error=_not_started,
        )
        def run(set_progress: Callable[[Any], None], start: Any) -> dict[str, Any]:
            return self.run(task_of, start, set_progress, panel=name)

    def run(self, task_of: TaskOf, start: Any, tell: Tell, *, panel: str = "") -> dict[str, Any]:
        """In the job's process: compute, keep, and say how it ended. It never raises: errors are data.

        start: `{"nonce", "question", "measure"}` from the page; with measure, what turns out to take long is only
        measured.
        """
        line = JobLine(panel, self.manager.own_handle())
        end = self._end(task_of, start if isinstance(start, dict) else {}, tell, line)
        line.tell(end["kind"])
        return end

    def _end(self, task_of: TaskOf, start: dict[str, Any], tell: Tell, line: JobLine) -> dict[str, Any]:
        try:
            if not self.manager.wanted():
                return outcome(start, "cancelled")
            with self._alive(), self._room():
                _Run(self, bool(start.get("measure")), str(start.get("nonce")), tell, line).run(
                    task_of, start.get("question")
                )
            return outcome(start, "done")
        except Ended as ended:
            return outcome(start, *ended.args)
        except Exception as error:
            return outcome(start, "error", user_message(error))

    def _read(self, key: str) -> Arrays | None:
        value = self.store.get(key)
        try:
            return None if value is None else safetensors.numpy.load(value)
        except SafetensorError:
            _log.warning("A kept result was damaged and is computed again: %s", key)
            return None

    @contextmanager
    def _alive(self) -> Iterator[None]:
        """Show signs of life from another thread, as long as this process is at work."""
        ended, job = threading.Event(), self.manager.own_handle()

        def beat() -> None:
            while True:
                with suppress(JobsError):
                    self.manager.beat(job)
                    self.store.renew()
                if ended.wait(BEAT):
                    return

        threading.Thread(target=beat, daemon=True).start()
        try:
            yield
        finally:
            ended.set()

    @contextmanager
    def _room(self) -> Iterator[None]:
        def full() -> None:
            raise Ended("busy", BUSY)

        with self._rooms.take(full):
            yield


class _Run:
    """One task in a job's process."""

    _task: Task

    def __init__(self, jobs: Jobs, measure: bool, nonce: str, tell: Tell, line: JobLine) -> None:
        self._jobs, self._measure, self._nonce, self._tell, self._line = jobs, measure, nonce, tell, line
        self._told = -np.inf
        self._n_partial = 0

    def run(self, task_of: TaskOf, question: Any) -> None:
        # A model may have to be loaded for it. The place is left before the lock of the work is taken, as one who has
        # that lock waits for a place.
        with self._place(), deadline(self._jobs._timeout):
            self._task = task_of(question)
            self._line.model, self._line.n_tokens = self._task.trace.prompt.model, self._task.trace.n_positions
        self._task.run(self._keep)

    def _place(self) -> AbstractContextManager[int]:
        return self._jobs._places.take(lambda: self._wait("Waiting for its turn: others are being served."))

    def _keep(self, name: str, compute: Callable[[Any], Arrays]) -> Arrays:
        jobs, key = self._jobs, _work_key(self._task, name)
        with jobs.store.lock(f"work.{key}", lambda: self._wait("The same computation is running for someone else.")):
            kept = jobs._read(key)
            if kept is not None:
                return kept
            with self._place() as busy:
                n_threads = use_threads(len(os.sched_getaffinity(0)) // busy)
                self._began, self._began_cpu = time.monotonic(), time.process_time()
                with deadline(jobs._timeout), self._line.computing():
                    arrays = compute(lambda share, known: self._report(key, share, known, n_threads))
                seconds = time.monotonic() - self._began
            jobs._estimates.learn(self._task, float(arrays.get("work", self._task.work)), seconds, whole=True)
            jobs.store.set(key, _written({**arrays, _TOOK: np.float64(seconds)}), seconds=KEPT_SECONDS)
            jobs.store.delete(f"{key}.partial")
            return arrays

    def _wait(self, words: str) -> None:
        self._say({"phase": "waiting", "words": words})

    def _report(self, key: str, share: float, known: Arrays, n_threads: int) -> None:
        if known:
            self._jobs.store.set(f"{key}.partial", _written(known), seconds=_PARTIAL_SECONDS)
            self._n_partial += 1
            self._told = -np.inf
        elapsed = time.monotonic() - self._began
        if self._measure and share > 0:
            # The processor's time: a page that is being opened takes much of it away for a moment; but not for long.
            own = (time.process_time() - self._began_cpu) / n_threads
            if own > AUTOMATIC_SECONDS or elapsed > _MOST_MEASURING:
                self._jobs._estimates.learn(self._task, self._task.work, own / share, whole=False)
                raise Ended("measured")
        left = elapsed * (1 - share) / share if share > 0 else None
        self._say({"phase": "running", "share": share, "left": left, "partial": self._n_partial})

    def _say(self, what: dict[str, Any]) -> None:
        if time.monotonic() - self._told > _TELL_EVERY:
            self._told = time.monotonic()
            self._tell({"nonce": self._nonce, **what})


def _not_started(error: Exception) -> dict[str, Any]:
    """The outcome of a request that no job came of."""
    (start,) = ctx.inputs.values()
    if start is None:
        raise error  # it follows a job, and will be asked again
    return outcome(start, "error", user_message(error))


def _work_key(task: Task, name: str) -> str:
    return f"result.{trace_key(task.trace.info, task.trace.tokens)}.{name}"


def _written(arrays: Arrays) -> bytes:
    return safetensors.numpy.save({name: np.array(array, order="C") for name, array in arrays.items()})
