"""Model downloads: each runs in a thread of one process, and every process of the machine sees its progress.

A download belongs to the machine, not to a client: it goes on when the page that started it is closed, and anyone may
cancel it. It holds a lock file, which the kernel frees when its process ends; its progress is in a file beside that.
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
from dashboard.storage.file_lock import try_lock

_PROGRESS_SECONDS = 0.3  # between two notes of the progress
_LOCK_TRIES, _LOCK_SECONDS = 3, 0.005


@dataclass(frozen=True)
class Download:
    """The progress of a download.

    Attributes
    ----------
    done, total : int
        Bytes that have arrived, and bytes in all; a total of 0 is not known yet.
    running : bool
        Whether a process downloads it at the moment.
    problem : str
        Why it ended early; empty if it did not.
    """

    done: int
    total: int
    running: bool
    problem: str = ""


class DownloadCancelled(AnalysisError):
    """The download was cancelled from any page."""


class Downloads:
    """Starts, follows and cancels downloads."""

    def __init__(self, directory: Path, hub: Hub) -> None:
        self._directory = directory
        self._hub = hub
        directory.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, source: HubModel) -> None:
        """Start a download in a thread, unless it is running already."""
        if (lock := self._try_lock(name)) is not None:
            self._write(name, 0, 0)
            Thread(target=self._run_in_thread, args=[name, source, lock], daemon=True).start()

    def run(self, name: str, source: HubModel, report: Callable[[int, int], None]) -> None:
        """Download in this thread. report: is called with bytes done and in all.

        Raises: AnalysisError if it is running already, and as `Hub.fetch` does.
        """
        lock = self._try_lock(name)
        if lock is None:
            raise AnalysisError(f"{name} is being downloaded already.")
        with lock:
            self._fetch(name, source, report)

    def cancel(self, name: str) -> None:
        """End a download soon, in whichever process it runs; the bytes that have arrived are kept."""
        self._file(name, "cancel").touch()

    def progress(self, name: str) -> Download | None:
        """The progress of a download; None if none was started."""
        running = self._is_running(name)  # before the file is read, or its last words could be missed
        try:
            noted = json.loads(self._file(name, "json").read_text())
        except FileNotFoundError:
            return None
        if running or noted["problem"]:
            return Download(**{**noted, "running": running})
        complete = noted["total"] and noted["done"] == noted["total"]
        problem = "" if complete else "The download was interrupted. What has arrived is kept."
        return Download(**{**noted, "running": False, "problem": problem})

    def _run_in_thread(self, name: str, source: HubModel, lock: IO[bytes]) -> None:
        with lock:
            try:
                self._fetch(name, source, lambda _done, _total: None)
            except Exception as error:
                before = self.progress(name)
                self._write(name, before.done if before else 0, before.total if before else 0, user_message(error))

    def _fetch(self, name: str, source: HubModel, report: Callable[[int, int], None]) -> None:
        cancel, noted_at = self._file(name, "cancel"), 0.0
        cancel.unlink(missing_ok=True)

        def note(done: int, total: int) -> None:
            nonlocal noted_at
            if cancel.exists():
                cancel.unlink(missing_ok=True)
                raise DownloadCancelled("The download was cancelled. What has arrived is kept.")
            if done == total or time.monotonic() > noted_at + _PROGRESS_SECONDS:
                noted_at = time.monotonic()
                self._write(name, done, total)
            report(done, total)

        self._hub.fetch(source, note)

    def _write(self, name: str, done: int, total: int, problem: str = "") -> None:
        new = self._file(name, f"{os.getpid()}.new")
        new.write_text(json.dumps(asdict(Download(done, total, running=True, problem=problem))))
        new.replace(self._file(name, "json"))

    def _try_lock(self, name: str) -> IO[bytes] | None:
        """The lock, held until it is closed; None if the download is running."""
        for _ in range(_LOCK_TRIES):  # a process that looks at the progress holds it for a moment
            if (file := try_lock(self._file(name, "lock"))) is not None:
                return file
            time.sleep(_LOCK_SECONDS)
        return None

    def _is_running(self, name: str) -> bool:
        lock = self._try_lock(name)
        if lock is not None:
            lock.close()
        return lock is None

    def _file(self, name: str, kind: str) -> Path:
        return self._directory / f"{quote(name, safe='')}.{kind}"
