"""Counts of requests in this process's memory, as Flask-Limiter wants them kept.

What the library brings along for it starts a thread every few requests, to forget what is over; that was a sixth of the
server's time for a click.
"""

from __future__ import annotations

import time
from threading import Lock

from limits.storage import MemoryStorage

ADDRESS = "counts://"
_TIDY_SECONDS = 60


class Counts(MemoryStorage):
    """Counts that begin anew after a time; those that nobody asks for any more are forgotten once a minute."""

    STORAGE_SCHEME = (ADDRESS.removesuffix("://"),)  # by which the library finds it

    def __init__(self, uri: str | None = None, **options: bool) -> None:
        super().__init__(uri, **options)
        self._lock = Lock()
        self._tidied = time.time()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count, for so many seconds from the first on; gives the count."""
        with self._lock:
            now = time.time()
            if now > self._tidied + _TIDY_SECONDS:
                self._tidied = now
                for other in list(self.expirations):
                    self.get(other)  # which forgets it, if it is over
            if not self.get(key):
                self.expirations[key] = now + expiry
            self.storage[key] += amount
            return int(self.storage[key])
