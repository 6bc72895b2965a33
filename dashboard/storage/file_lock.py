"""Lock files: exclusive locks among the processes of a machine, which the kernel frees when their holder ends.

`fcntl.flock` itself rather than the library filelock: that one would need four options to do only this (no fallback to
lock files that outlive a killed holder, release in another thread, no waiting, no error), and as many lines.
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


def try_lock(path: Path) -> IO[bytes] | None:
    """The open file, which stays locked until it is closed or this process ends; None if it is locked already."""
    try:
        file = path.open("wb", buffering=0)
    except FileNotFoundError:  # the folder is not there yet, or has been deleted in the meantime
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("wb", buffering=0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
