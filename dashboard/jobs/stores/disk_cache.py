"""Self-healing cache: a diskcache database that is started again, empty, when its files are damaged or deleted."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Any

import diskcache

UNAVAILABLE = (OSError, sqlite3.Error, diskcache.Timeout)  # raised while the disk is full, for example


def _healing(name: str) -> Callable[..., Any]:
    """A method of diskcache's, which is called a second time after a damaged database was replaced."""

    def method(self: DiskCache, *args: Any, **options: Any) -> Any:
        used = self.opened
        try:
            self._reopen_if_replaced()
            used = self.opened
            return getattr(used, name)(*args, **options)
        except (sqlite3.DatabaseError, diskcache.Timeout):
            if not self._heal(used):
                raise
        except AssertionError:  # two threads wrote at once, since one had the file of before open
            self._heal(used)
        return getattr(self.opened, name)(*args, **options)

    return method


class DiskCache:
    """Bytes by key with an expiry time, within a size limit, shared by processes. The folder belongs to the cache.

    The value that was stored first is evicted first: noting each use would make readers wait for writers.

    Attributes
    ----------
    opened
        The database that is open at the moment.
    """

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        """Open the database, or create it.

        Raises: one of UNAVAILABLE if the folder cannot be written to, the disk is full, or the database stays locked.
        """
        self._directory, self._max_bytes, self._lock = directory, max_bytes, Lock()
        self._database = directory / "cache.db"
        try:
            self._open()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            shutil.rmtree(directory)
            self._open()

    get, set, add, pop, delete = map(_healing, ("get", "set", "add", "pop", "delete"))
    __contains__ = _healing("__contains__")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.opened, name)

    def _open(self) -> None:
        # SQLite's file is not memory-mapped: a process that reads a map whose file becomes shorter is killed.
        self.opened = diskcache.Cache(
            str(self._directory),
            size_limit=self._max_bytes,
            eviction_policy="least-recently-stored",
            sqlite_mmap_size=0,
        )
        self._opened_file = self._file()

    def _file(self) -> int | None:
        """The inode of the database, which tells whether another file has taken its name."""
        try:
            return os.stat(self._database).st_ino
        except FileNotFoundError:
            return None

    def _reopen_if_replaced(self) -> None:
        """Open the current database if the files were deleted or another process has started again."""
        if self._file() != self._opened_file:
            with self._lock:
                if self._file() != self._opened_file:
                    self._open()

    def _heal(self, used: diskcache.Cache) -> bool:
        """Replace a damaged database, unless another thread or process already has; whether to try again."""
        with self._lock, Path(f"{self._directory}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # among processes
            if self.opened is used and self._file() == self._opened_file and self._is_sound():
                return False
            if not self._is_sound():
                shutil.rmtree(self._directory, ignore_errors=True)
            if self._file() != self._opened_file:
                self._open_among_threads()
            return True

    def _open_among_threads(self) -> None:
        """Open the database, although a thread may be closing the one before, and with it remove its new helper files.

        Raises: as the constructor does.
        """
        for wait_seconds in (0.01, 0.1):
            try:
                return self._open()
            except sqlite3.OperationalError:
                time.sleep(wait_seconds)
        return self._open()

    def _is_sound(self) -> bool:
        try:
            with closing(sqlite3.connect(self._database)) as database:
                tables = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'Cache'").fetchone()
                return bool(tables == (1,) and database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
        except sqlite3.OperationalError:
            return True  # locked, or unreadable for the moment
        except sqlite3.DatabaseError:
            return False
