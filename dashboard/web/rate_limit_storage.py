"""In-memory counters for the rate limit that need no thread.

The storage that the library brings along starts a thread every few requests to drop expired counters, which took a
sixth of the server's time for a click.
"""

from __future__ import annotations

import time
from threading import Lock

from limits.storage import MemoryStorage

_CLEANUP_SECONDS = 60


class Counters(MemoryStorage):
    """Counters that expire; once a minute those that have expired are dropped."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()
        self._cleaned = time.time()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Increment a counter, which expires that many seconds after its first increment, and return it."""
        with self._lock:
            now = time.time()
            if now > self._cleaned + _CLEANUP_SECONDS:
                self._cleaned = now
                for other in list(self.expirations):
                    self.get(other)  # which drops it, if it has expired
            if not self.get(key):
                self.expirations[key] = now + expiry
            self.storage[key] += amount
            return int(self.storage[key])
