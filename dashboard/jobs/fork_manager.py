"""The job manager for one machine: a forked process for each job."""

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
from dashboard.jobs.manager import NO_HOOKS, Hooks, JobManager
from dashboard.jobs.quota import Quota
from dashboard.jobs.store import KEPT_SECONDS, JobsError
from dashboard.jobs.stores.disk_store import DiskStore

_UNREAD_SECONDS = 3600  # that an outcome is kept for a page that may be closed
_LINGER_SECONDS = 1.0  # that a process outlives its outcome, so that one who looks for both finds one of them


class ForkJobManager(JobManager, DiskcacheManager):
    """Runs each job in a forked process, which shares the models that were loaded before without copying them."""

    store: DiskStore

    def __init__(
        self,
        store: DiskStore,
        *,
        quota: Quota,
        queue_timeout: float,
        prepare: Callable[[], None] = lambda: None,
        hooks: Hooks = NO_HOOKS,
    ) -> None:
        """prepare: what is done once for all jobs, in the process that they are forked from."""
        super().__init__(store.cache.opened)
        self.handle = store.cache
        self.store, self.quota, self.queue_timeout, self.hooks = store, quota, queue_timeout, hooks
        self._forker = Forker(self._run, prepare)

    def start(self) -> None:
        self._forker.start()

    def close(self) -> None:
        """End all jobs that this process has started."""
        self._forker.close()

    def current_job(self) -> str:
        return _handle(os.getpid())

    def job_running(self, job: str) -> bool:
        if not self._is_alive(job):
            return False
        if _process(job) is None:
            self._ended(job, "killed")
            return False
        return True

    def terminate_job(self, job: str | None) -> None:
        if job and (process := _process(job)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
            if self._is_alive(job):  # else it had ended, and its process was about to
                self._ended(job, "cancelled")

    def _start(self, key: str, job_fn: Any, args: Any) -> str:
        name = next(name for name, known in self.func_registry.items() if known is job_fn)
        try:
            job = _handle(self._forker.fork([name, key, args]))
        except OSError as error:
            raise JobsError("The server has no room for another computation at the moment. Try again.") from error
        self._mark_queued(job)
        self._started(job)
        return job

    def _run(self, call: Any) -> None:
        """In the job's process."""
        name, key, args = call
        self.func_registry[name](key, self._make_progress_key(key), args, {})
        time.sleep(_LINGER_SECONDS)

    def _set_heartbeat(self, job: str, value: bytes, seconds: float) -> None:
        # With its end by the monotonic clock, which all processes share and nobody sets; the cache goes by the time.
        super()._set_heartbeat(job, str(time.monotonic() + seconds).encode(), KEPT_SECONDS)

    def _is_alive(self, job: str) -> bool:
        until = self._get_heartbeat(job)
        return until is not None and time.monotonic() < float(until)

    def _put_outcome(self, key: str, result: dict[str, Any]) -> None:
        self.handle.set(key, result, expire=_UNREAD_SECONDS)

    def _pop_outcome(self, key: str) -> Any:
        # Pages ask often before there is an outcome. Looking for it needs no write lock; `pop` does.
        return self.handle.pop(key, self.UNDEFINED) if key in self.handle else self.UNDEFINED


def _handle(pid: int) -> str:
    """A process's number and its start time, since numbers are used again."""
    return f"{pid}:{_started_at(pid)}"


def _process(job: str) -> psutil.Process | None:
    """The living process of a handle."""
    pid, _, started_at = job.partition(":")
    with suppress(psutil.NoSuchProcess, OSError, ValueError):
        process = psutil.Process(int(pid))
        if _started_at(int(pid)) == started_at and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def _started_at(pid: int) -> str:
    """In ticks since the machine booted; psutil's time of day would change when the clock is set.

    Raises: OSError if there is no such process.
    """
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
