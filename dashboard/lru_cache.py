"""What was asked for last, kept in this process: the panels of one click all ask for the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """Values by key, the least recently used forgotten first. size: of a value, in bytes."""

    def __init__(self, *, max_bytes: int, size: Callable[[Value], int]) -> None:
        self._max_bytes, self._size = max_bytes, size
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()
        self._bytes = 0

    def get(self, key: Hashable) -> Value | None:
        """The value of a key, if it is still there."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key]

    def set(self, key: Hashable, value: Value) -> None:
        """Keep a value, unless it is larger than all room."""
        if self._size(value) > self._max_bytes:
            return
        with self._lock:
            if key in self._kept:
                self._bytes -= self._size(self._kept.pop(key))
            self._kept[key] = value
            self._bytes += self._size(value)
            while self._bytes > self._max_bytes:
                self._bytes -= self._size(self._kept.popitem(last=False)[1])
