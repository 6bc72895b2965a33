"""How Dash starts, watches and ends the process of a job.

Each job is known by a handle and shows a sign of life; without a fresh one it has ended, whatever its process does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from dash import DiskcacheManager

from dashboard.jobs.forker import Forker
from dashboard.jobs.quota import Busy, Shares
from dashboard.jobs.store import KEPT_SECONDS, DiskStore, JobsError, JobStore
from dashboard.monitoring.json_log import tell_job
from dashboard.web.callback_request import job_panel
from dashboard.web.client import client_address

QUEUED = b"queued"  # the sign of life of one that waits to be taken
BEAT = 1.0  # seconds between two signs of life
_SILENCE = 6.0  # seconds without one, after which a job has ended
_UNREAD_SECONDS = 3600  # that an outcome is kept for a page that may be gone
_AFTERWARDS = 1.0  # seconds that a job outlives its result: who looks for the one and then for the other finds one
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
    shares: Shares
    listener: Callable[[str, str], None] = staticmethod(lambda _panel, _kind: None)  # for `heard`

    def register(self, key: str, fn: Any, progress: Any) -> None:
        if key not in self.func_registry:  # a later app's function of the same name
            super().register(key, fn, progress)

    def start(self) -> None:
        """Make ready, while this process has one thread and no open database."""

    def call_job_fn(self, key: str, job_fn: Any, args: Any, _context: Any) -> str:
        # What the visitor's browser has sent besides (cookies, a password) is no business of a job.
        try:
            return self.shares.begin(client_address(), lambda: self._begin(key, job_fn, args), lives=self.job_running)
        except Busy as busy:
            (start,) = args
            self._keep(key, outcome(start, "busy", str(busy)))
            return ""

    def queued(self, job: str) -> None:
        """Note that a job waits to be taken."""
        self._sign(job, QUEUED, self.patience)

    def beat(self, job: str) -> None:
        """Show a sign of life."""
        self._sign(job, b"running", _SILENCE)

    def _sign(self, job: str, sign: bytes, seconds: float) -> None:
        self.store.set(f"beat.{job}", sign, seconds=seconds)

    def _lives(self, job: str) -> bool:
        return self.store.get(f"beat.{job}") is not None

    def own_handle(self) -> str:
        """The handle of the job that this thread runs."""
        raise NotImplementedError

    def wanted(self) -> bool:
        """Whether anyone still waits for the job that this thread is to run."""
        return True

    def heard(self, job: str, kind: str) -> None:
        """Note what became of a job, once: "started", how it ended, "cancelled", or "killed" by something else."""
        panel = job_panel()
        self.listener(panel, kind)
        if kind in ("cancelled", "killed") or not job:  # which the job itself cannot tell
            tell_job(kind, panel, job)

    def get_result(self, key: str, job: str) -> Any:
        result = self._take(key)
        if result is not self.UNDEFINED:
            self.heard(job, result.get("kind", "error"))
            if job:
                self.store.delete(f"beat.{job}")
        return result

    def job_running(self, job: str) -> bool:
        return self._lives(job)

    def _begin(self, key: str, job_fn: Any, args: Any) -> str:
        """Start a job, and give its handle.

        Raises: Busy if too many wait, JobsError if there is no way to start it.
        """
        raise NotImplementedError

    def _keep(self, key: str, result: dict[str, Any]) -> None:
        raise NotImplementedError

    def _take(self, key: str) -> Any:
        raise NotImplementedError


class ForkManager(Watched, DiskcacheManager):
    """A process for each job, which sees the models that were loaded at the start without a copy."""

    def __init__(self, store: DiskStore, prepare: Callable[[], None], *, patience: float) -> None:
        super().__init__(store.cache.opened)
        self.handle = store.cache
        self.store, self.patience = store, patience
        self._forker = Forker(self._run, prepare)

    def start(self) -> None:
        self._forker.start()

    def close(self) -> None:
        """End all jobs that this process has started."""
        self._forker.close()

    def _sign(self, job: str, sign: bytes, seconds: float) -> None:
        # Until when, by a clock that is the same in all processes, and that nobody sets.
        self.store.set(f"beat.{job}", str(time.monotonic() + seconds).encode(), seconds=KEPT_SECONDS)

    def _lives(self, job: str) -> bool:
        until = self.store.get(f"beat.{job}")
        return until is not None and time.monotonic() < float(until)

    def own_handle(self) -> str:
        return _handle(os.getpid())

    def _begin(self, key: str, job_fn: Any, args: Any) -> str:
        name = next(name for name, known in self.func_registry.items() if known is job_fn)
        try:
            job = _handle(self._forker.fork([name, key, args]))
        except OSError as error:
            raise JobsError("The server has no room for another computation at the moment. Try again.") from error
        self.queued(job)
        self.heard(job, "started")
        return job

    def job_running(self, job: str) -> bool:
        if not self._lives(job):
            return False
        if _process(job) is None:
            self.heard(job, "killed")
            self.store.delete(f"beat.{job}")
            return False
        return True

    def terminate_job(self, job: str | None) -> None:
        if job and (process := _process(job)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
            if self._lives(job):  # not one that has ended, and is about to go
                self.heard(job, "cancelled")
                self.store.delete(f"beat.{job}")

    def _run(self, what: Any) -> None:
        name, key, args = what
        self.func_registry[name](key, self._make_progress_key(key), args, {})
        time.sleep(_AFTERWARDS)

    def _keep(self, key: str, result: dict[str, Any]) -> None:
        self.handle.set(key, result, expire=_UNREAD_SECONDS)

    def _take(self, key: str) -> Any:
        # Looking first, as it is asked for often before it is there: to take something, one waits for all who write.
        return self.handle.pop(key, self.UNDEFINED) if key in self.handle else self.UNDEFINED


def _handle(pid: int) -> str:
    """A process by its number and when it began, since numbers are used again."""
    return f"{pid}:{_began(pid)}"


def _process(job: str) -> psutil.Process | None:
    """The living process of a handle."""
    pid, _, began = job.partition(":")
    with suppress(psutil.NoSuchProcess, OSError, ValueError):
        process = psutil.Process(int(pid))
        if _began(int(pid)) == began and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def _began(pid: int) -> str:
    """In ticks since the machine did; psutil's time of day is another one when the clock has been set.

    Raises: OSError if there is no such process.
    """
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
