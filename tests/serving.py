"""Test servers on loopback: the page, Redis, Celery workers; each is stopped when its context ends."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import psutil

ROOT = Path(__file__).parent.parent
PLAIN = ("dashboard", "--port", "{port}")  # as `make run` does
GUNICORN = (
    "gunicorn", "dashboard.server:server", "--config", "python:dashboard.serving.gunicorn", "--bind", "127.0.0.1:{port}"
)  # fmt: skip


@contextmanager
def served(command: Sequence[str] = PLAIN, log: Path | None = None, **environment: str) -> Iterator[str]:
    """The address of a page, with a cache of its own. command: a module and its arguments. log: a file for it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    arguments = [argument.format(port=port) for argument in command]
    with TemporaryDirectory() as cache:
        # All visitors of a test have one address.
        usual = {"CACHE_DIR": cache, "REQUESTS_PER_MINUTE": str(10**6)}
        with process(arguments, log, **{**usual, **environment}) as server:
            wait_until(lambda: answers(url, server), 120)
            wait_until(lambda: has_settled(url), 60)
            yield url


@contextmanager
def redis_server(folder: Path, port: int | None = None, *, certificate: Path | None = None) -> Iterator[str]:
    """The address of a Redis, which keeps nothing when it ends. certificate: with its key, for one that is asked
    through TLS.
    """
    program = shutil.which("redis-server")
    assert program, "The tests of jobs need redis-server; `make test` installs it where it may."
    port = port or free_port()
    options = {"port": 0 if certificate else port, "save": "", "dir": folder}
    if certificate:
        options |= {"tls-port": port, "tls-cert-file": certificate, "tls-key-file": certificate}
        options |= {"tls-ca-cert-file": certificate, "tls-auth-clients": "no"}
    given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    redis = subprocess.Popen([program, *given], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: _is_open(port))
        yield f"{'rediss' if certificate else 'redis'}://127.0.0.1:{port}/0"
    finally:
        redis.terminate()
        redis.wait(10)


@contextmanager
def celery_worker(redis: str, folder: Path, log: Path | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker as on another machine: with a cache of its own. It is ready when it takes the first job."""
    command = ["celery", "-A", "dashboard.serving.worker", "worker", "--concurrency", "2", "--loglevel", "WARNING"]
    with process(command, log, REDIS_URL=redis, CACHE_DIR=str(folder)) as worker:
        yield worker


@contextmanager
def procfile(line: str, folder: Path = ROOT, **environment: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run a line of the Procfile as a host does, with its environment only; gives the address that it may serve."""
    port = free_port()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    runner = ["honcho", "start", "--port", str(port), line]
    with process(runner, folder=folder, PATH=path, **environment) as started:
        yield f"http://127.0.0.1:{port}/", started


def gunicorn_of(runner: "subprocess.Popen[bytes]") -> psutil.Process:
    """The master process of the `web` line, under the runner's own and perhaps a shell."""
    tree = psutil.Process(runner.pid).children(recursive=True)
    return next(process for process in tree if "dashboard.server:server" in process.cmdline())


@contextmanager
def process(
    command: Sequence[str], log: Path | None = None, folder: Path = ROOT, **environment: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A Python module as a process; it and all that it started end with the context."""
    with (log or Path(os.devnull)).open("ab") as errors:
        started = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, env={**os.environ, **environment}, stderr=errors
        )
    try:
        yield started
    finally:
        family = []
        with suppress(psutil.NoSuchProcess):  # a test has killed it
            family = [*psutil.Process(started.pid).children(recursive=True), psutil.Process(started.pid)]
        started.terminate()
        psutil.wait_procs(family, timeout=10)
        for left in family:
            if left.is_running():
                left.kill()
        started.wait(10)


def server_of(url: str) -> psutil.Process:
    """The server process that listens on an address."""
    for one in psutil.Process().children():
        with suppress(psutil.Error):  # one that a test has left behind
            if str(urlsplit(url).port) in " ".join(one.cmdline()):
                return one
    raise AssertionError(f"nothing serves {url}")


def free_port() -> int:
    """A free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_until(holds: Callable[[], Any], seconds: float = 30) -> None:
    """Wait until a condition holds; fail after the time limit."""
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)


def answers(url: str, server: "subprocess.Popen[bytes]") -> bool:
    """Whether a server gives a page; fails if it has ended."""
    assert server.poll() is None, "the server ended before it served a page"
    try:
        urllib.request.urlopen(url, timeout=5).read()
    except OSError:
        return False
    return True


def has_settled(url: str) -> bool:
    """Whether the model that a page opens with is loaded, or cannot be."""
    try:
        answer = urllib.request.urlopen(f"{url}readyz", timeout=5)
    except HTTPError as error:
        answer = error
    return json.load(answer)["model"] not in ("on disk", "loading")


def _is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
