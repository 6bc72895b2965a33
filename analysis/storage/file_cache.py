"""File cache: a folder of files with a size limit, shared by processes; the least recently used files are evicted.

The folder is the only state, so no index can be damaged or disagree with it: a file's name is the hash of its key, and
its modification time is its last use. A file gets its name when it is complete, and one that is open or memory-mapped
stays readable after its eviction, since Unix frees a file after its last reader.
"""

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import IO

_BLOCK = 4096  # bytes; files take whole blocks of a disk
# Counting thousands of files takes longer than writing one, so a write counts with a probability that is proportional
# to its size, on average once per 1/64 of the limit. Unlike a running total, this needs nothing that processes share.
_COUNTS_PER_LIMIT = 64
_FILLED = 7 / 8  # of the limit, to which eviction goes: the rest is for what is written until the next count
_UNFINISHED = "unfinished-"  # the beginning of a name
_UNFINISHED_SECONDS = 3600  # by which an unfinished file counts as younger, since its writer may still be at work


class FileCache:
    """Files by key. The folder belongs to the cache: whatever else lies in it, such as the unfinished file of a writer
    that was killed, counts and is evicted like the rest.
    """

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        """Create the folder if it is missing.

        Raises: OSError if it cannot be written to.
        """
        self.directory, self._max_bytes = directory, max_bytes
        directory.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=directory).close()

    def path(self, key: str) -> Path:
        """The path of the key's file, whether or not it exists; marks the file as used now."""
        path = self._path(key)
        with suppress(OSError):  # it does not exist, or the disk is read-only
            os.utime(path)
        return path

    @contextmanager
    def write(self, key: str) -> Iterator[IO[bytes]]:
        """An empty file, which becomes the key's file at the end of the `with` block, unless an exception is raised.

        Raises: OSError if the disk is full or read-only, or the file larger than the limit.
        """
        self.directory.mkdir(parents=True, exist_ok=True)  # it may have been deleted
        with NamedTemporaryFile(dir=self.directory, prefix=_UNFINISHED, delete=False) as file:
            try:
                yield file
                file.flush()
                size = _size_on_disk(os.fstat(file.fileno()))
                if size > self._max_bytes:
                    raise OSError(errno.EFBIG, "The file is larger than the cache")
                os.replace(file.name, self._path(key))
            except BaseException:
                with suppress(OSError):
                    os.unlink(file.name)
                raise
        if secrets.randbelow(self._max_bytes) < _COUNTS_PER_LIMIT * size:
            self._evict()

    def n_bytes(self) -> int:
        """The disk space that the files take."""
        return sum(size for _, size, _ in self._files())

    def _path(self, key: str) -> Path:
        return self.directory / hashlib.sha256(key.encode()).hexdigest()

    def _evict(self) -> None:
        files = sorted(self._files())
        excess = sum(size for _, size, _ in files) - _FILLED * self._max_bytes
        for _, size, path in files:
            if excess <= 0:
                break
            with suppress(FileNotFoundError):  # another process has evicted it
                os.unlink(path)
            excess -= size

    def _files(self) -> Iterator[tuple[float, int, str]]:
        """Each file's last use, size and path."""
        for folder, _, names in os.walk(self.directory):
            for name in names:
                path = os.path.join(folder, name)
                with suppress(FileNotFoundError):
                    status = os.lstat(path)
                    used = status.st_mtime + _UNFINISHED_SECONDS * name.startswith(_UNFINISHED)
                    yield used, _size_on_disk(status), path


def _size_on_disk(status: os.stat_result) -> int:
    return -(-status.st_size // _BLOCK) * _BLOCK
