"""In-process LRU cache with a byte limit: all panels of one click need the same trace."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from threading import Lock
from typing import Generic, TypeVar

from cachetools import LRUCache

Value = TypeVar("Value")


class ByteLimitedCache(Generic[Value]):
    """Thread-safe values by key; the least recently used are evicted. size: gives a value's size in bytes."""

    def __init__(self, *, max_bytes: int, size: Callable[[Value], int]) -> None:
        self._values: LRUCache[Hashable, Value] = LRUCache(max_bytes, getsizeof=size)
        self._lock = Lock()

    def get(self, key: Hashable) -> Value | None:
        """The value of a key; None if it is not in the cache."""
        with self._lock:
            return self._values.get(key)

    def set(self, key: Hashable, value: Value) -> None:
        """Add a value, unless it is larger than the limit."""
        with self._lock, suppress(ValueError):
            self._values[key] = value
