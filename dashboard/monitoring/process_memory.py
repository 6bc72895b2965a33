"""Process memory: resident or proportional set size of all processes of the server."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

import psutil


def process_memory(kind: Literal["rss", "pss"]) -> int:
    """Bytes of all processes together. Memory that they share is counted by each (rss), or in equal parts (pss)."""
    n_bytes = 0
    for process in _family():
        with suppress(psutil.Error):  # it has ended
            n_bytes += getattr(process.memory_full_info(), kind)
    return n_bytes


def _family() -> list[psutil.Process]:
    """This process or, if it is a worker, the one that started it, and all descendants."""
    first = psutil.Process()
    while (parent := first.parent()) and parent.cmdline() == first.cmdline():
        first = parent
    return [first, *first.children(recursive=True)]
