"""Memory limits: the memory that this process may use, which in a container is less than the machine has."""

import ctypes
from contextlib import suppress
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")  # the container's control group (Linux, version 2)


def memory_bytes() -> int:
    """The total memory."""
    total = int(psutil.virtual_memory().total)
    return min(total, _number("memory.max", total))


def free_bytes() -> int:
    """The memory that is available now."""
    free = int(psutil.virtual_memory().available)
    limit = _number("memory.max", -1)
    if limit < 0:
        return free
    # The page cache of files that are not in use counts as used, but is reclaimed when memory is needed.
    reclaimable = next(
        (int(row.split()[1]) for row in _read("memory.stat").splitlines() if row.startswith("inactive_file ")), 0
    )
    return min(free, max(0, limit - _number("memory.current", 0) + reclaimable))


def release_free_memory() -> None:
    """Return freed memory to the operating system (`malloc_trim`), which the C library would keep for later."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _number(name: str, default: int) -> int:
    text = _read(name).strip()
    return int(text) if text.isdecimal() else default  # "max": no limit


def _read(name: str) -> str:
    try:
        return (_CGROUP / name).read_text(encoding="ascii")
    except OSError:
        return ""
