"""Where jobs keep results and signs of life, and how they wait for each other on one machine.

Values are bytes that are written by jobs and never by visitors; keys are ours alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Protocol

from analysis.errors import AnalysisError
from dashboard.jobs.disk_cache import UNAVAILABLE, DiskCache

POLL = 0.1  # seconds between two tries to get a lock
KEPT_SECONDS = 30 * 24 * 3600
_N_LOCKS = 4096


class JobsError(AnalysisError):
    """Results of jobs cannot be kept or read at the moment."""


class JobStore(Protocol):
    """Bytes by key for some seconds, and locks by name."""

    def get(self, key: str) -> bytes | None:
        """The value, unless it is not there any more."""

    def set(self, key: str, value: bytes, *, seconds: float) -> None:
        """Keep a value for so long, or until room is needed."""

    def delete(self, key: str) -> None:
        """Forget a value."""

    def lock(self, name: str, waiting: Callable[[], None]) -> AbstractContextManager[None]:
        """Held by one job at a time; freed when its holder dies. waiting: called from time to time until then."""

    def renew(self) -> None:
        """Keep the locks that this process holds; to be called every few seconds."""

    def works(self) -> bool:
        """Whether it can be reached, and keep something, at the moment; says so within two seconds."""

    def n_waiting(self) -> int:
        """Jobs that wait to be taken by a worker."""

    def n_bytes(self) -> int | None:
        """What it takes on this machine's disk; None if it cannot be read, or lies elsewhere."""

    def secret(self, generate: Callable[[], bytes]) -> bytes:
        """The same for all processes that share the store: what the first of them has generated. It is never lost."""


class DiskStore:
    """For one machine. Locks are files that the kernel frees when a process ends, however it ends."""

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self._locks = directory / "locks"
        self._secret = directory / "secret"
        self.cache = DiskCache(directory / "results", max_bytes=max_bytes)

    def get(self, key: str) -> bytes | None:
        try:
            return self.cache.get(key)
        except UNAVAILABLE:
            return None  # damaged or gone: as if it had not been computed

    def set(self, key: str, value: bytes, *, seconds: float) -> None:
        try:
            self.cache.set(key, value, expire=seconds)
        except UNAVAILABLE as error:
            raise JobsError("The server's disk cannot keep results at the moment (is it full?). Try again.") from error

    def delete(self, key: str) -> None:
        with suppress(*UNAVAILABLE):  # it goes by itself, later
            self.cache.delete(key)

    def n_waiting(self) -> int:
        return 0  # there are none: each is a process at once

    def n_bytes(self) -> int | None:
        try:
            return int(self.cache.volume())
        except UNAVAILABLE:
            return None

    def close(self) -> None:
        """Close the cache's files; it opens by itself again."""
        self.cache.close()

    @contextmanager
    def lock(self, name: str, waiting: Callable[[], None]) -> Iterator[None]:
        number = int(hashlib.sha256(name.encode()).hexdigest(), 16) % _N_LOCKS
        kind = name.partition(".")[0]  # those of short things are not among those of long ones
        with lock_file(self._locks / f"{kind}.{number}") as file:
            while not try_lock(file):
                waiting()
                time.sleep(POLL)
            yield

    def renew(self) -> None:
        """Nothing to do: the kernel keeps them."""

    def works(self) -> bool:
        with suppress(JobsError):
            self.set("works", b"yes", seconds=60)
            return self.get("works") == b"yes"
        return False

    def secret(self, generate: Callable[[], bytes]) -> bytes:
        with suppress(FileNotFoundError):
            return self._secret.read_bytes()
        # A file, as the cache forgets; complete before it has its name, and only for its owner to read.
        self._secret.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self._secret.parent) as file:
            file.write(generate())
            file.flush()
            with suppress(FileExistsError):
                os.link(file.name, self._secret)
        return self._secret.read_bytes()


class Places:
    """A number of places on this machine, each held by one process at a time; a process that ends leaves its place."""

    def __init__(self, directory: Path, n_places: int) -> None:
        self._paths = [directory / str(number) for number in range(n_places)]

    @contextmanager
    def take(self, waiting: Callable[[], None]) -> Iterator[int]:
        """Hold a place; gives how many are now held. waiting: called from time to time until there is one."""
        with ExitStack() as held:
            while not self._took(held):
                waiting()
                time.sleep(POLL)
            yield 1 + self.n_held()

    def any_free(self) -> bool:
        """Whether there is a place at the moment."""
        return any(self._is_free(path) for path in self._paths)

    def n_held(self) -> int:
        """How many are held at the moment, by other processes."""
        return sum(not self._is_free(path) for path in self._paths)

    def _took(self, held: ExitStack) -> bool:
        for path in self._paths:
            file = lock_file(path)
            if try_lock(file):
                held.enter_context(file)
                self._paths.remove(path)  # in this process, which holds it
                held.callback(self._paths.append, path)
                return True
            file.close()
        return False

    def _is_free(self, path: Path) -> bool:
        with lock_file(path) as file:
            return try_lock(file)


def lock_file(path: Path) -> IO[str]:
    """A file to be locked, made if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)  # someone may have tidied up
    return path.open("w")


def try_lock(file: IO[str]) -> bool:
    """Whether this process now holds the file, which it does until it closes it or ends."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
