"""Slots: a counting semaphore for the processes of a machine, over lock files. A process that ends frees its slot."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dashboard.jobs.store import POLL_SECONDS
from dashboard.storage.file_lock import try_lock


class Slots:
    """A number of slots, each a lock file that one process holds at a time."""

    def __init__(self, directory: Path, n_slots: int) -> None:
        self._paths = [directory / str(number) for number in range(n_slots)]  # those that this process does not hold

    @contextmanager
    def acquire(self, waiting: Callable[[], None]) -> Iterator[int]:
        """Hold a slot; gives the number of slots that are held now. waiting: called at each attempt that fails."""
        with ExitStack() as held:
            while not self._try_acquire(held):
                waiting()
                time.sleep(POLL_SECONDS)
            yield 1 + self.n_held()

    def any_free(self) -> bool:
        """Whether a slot is free at the moment."""
        return any(map(_is_free, self._paths))

    def n_held(self) -> int:
        """The number of slots that other processes hold at the moment.

        Raises: OSError if the lock files cannot be opened.
        """
        return sum(not _is_free(path) for path in self._paths)

    def _try_acquire(self, held: ExitStack) -> bool:
        for path in self._paths:
            if file := try_lock(path):
                held.enter_context(file)
                self._paths.remove(path)
                held.callback(self._paths.append, path)
                return True
        return False


def _is_free(path: Path) -> bool:
    if file := try_lock(path):
        file.close()
    return file is not None
