"""Downloads of models: each is one thread of one process of the machine, and all processes can tell how far it is.

A download is the machine's, not a visitor's: it goes on when its page is closed, and anyone may cancel it. Its lock is
a file that the kernel frees when its process ends, however it ends; how it stands is written beside it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread
from typing import IO
from urllib.parse import quote

from analysis.errors import AnalysisError
from analysis.models.hub import Hub, HubModel
from dashboard.errors import user_message
from dashboard.jobs.store import lock_file, try_lock

_TELL_EVERY = 0.3
_TRIES, _MOMENT = 3, 0.005


@dataclass(frozen=True)
class Download:
    """How a download stands: bytes here and in all, whether it runs, and if not, why it ended early."""

    done: int
    total: int
    running: bool
    problem: str = ""


class Cancelled(AnalysisError):
    """Someone did not want the download any more."""


class Downloads:
    """Starts, follows and cancels downloads."""

    def __init__(self, directory: Path, hub: Hub) -> None:
        self._directory = directory
        self._hub = hub
        directory.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, source: HubModel) -> None:
        """Begin a download, unless it is under way already."""
        if (lock := self._locked(name)) is not None:
            self._write(name, 0, 0)
            Thread(target=self._run_aside, args=[name, source, lock], daemon=True).start()

    def run(self, name: str, source: HubModel, report: Callable[[int, int], None]) -> None:
        """Download here and now.

        Raises: AnalysisError if it is under way already, and as `Hub.fetch` does.
        """
        lock = self._locked(name)
        if lock is None:
            raise AnalysisError(f"{name} is being downloaded already.")
        with lock:
            self._fetch(name, source, report)

    def cancel(self, name: str) -> None:
        """End a download soon, in whichever process it runs; what has arrived is kept."""
        self._file(name, "cancel").touch()

    def look(self, name: str) -> Download | None:
        """How a download stands; None if there has been none."""
        running = self._running(name)  # before the file is read, so that what was written last is not missed
        try:
            written = json.loads(self._file(name, "json").read_text())
        except FileNotFoundError:
            return None
        if running or written["problem"]:
            return Download(**{**written, "running": running})
        complete = written["total"] and written["done"] == written["total"]
        problem = "" if complete else "The download was interrupted. What has arrived is kept."
        return Download(**{**written, "running": False, "problem": problem})

    def _run_aside(self, name: str, source: HubModel, lock: IO[str]) -> None:
        with lock:
            try:
                self._fetch(name, source, lambda _done, _total: None)
            except Exception as error:
                before = self.look(name)
                self._write(name, before.done if before else 0, before.total if before else 0, user_message(error))

    def _fetch(self, name: str, source: HubModel, report: Callable[[int, int], None]) -> None:
        cancel, told = self._file(name, "cancel"), 0.0
        cancel.unlink(missing_ok=True)

        def tell(done: int, total: int) -> None:
            nonlocal told
            if cancel.exists():
                cancel.unlink(missing_ok=True)
                raise Cancelled("The download was cancelled. What has arrived is kept.")
            if done == total or time.monotonic() > told + _TELL_EVERY:
                told = time.monotonic()
                self._write(name, done, total)
            report(done, total)

        self._hub.fetch(source, tell)

    def _write(self, name: str, done: int, total: int, problem: str = "") -> None:
        new = self._file(name, f"{os.getpid()}.new")
        new.write_text(json.dumps(asdict(Download(done, total, running=True, problem=problem))))
        new.replace(self._file(name, "json"))

    def _locked(self, name: str) -> IO[str] | None:
        """The lock's file, held until it is closed; None if another holds it."""
        file = lock_file(self._file(name, "lock"))
        for _ in range(_TRIES):  # it may be held for a moment, by one who looks
            if try_lock(file):
                return file
            time.sleep(_MOMENT)
        file.close()
        return None

    def _running(self, name: str) -> bool:
        lock = self._locked(name)
        if lock is not None:
            lock.close()
        return lock is None

    def _file(self, name: str, kind: str) -> Path:
        return self._directory / f"{quote(name, safe='')}.{kind}"
