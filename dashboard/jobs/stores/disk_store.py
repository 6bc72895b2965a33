"""The store of jobs on one machine: a disk cache, and lock files that the kernel frees when a process ends."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from dashboard.jobs.store import POLL_SECONDS, JobsError
from dashboard.jobs.stores.disk_cache import UNAVAILABLE, DiskCache
from dashboard.storage.file_lock import try_lock

_N_LOCKS = 4096  # files for each kind of lock, however many names there are


class DiskStore:
    """A `JobStore` in a folder."""

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self._locks = directory / "locks"
        self._secret = directory / "secret"
        self.cache = DiskCache(directory / "results", max_bytes=max_bytes)

    def get(self, key: str) -> bytes | None:
        try:
            value: bytes | None = self.cache.get(key)
        except UNAVAILABLE:
            return None  # damaged or deleted, and as such computed again
        return value

    def set(self, key: str, value: bytes, *, seconds: float) -> None:
        try:
            self.cache.set(key, value, expire=seconds)
        except UNAVAILABLE as error:
            raise JobsError("The server's disk cannot keep results at the moment (is it full?). Try again.") from error

    def delete(self, key: str) -> None:
        with suppress(*UNAVAILABLE):  # it expires later
            self.cache.delete(key)

    @contextmanager
    def lock(self, name: str, waiting: Callable[[], None]) -> Iterator[None]:
        number = int(hashlib.sha256(name.encode()).hexdigest(), 16) % _N_LOCKS
        kind = name.partition(".")[0]  # quick work never waits for a file that slow work holds
        while (file := try_lock(self._locks / f"{kind}.{number}")) is None:
            waiting()
            time.sleep(POLL_SECONDS)
        with file:
            yield

    def renew_locks(self) -> None:
        """Does nothing: the kernel keeps the locks."""

    def works(self) -> bool:
        with suppress(JobsError):
            self.set("works", b"yes", seconds=60)
            return self.get("works") == b"yes"
        return False

    def n_waiting(self) -> int:
        """0: every job is a process from the start."""
        return 0

    def n_bytes(self) -> int | None:
        try:
            return int(self.cache.volume())
        except UNAVAILABLE:
            return None

    def secret(self, generate: Callable[[], bytes]) -> bytes:
        with suppress(FileNotFoundError):
            return self._secret.read_bytes()
        # In a file of its own, which is never evicted; readable for its owner only, and complete before it is linked.
        self._secret.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self._secret.parent) as file:
            file.write(generate())
            file.flush()
            with suppress(FileExistsError):
                os.link(file.name, self._secret)
        return self._secret.read_bytes()

    def close(self) -> None:
        """Close the cache's files; the next use opens them again."""
        self.cache.close()
