"""The base of both job managers: quota, heartbeats and outcomes on top of Dash's background callbacks.

A manager starts a job, looks after it and ends it. Each job has a handle and a heartbeat; without a recent heartbeat
it counts as ended, whatever its process does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from dash.background_callback.managers import BaseBackgroundCallbackManager

from analysis.errors import AnalysisError
from dashboard.jobs.events import JobEvent, Listener
from dashboard.jobs.quota import Quota, QuotaExceeded
from dashboard.jobs.store import JobsError, JobStore

QUEUED = b"queued"  # the heartbeat of a job that no worker has taken yet
_HEARTBEAT_SECONDS = 1.0
HEARTBEAT_TIMEOUT = 6.0  # seconds without a heartbeat after which a job has ended


class QueueFull(AnalysisError):
    """As many jobs are waiting as may wait."""

    def __init__(self) -> None:
        super().__init__("The server is busy: many computations are waiting already. Try again in a minute.")


@dataclass(frozen=True)
class Hooks:
    """What the rest of the server gives to jobs.

    client: the address of the current request's client. panel: the panel whose job the current request is about.
    count: is told of starts and ends, in web processes. log: is told of ends, in the process that knows them: the job's
    own, or a web process if the job was cancelled or killed.
    """

    client: Callable[[], str] = lambda: ""
    panel: Callable[[], str] = lambda: ""
    count: Listener = lambda _event: None
    log: Listener = lambda _event: None


NO_HOOKS = Hooks()


def outcome(start: Any, kind: str, message: str = "") -> dict[str, Any]:
    """How a job ended, for the page. start: the page's request, which may be anything."""
    return {"nonce": start.get("nonce") if isinstance(start, dict) else None, "kind": kind, "message": message}


class JobManager(BaseBackgroundCallbackManager):
    """Starts, follows and ends jobs; a subclass knows how a job is run.

    An outcome is read once. A job that has written its outcome is left to end on its own.

    queue_timeout: seconds that a job may wait for a process to take it.
    """

    functions: list[Any] = []  # noqa: RUF012  # Dash's list holds the functions of all apps in this process
    store: JobStore
    quota: Quota
    queue_timeout: float
    hooks: Hooks

    # Called by web processes.

    def start(self) -> None:
        """Prepare to start jobs; called while this process has one thread and no open database."""

    def register(self, key: str, fn: Any, progress: Any) -> None:
        if key not in self.func_registry:  # else it is the function of another app in this process
            super().register(key, fn, progress)

    def call_job_fn(self, key: str, job_fn: Any, args: Any, _context: Any) -> str:
        """Start a job; gives its handle, which is empty if the job is refused.

        The context, with the request's cookies and headers, is not passed on to the job.
        """
        try:
            return self.quota.start(
                self.hooks.client(), lambda: self._start(key, job_fn, args), is_running=self.job_running
            )
        except (QuotaExceeded, QueueFull) as refused:
            (start,) = args
            self._put_outcome(key, outcome(start, "busy", str(refused)))
            return ""

    def job_running(self, job: str) -> bool:
        return self._is_alive(job)

    def get_result(self, key: str, job: str) -> Any:
        """The outcome of a job, or UNDEFINED before it has ended."""
        result = self._pop_outcome(key)
        if result is not self.UNDEFINED:
            kind = result.get("kind", "error")
            self._count(job, kind)
            if job:
                self.store.delete(_heartbeat_key(job))
            else:  # there is no process that could have logged it
                self._log(job, kind)
        return result

    # Called by jobs.

    def current_job(self) -> str:
        """The handle of the job that this process runs."""
        raise NotImplementedError

    def cancelled(self) -> bool:
        """Whether the job that this process is about to run was cancelled while it was queued."""
        return False

    def beat(self, job: str) -> None:
        """Show one heartbeat."""
        self._set_heartbeat(job, b"running", HEARTBEAT_TIMEOUT)

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Show a heartbeat every second, and renew locks, from another thread while the context lasts."""
        ended, job = threading.Event(), self.current_job()

        def beat() -> None:
            while True:
                with suppress(JobsError):
                    self.beat(job)
                    self.store.renew_locks()
                if ended.wait(_HEARTBEAT_SECONDS):
                    return

        threading.Thread(target=beat, daemon=True).start()
        try:
            yield
        finally:
            ended.set()

    # For subclasses.

    def _start(self, key: str, job_fn: Any, args: Any) -> str:
        """Start a job, and give its handle.

        Raises: QueueFull if too many jobs wait, JobsError if it cannot be started.
        """
        raise NotImplementedError

    def _put_outcome(self, key: str, result: dict[str, Any]) -> None:
        raise NotImplementedError

    def _pop_outcome(self, key: str) -> Any:
        """The outcome, which is deleted; UNDEFINED if there is none."""
        raise NotImplementedError

    def _mark_queued(self, job: str) -> None:
        self._set_heartbeat(job, QUEUED, self.queue_timeout)

    def _set_heartbeat(self, job: str, value: bytes, seconds: float) -> None:
        self.store.set(_heartbeat_key(job), value, seconds=seconds)

    def _get_heartbeat(self, job: str) -> bytes | None:
        return self.store.get(_heartbeat_key(job))

    def _is_alive(self, job: str) -> bool:
        """Whether the job has a recent heartbeat."""
        return self._get_heartbeat(job) is not None

    def _started(self, job: str) -> None:
        self._count(job, "started")

    def _ended(self, job: str, kind: str) -> None:
        """Note that a job was cancelled or killed, which it cannot tell itself; only the first call counts."""
        self._count(job, kind)
        self._log(job, kind)
        self.store.delete(_heartbeat_key(job))

    def _count(self, job: str, kind: str) -> None:
        self.hooks.count(JobEvent(kind, self.hooks.panel(), job))

    def _log(self, job: str, kind: str) -> None:
        self.hooks.log(JobEvent(kind, self.hooks.panel(), job))


def _heartbeat_key(job: str) -> str:
    return f"heartbeat.{job}"
