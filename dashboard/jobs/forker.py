"""A fork server: processes for jobs are forked from one that is kept clean for it.

A fork copies one thread, and the state of the others as it is: a lock that one of them holds stays locked for ever, and
a database that one of them writes to stays busy for ever. So the server forks once, before it has threads and requests.
That process only forks again on request; before the first time it imports and loads what all jobs need.
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

_NICENESS = 10  # so that clicks go first
_REAP_SECONDS = 1.0  # between two looks for processes that have ended
_FAILED = -1  # in place of a process id
_log = logging.getLogger(__name__)


class Forker:
    """Runs a function in forked processes, which all end with the process that started the fork server."""

    def __init__(self, run: Callable[[Any], None], prepare: Callable[[], None] = lambda: None) -> None:
        self._run = run
        self._prepare = prepare
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Fork the fork server; called while this process has one thread and no open database."""
        ours, theirs = Pipe()
        if os.fork() == 0:
            try:
                self._serve(theirs)
            finally:
                os._exit(0)
        theirs.close()
        self._connection = ours

    def fork(self, call: Any) -> int:
        """Run the function in a new process; gives the process id. call: its argument, as JSON can hold it.

        Raises: OSError if the machine cannot start another process.
        """
        with self._lock:
            if self._connection is None:
                self.start()
            try:
                job = self._request(call)
            except (OSError, EOFError):
                _log.warning("The fork server of jobs has ended and is started again.")
                self.start()
                job = self._request(call)
        if job == _FAILED:
            raise OSError("the machine cannot start another process")
        return job

    def close(self) -> None:
        """End the fork server, and with it all jobs."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _request(self, call: Any) -> int:
        assert self._connection is not None
        self._connection.send_bytes(json.dumps(call).encode())
        return int(self._connection.recv_bytes())

    def _serve(self, connection: Connection) -> None:
        """The fork server's loop, until the other end of the connection is closed."""
        _release_inherited_files(keep=connection.fileno())
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)  # Ctrl-C in a terminal goes to the server only, which then closes the connection
        prepared = False
        with suppress(OSError, EOFError):
            while True:
                while not connection.poll(_REAP_SECONDS):
                    _reap()
                call = json.loads(connection.recv_bytes())
                if not prepared:
                    prepared = True
                    self._prepare_once()
                try:
                    job = os.fork()
                except OSError:
                    job = _FAILED
                if job == 0:
                    self._work(connection, call)
                connection.send_bytes(str(job).encode())
        os.killpg(0, signal.SIGKILL)  # the jobs, and itself

    def _prepare_once(self) -> None:
        try:
            self._prepare()
        except Exception:
            _log.exception("The preparation for jobs failed; each job repeats it")
        gc.collect()
        gc.freeze()  # else a collection in a job would copy this process's memory

    def _work(self, connection: Connection, call: Any) -> None:
        """In the process of a job."""
        connection.close()
        try:
            os.nice(_NICENESS)
            self._run(call)
        except BaseException:
            _log.exception("A job's process failed")
        finally:
            sys.stderr.flush()
            os._exit(0)


def _reap() -> None:
    """Collect the exit statuses of processes that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _release_inherited_files(keep: int) -> None:
    """Release sockets and locked files of the server, whose visitors or threads would wait for them otherwise.

    Files are locked if the fork server was started again while threads of the server were at work.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for number in map(int, os.listdir("/proc/self/fd")):
        with suppress(OSError):
            is_socket = stat.S_ISSOCK(os.fstat(number).st_mode)
            if number != keep and (is_socket or "FLOCK" in Path(f"/proc/self/fdinfo/{number}").read_text()):
                os.dup2(null, number)  # not closed, or another file would get its number
