"""Model list: the configured models, and on a local server those that were opened from the page.

Processes that are forked from this one also see what is opened later: the list is in an unnamed file that all share.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock

from analysis.models.catalogue import Source
from analysis.models.hub import HubModel


class ModelList(Mapping[str, Source]):
    """Sources by name, in the order of the menu; models can be added, and stay until the server ends."""

    def __init__(self, configured: Mapping[str, Source]) -> None:
        self._configured = configured
        self._opened: dict[str, Source] = {}
        self._n_read = 0
        self._lock = Lock()
        self._file = TemporaryFile("a+b", buffering=0)  # noqa: SIM115 - a line for each model, until the server ends

    def __getitem__(self, name: str) -> Source:
        return self._configured[name] if name in self._configured else self.opened()[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._configured, *self.opened()])

    def __len__(self) -> int:
        return len(self._configured) + len(self.opened())

    def opened(self) -> Mapping[str, Source]:
        """The models that were added."""
        size = os.fstat(self._file.fileno()).st_size
        if size > self._n_read:
            lines, _, _ = os.pread(self._file.fileno(), size, 0).rpartition(b"\n")  # the last may be on its way
            self._opened = dict(map(_read, lines.splitlines()))
            self._n_read = len(lines) + 1
        return self._opened

    def name_of(self, source: Path | HubModel) -> str:
        """The name of a source: that under which it is listed, or else one that no other model has.

        It is the file's name and not its path, since it is part of the page's address, which people share.
        """
        for name, listed in self.items():
            if listed == source or (isinstance(listed, Path) and listed.resolve() == source):
                return name
        names = _names_of_path(source) if isinstance(source, Path) else iter([str(source), f"{source} (hub)"])
        return next(name for name in names if name not in self)

    def add(self, source: Path | HubModel) -> str:
        """Add a model, unless it is listed, and return its name."""
        with self._lock:
            name = self.name_of(source)
            if name not in self:
                where = [source.repository, source.revision] if isinstance(source, HubModel) else os.fspath(source)
                self._file.write(f"{json.dumps([name, where])}\n".encode())
        return name


def _read(line: bytes) -> tuple[str, Source]:
    name, where = json.loads(line)
    return name, Path(where) if isinstance(where, str) else HubModel(*where)


def _names_of_path(path: Path) -> Iterator[str]:
    """The file's name, then with more and more of the folders that it is in."""
    parts = [os.fsencode(part).decode(errors="replace") for part in path.parts]
    yield parts[-1]
    for first in range(len(parts) - 2, -1, -1):
        yield f"{parts[-1]} ({'/'.join(parts[first:-1])})"
