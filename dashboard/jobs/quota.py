"""Quota: the number of jobs that one client may have queued or running, exact over all web processes.

Each client has a list of handles in the store, under a keyed hash of its address. Only those that
are still alive count, so the count is right however jobs end.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable

from analysis.errors import AnalysisError
from dashboard.jobs.store import JobStore

_KEPT_SECONDS = 24 * 3600  # longer than any job lives
_STARTING_SECONDS = 30  # longer than any job takes to start


class QuotaExceeded(AnalysisError):
    """The client has as many jobs as one client may have."""


class Quota:
    """Starts jobs for clients below their quota."""

    def __init__(self, store: JobStore, most: int, secret: Callable[[], str]) -> None:
        """secret: the key of the hashes, the same in all web processes."""
        self._store, self._most, self._secret = store, most, secret

    def start(self, client: str, start: Callable[[], str], *, is_running: Callable[[str], bool]) -> str:
        """Start a job, which counts until it has ended; gives its handle. is_running: whether the job of a handle is.

        Raises: QuotaExceeded if the client has too many.
        """
        name = hmac.new(self._secret().encode(), client.encode(), hashlib.sha256).hexdigest()
        key, ticket = f"client.{name}", secrets.token_hex(8)
        # The lock is released while the job starts: a process forked meanwhile would inherit it and hold it for ever.
        with self._store.lock(key, lambda: None):
            now = time.time()
            jobs = {job: until for job, until in self._jobs(key).items() if now < until or is_running(job)}
            if len(jobs) >= self._most:
                raise QuotaExceeded(
                    f"You have {len(jobs)} computation{'s'[: len(jobs) != 1]} running or waiting. "
                    "Wait for one, or cancel one."
                )
            self._keep(key, {**jobs, ticket: now + _STARTING_SECONDS})
        started: dict[str, float] = {}
        try:
            job = start()
            started[job] = 0
        finally:
            with self._store.lock(key, lambda: None):
                jobs = self._jobs(key) | started
                jobs.pop(ticket, None)
                self._keep(key, jobs)
        return job

    def _jobs(self, key: str) -> dict[str, float]:
        """The client's jobs and tickets, and the time until which each counts in any case."""
        jobs: dict[str, float] = json.loads(self._store.get(key) or b"{}")
        return jobs

    def _keep(self, key: str, jobs: dict[str, float]) -> None:
        self._store.set(key, json.dumps(jobs).encode(), seconds=_KEPT_SECONDS)
