"""A cache on disk that outlives damage to its files: it starts empty where it cannot go on, without a restart."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Any

import diskcache

UNAVAILABLE = (OSError, sqlite3.Error, diskcache.Timeout)  # what using it raises while the disk is full, for instance


def _sturdy(name: str) -> Callable[..., Any]:
    """A method of the cache, which is tried again if it failed since the cache is damaged."""

    def method(self: "DiskCache", *given: Any, **named: Any) -> Any:
        self._follow()
        used = self.opened
        try:
            return getattr(used, name)(*given, **named)
        except (sqlite3.DatabaseError, diskcache.Timeout):
            if not self._mended(used):
                raise
        for value in given:
            if hasattr(value, "seek"):
                value.seek(0)
        return getattr(self.opened, name)(*given, **named)

    return method


class DiskCache:
    """Of bounded size, least recently used out first, shared by processes. Its folder is its own: nothing else lies
    there. opened: what does the work, at the moment.
    """

    def __init__(self, directory: Path, *, max_bytes: int, **settings: Any) -> None:
        """Raises: as those of UNAVAILABLE, if there is no right to write, no space, or another holds it for long."""
        self._place, self._lock = directory, Lock()
        # Not mapped into memory: where a file becomes shorter, whoever reads the map is killed.
        usual = {"size_limit": max_bytes, "eviction_policy": "least-recently-used", "sqlite_mmap_size": 0}
        self._settings = usual | settings
        try:
            self._open()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            shutil.rmtree(directory)
            self._open()

    get, set, add, pop, delete = map(_sturdy, ("get", "set", "add", "pop", "delete"))
    __contains__ = _sturdy("__contains__")

    def __len__(self) -> int:
        return len(self.opened)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.opened)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.opened, name)

    def _open(self) -> None:
        self.opened = diskcache.Cache(str(self._place), **self._settings)
        self._opened_file = self._file()

    def _file(self) -> int | None:
        """Which file the database is, as its name may become another's."""
        try:
            return os.stat(self._place / "cache.db").st_ino
        except FileNotFoundError:
            return None

    def _follow(self) -> None:
        """Open what is there now, if the files were deleted, or another process has begun anew."""
        if self._file() != self._opened_file:
            with self._lock:
                if self._file() != self._opened_file:
                    self._open()

    def _mended(self, used: diskcache.Cache) -> bool:
        """Begin anew if the database that was used is damaged, and nobody has yet; whether another try is worth it."""
        with self._lock, Path(f"{self._place}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # among processes
            if self.opened is used and self._file() == self._opened_file and self._is_sound():
                return False
            if not self._is_sound():
                shutil.rmtree(self._place, ignore_errors=True)
            if self._file() != self._opened_file:
                self._open()
            return True

    def _is_sound(self) -> bool:
        try:
            with closing(sqlite3.connect(self._place / "cache.db")) as database:
                tables = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'Cache'").fetchone()
                return bool(tables == (1,) and database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
        except sqlite3.OperationalError:
            return True  # locked, or not to be read at the moment
        except sqlite3.DatabaseError:
            return False
