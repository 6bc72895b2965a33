"""Processes for jobs, forked from one that is kept clean for it.

A fork copies one thread, and whatever the others were in the middle of: a lock stays taken for ever, and a database
looks busy for ever if one of them was writing to it. So the server forks once, before it has threads and requests, and
the process that comes of it does nothing but fork again when asked; before the first time it imports and loads, for all
jobs, what they need.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

_NICENESS = 10
_REAP_SECONDS = 1.0
_NONE = -1
_log = logging.getLogger(__name__)


class Forker:
    """Runs a function in processes of its own; all of them end with this one."""

    def __init__(self, run: Callable[[Any], None], prepare: Callable[[], None] = lambda: None) -> None:
        self._run = run
        self._prepare = prepare
        self._line: Connection | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Fork the process that forks. To be called while this process has one thread and no open database."""
        ours, theirs = Pipe()
        if os.fork() == 0:
            try:
                self._serve(theirs)
            finally:
                os._exit(0)
        theirs.close()
        self._line = ours

    def fork(self, what: Any) -> int:
        """Run the function with `what`, which JSON can hold, in a new process; gives the process's number.

        Raises: OSError if the machine has no room for another process.
        """
        with self._lock:
            if self._line is None:
                self.start()
            try:
                job = self._ask(what)
            except (OSError, EOFError):
                _log.warning("The process that jobs are forked from has ended, and is started again.")
                self.start()
                job = self._ask(what)
        if job == _NONE:
            raise OSError("no further process can be forked")
        return job

    def close(self) -> None:
        """End the process that forks, and with it its jobs."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _ask(self, what: Any) -> int:
        assert self._line is not None
        self._line.send_bytes(json.dumps(what).encode())
        return int(self._line.recv_bytes())

    def _serve(self, line: Connection) -> None:
        """In the process that forks, until the server's end of the line is closed."""
        _let_go_of_the_servers(keep=line.fileno())
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)  # a terminal's Ctrl-C is for the server, which then closes the line
        prepared = False
        with suppress(OSError, EOFError):
            while True:
                while not line.poll(_REAP_SECONDS):
                    _reap()
                what = json.loads(line.recv_bytes())
                if not prepared:
                    prepared = True
                    self._make_ready()
                try:
                    job = os.fork()
                except OSError:
                    job = _NONE
                if job == 0:
                    self._work(line, what)
                line.send_bytes(str(job).encode())
        os.killpg(0, signal.SIGKILL)  # the jobs, and itself

    def _make_ready(self) -> None:
        try:
            self._prepare()
        except Exception:
            _log.exception("What jobs need could not be prepared, so each does it itself")
        gc.collect()
        gc.freeze()  # or a collection in a job would copy it

    def _work(self, line: Connection, what: Any) -> None:
        """In the process of a job."""
        line.close()
        try:
            os.nice(_NICENESS)  # clicks go first
            self._run(what)
        except BaseException:
            _log.exception("A job's process failed")
        finally:
            sys.stderr.flush()
            os._exit(0)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _let_go_of_the_servers(keep: int) -> None:
    """Files that others would wait at: its visitors at sockets; and, if this is not the first time, whoever comes after
    the thread that has locked a file at this moment.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in map(int, os.listdir("/proc/self/fd")):
        with suppress(OSError):
            is_socket = stat.S_ISSOCK(os.fstat(number).st_mode)
            if number != keep and (is_socket or "FLOCK" in Path(f"/proc/self/fdinfo/{number}").read_text()):
                os.dup2(nothing, number)  # not closed: its number must not become another file's
