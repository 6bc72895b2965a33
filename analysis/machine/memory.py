"""How much memory this process may use, which in a container is less than the machine has."""

import ctypes
from contextlib import suppress
from pathlib import Path

import psutil

_GROUP = Path("/sys/fs/cgroup")  # the container's own, where it has one (Linux, version 2)


def memory_bytes() -> int:
    """The most that there is."""
    total = int(psutil.virtual_memory().total)
    return min(total, _number("memory.max", total))


def free_bytes() -> int:
    """What could be had now."""
    free = int(psutil.virtual_memory().available)
    limit = _number("memory.max", -1)
    if limit < 0:
        return free
    # Files that were read and are not in use now are counted, but make room.
    stale = next(
        (int(row.split()[1]) for row in _read("memory.stat").splitlines() if row.startswith("inactive_file ")), 0
    )
    return min(free, max(0, limit - _number("memory.current", 0) + stale))


def give_back() -> None:
    """Give free memory back to the system; the C library would keep it for later."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _number(name: str, default: int) -> int:
    text = _read(name).strip()
    return int(text) if text.isdecimal() else default  # "max": no limit


def _read(name: str) -> str:
    try:
        return (_GROUP / name).read_text(encoding="ascii")
    except OSError:
        return ""
