"""The fork server: what its children see, how they end, and what happens when it is killed."""

import fcntl
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from dashboard.jobs.forker import Forker
from tests.serving import wait_until

LOCK = threading.Lock()


@pytest.fixture
def noting(tmp_path: Path) -> Callable[[Any], None]:
    """Writes what it was given into a file of that name, and the process that it runs in."""
    return lambda what: (tmp_path / what).write_text(str(os.getpid()))


@pytest.fixture
def forker_of() -> Iterator[Callable[[Callable[[Any], None]], Forker]]:
    """Makes forkers that end with the test: what they have inherited would be open for as long as they are."""
    with ExitStack() as stack:
        yield lambda run: stack.enter_context(closing(Forker(run)))


def test_a_function_runs_in_a_process_of_its_own(forker_of: Any, tmp_path: Path, noting: Callable[[Any], None]) -> None:
    forker = forker_of(noting)
    forker.start()
    jobs = {name: forker.fork(name) for name in ("one", "two")}
    wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
    assert {name: int((tmp_path / name).read_text()) for name in jobs} == jobs
    assert len({*jobs.values(), os.getpid()}) == 3
    wait_until(lambda: not any(map(psutil.pid_exists, jobs.values())))  # no zombies


def test_a_lock_that_another_thread_holds_is_free_there(forker_of: Any, tmp_path: Path) -> None:
    """With a fork of this process it would be taken for ever."""
    forker = forker_of(lambda _: (tmp_path / "got").touch() if LOCK.acquire(timeout=20) else None)
    forker.start()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with LOCK:
            held.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    forker.fork(None)
    wait_until((tmp_path / "got").exists, 10)
    done.set()
    holder.join()


def test_sockets_are_not_kept_open(forker_of: Any, tmp_path: Path) -> None:
    ours, visitor = socket.socketpair()
    forker = forker_of(lambda _: time.sleep(30))
    forker.start()
    job = forker.fork(None)
    ours.close()
    visitor.settimeout(5)
    assert visitor.recv(1) == b""  # closed everywhere, though the job runs
    assert psutil.pid_exists(job)
    os.kill(job, signal.SIGKILL)


def test_locked_files_are_not_kept_locked(forker_of: Any, tmp_path: Path) -> None:
    """As when it has to be started again, at any moment."""
    forker = forker_of(lambda _: time.sleep(30))
    with (tmp_path / "lock").open("w") as ours:
        fcntl.flock(ours, fcntl.LOCK_EX)
        job = forker.fork(None)
    with (tmp_path / "lock").open("w") as next_one:
        fcntl.flock(next_one, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert psutil.pid_exists(job)
    os.kill(job, signal.SIGKILL)


def test_one_that_was_killed_is_started_again(forker_of: Any, tmp_path: Path, noting: Callable[[Any], None]) -> None:
    forker = forker_of(lambda what: time.sleep(30) if what == "one" else noting(what))
    parent = psutil.Process(forker.fork("one")).parent()
    assert parent is not None
    assert parent.pid != os.getpid()
    parent.kill()
    parent.wait(10)
    forker.fork("two")
    wait_until((tmp_path / "two").exists)


def test_jobs_end_with_the_server(tmp_path: Path) -> None:
    """The server here is a process of its own, killed without a word."""
    told, tell = os.pipe()
    server = os.fork()
    if server == 0:
        forker = Forker(lambda _: time.sleep(60))
        os.write(tell, str(forker.fork(None)).encode())
        time.sleep(60)
        os._exit(0)
    job = psutil.Process(int(os.read(told, 20)))
    assert job.is_running()
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)
    wait_until(lambda: not job.is_running() or job.status() == "zombie", 10)
