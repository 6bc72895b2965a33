"""How many jobs a visitor may have at once, counted where all processes that serve pages can see it.

A count is a list of jobs' handles under a keyed hash of who the visitor is. What counts is which of them still live, so
it is right however they end.
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

_KEPT_SECONDS = 24 * 3600  # longer than a job lives
_BEGINS_SECONDS = 30  # longer than a job takes to begin


class Busy(AnalysisError):
    """No further job can be taken at the moment."""


class Shares:
    """Begins jobs for visitors who have few enough."""

    def __init__(self, store: JobStore, most: int, secret: Callable[[], str]) -> None:
        """secret: what hashes are keyed with, the same in all processes."""
        self._store, self._most, self._secret = store, most, secret

    def begin(self, visitor: str, begin: Callable[[], str], *, lives: Callable[[str], bool]) -> str:
        """Begin a job, which counts until it has ended; gives its handle. lives: whether the job of a handle does.

        Raises: Busy if the visitor has as many as one may have.
        """
        name = hmac.new(self._secret().encode(), visitor.encode(), hashlib.sha256).hexdigest()
        key, ticket = f"visitor.{name}", secrets.token_hex(8)
        # The lock is not held while the job begins: a process that is forked meanwhile would hold it as well, for ever.
        with self._store.lock(key, lambda: None):
            now = time.time()
            jobs = {job: until for job, until in self._jobs(key).items() if now < until or lives(job)}
            if len(jobs) >= self._most:
                raise Busy(
                    f"You have {len(jobs)} computation{'s'[: len(jobs) != 1]} running or waiting. "
                    "Wait for one, or cancel one."
                )
            self._keep(key, {**jobs, ticket: now + _BEGINS_SECONDS})
        begun: dict[str, float] = {}
        try:
            job = begin()
            begun[job] = 0
        finally:
            with self._store.lock(key, lambda: None):
                jobs = self._jobs(key) | begun
                jobs.pop(ticket, None)
                self._keep(key, jobs)
        return job

    def _jobs(self, key: str) -> dict[str, float]:
        """When each job or ticket, if it does not live, ceases to count."""
        found: dict[str, float] = json.loads(self._store.get(key) or b"{}")
        return found

    def _keep(self, key: str, jobs: dict[str, float]) -> None:
        self._store.set(key, json.dumps(jobs).encode(), seconds=_KEPT_SECONDS)
