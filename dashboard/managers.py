"""How Dash starts, watches and ends the process of a job.

Each job is known by a handle and shows a sign of life; without a fresh one it has ended, whatever its process does.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Any

import psutil
from dash import DiskcacheManager

from dashboard.forker import Forker
from dashboard.job_store import DiskStore, JobsError, JobStore

QUEUED = b"queued"  # the sign of life of one that waits to be taken
BEAT = 1.0  # seconds between two signs of life
_SILENCE = 6.0  # seconds without one, after which a job has ended
_AFTERWARDS = 1.0  # seconds that a job outlives its result: who looks for the one and then for the other finds one
MOST_WAITING = 16  # jobs that wait for a place, on a machine or in a queue; beyond that, "busy"
BUSY = "The server is busy: many computations are waiting already. Try again in a minute."


def outcome(start: Any, kind: str, message: str = "") -> dict[str, Any]:
    """How a job ended, for the page that asked. start: what it asked with, which may be anything."""
    return {"nonce": start.get("nonce") if isinstance(start, dict) else None, "kind": kind, "message": message}


class Watched:
    """What both managers share. Results are read once; a job that has written its result is left to end by itself."""

    functions = ()  # those of other apps in this process are not ours
    UNDEFINED: object
    store: JobStore
    func_registry: dict[str, Any]
    patience: float  # seconds that a job may wait to be taken

    def register(self, key: str, fn: Any, progress: Any) -> None:
        if key not in self.func_registry:  # a later app's function of the same name
            super().register(key, fn, progress)

    def start(self) -> None:
        """Make ready, while this process has one thread and no open database."""

    def queued(self, job: str) -> None:
        self.store.set(f"beat.{job}", QUEUED, seconds=self.patience)

    def beat(self, job: str) -> None:
        """Show a sign of life."""
        self.store.set(f"beat.{job}", b"running", seconds=_SILENCE)

    def own_handle(self) -> str:
        """The handle of the job that this thread runs."""
        raise NotImplementedError

    def wanted(self) -> bool:
        """Whether anyone still waits for the job that this thread is to run."""
        return True

    def get_result(self, key: str, job: str) -> Any:
        result = self._take(key)
        if result is not self.UNDEFINED and job:
            self.store.delete(f"beat.{job}")
        return result

    def job_running(self, job: str) -> bool:
        return self.store.get(f"beat.{job}") is not None

    def _take(self, key: str) -> Any:
        raise NotImplementedError


class ForkManager(Watched, DiskcacheManager):
    """A process for each job, which sees the models that were loaded at the start without a copy."""

    def __init__(self, store: DiskStore, *, patience: float) -> None:
        super().__init__(store.cache)
        self.store, self.patience = store, patience
        self._forker = Forker(self._run)

    def start(self) -> None:
        self._forker.start()

    def close(self) -> None:
        """End all jobs that this process has started."""
        self._forker.close()

    def own_handle(self) -> str:
        return _handle(os.getpid())

    def call_job_fn(self, key: str, job_fn: Any, args: Any, context: Any) -> str:
        name = next(name for name, known in self.func_registry.items() if known is job_fn)
        try:
            job = _handle(self._forker.fork([name, key, args, context]))
        except OSError as error:
            raise JobsError("The server has no room for another computation at the moment. Try again.") from error
        self.queued(job)
        return job

    def job_running(self, job: str) -> bool:
        return super().job_running(job) and _process(job) is not None

    def terminate_job(self, job: str | None) -> None:
        if job and (process := _process(job)):
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _run(self, what: Any) -> None:
        name, key, args, context = what
        self.func_registry[name](key, self._make_progress_key(key), args, context)
        time.sleep(_AFTERWARDS)

    def _take(self, key: str) -> Any:
        # Looking first, as it is asked for often before it is there: to take something, one waits for all who write.
        return self.handle.pop(key, self.UNDEFINED) if key in self.handle else self.UNDEFINED


def _handle(pid: int) -> str:
    """A process by its number and the time it began, since numbers are used again."""
    return f"{pid}:{psutil.Process(pid).create_time():.2f}"


def _process(job: str) -> psutil.Process | None:
    """The living process of a handle."""
    pid, _, began = job.partition(":")
    with suppress(psutil.NoSuchProcess, ValueError):
        process = psutil.Process(int(pid))
        if f"{process.create_time():.2f}" == began and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None
