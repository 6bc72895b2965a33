"""Background jobs as visitors see them, run by forks of the server and by Celery workers with a real Redis."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from analysis.model import LanguageModel
from analysis.saliency import compute_saliency
from analysis.trace import Prompt, compute_trace
from tests.browser.conftest import ROOT, served
from tests.browser.explorer import Explorer

# Long enough to be looked at while it runs, in float32 on any processor.
LONG = " ".join(["Once upon a time there was a fox who lived in the forest and a crow who lived in the old tree."] * 8)
SLOW = {"saliency-method": "depth", "saliency-baseline": "mean"}


@contextmanager
def redis_and_worker(folder: Path) -> Iterator[str]:
    """The address of a Redis of our own, and a Celery worker on it, as another machine would be: with its own cache."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"redis://127.0.0.1:{port}/0"
    program = shutil.which("redis-server")
    assert program, "The tests of jobs need redis-server; `make test` installs it where it may."
    redis = subprocess.Popen(
        [program, "--port", str(port), "--save", "", "--dir", str(folder)], stdout=subprocess.DEVNULL
    )
    worker = None
    try:
        _until(lambda: _answers(port))
        environment = {**os.environ, "REDIS_URL": url, "CACHE_DIR": str(folder / "worker")}
        command = [sys.executable, "-m", "celery", "-A", "dashboard.worker", "worker", "--concurrency", "2"]
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
        yield url
    finally:
        if worker:
            for process in [*psutil.Process(worker.pid).children(recursive=True), worker]:
                process.kill()
            worker.wait(10)
        redis.terminate()
        redis.wait(10)


@pytest.fixture(scope="module", params=["fork", "celery"])
def jobs_address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of each kind."""
    if request.param == "fork":
        with served() as url:
            yield url
    else:
        with redis_and_worker(tmp_path_factory.mktemp("redis")) as redis, served(REDIS_URL=redis) as url:
            yield url


@pytest.fixture
def visit(browser: Browser, jobs_address: str) -> Iterator[Callable[..., Explorer]]:
    """Open the page as another visitor, at a question."""
    contexts: list[BrowserContext] = []

    def visit(**fragment: str) -> Explorer:
        context = browser.new_context(viewport={"width": 1200, "height": 800})
        contexts.append(context)
        explorer = Explorer(context.new_page(), jobs_address, [])
        explorer.open(**fragment)
        return explorer

    yield visit
    for context in contexts:
        context.close()


def words(explorer: Explorer) -> str:
    return explorer.page.inner_text("#saliency-job-words")


def wait_for(explorer: Explorer, *possible: str) -> str:
    expect(explorer.page.locator("#saliency-job-words")).to_contain_text(re.compile("|".join(possible)), timeout=90_000)
    return words(explorer)


def compute(explorer: Explorer) -> None:
    """Press the button, once it is there; what is short has started by itself and is done."""
    button = explorer.page.locator("#saliency-job-compute")
    _until(lambda: button.is_visible() or words(explorer).startswith(("Computed", "From the cache")), 60)
    if button.is_visible():
        button.click()


def job_processes(explorer: Explorer) -> list[psutil.Process]:
    """The processes that use the processor for a job: forks of the server, or of the worker."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            parent = process.parent()
            ours = "dashboard" in " ".join(process.cmdline())
            if ours and parent and parent.cmdline() == process.cmdline() and process.status() == "running":
                found.append(process)
    return found


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _until(holds: Callable[[], Any], seconds: float = 30) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)


def test_two_visitors_get_their_own_and_the_next_one_the_cache(
    visit: Callable[..., Explorer], bundled_model: LanguageModel
) -> None:
    texts = ["The canary zebra said to the king", "A secret walrus ran into the river"]
    visitors = [visit(text=text, **{"saliency-baseline": "end"}) for text in texts]
    for visitor in visitors:
        compute(visitor)
    for visitor, text in zip(visitors, texts, strict=True):
        assert "Computed in" in wait_for(visitor, "Computed in")
        trace = compute_trace(bundled_model, Prompt("bundled", text))
        expected = compute_saliency(bundled_model, trace, trace.n_positions - 1, baseline="end")
        assert expected is not None
        np.testing.assert_allclose(visitor.data("saliency-graph", "_fullData[0].y"), expected.attributions, atol=1e-3)
    third = visit(text=texts[0], **{"saliency-baseline": "end"})
    assert "From the cache" in wait_for(third, "From the cache", "Comput")


def test_progress_then_cancel_then_again(visit: Callable[..., Explorer]) -> None:
    visitor = visit(text=LONG, **SLOW)
    compute(visitor)
    wait_for(visitor, r"Computing: [1-9]")
    before = words(visitor)
    _until(lambda: words(visitor) != before)
    running = job_processes(visitor)
    assert running
    visitor.page.click("#saliency-job-cancel")
    expect(visitor.page.locator("#saliency-job-words")).to_contain_text("Cancelled")
    _until(lambda: not any(p.is_running() and p.status() == "running" for p in running), 5)
    visitor.page.check("#saliency-method input[value='occlusion']")
    compute(visitor)
    wait_for(visitor, "Computed in")


def test_a_killed_job_is_reported_and_can_be_run_again(visit: Callable[..., Explorer]) -> None:
    visitor = visit(text=f"A king. {LONG}", **SLOW)
    compute(visitor)
    wait_for(visitor, r"Computing: [1-9]")
    for process in job_processes(visitor):
        os.kill(process.pid, signal.SIGKILL)
    killed = time.monotonic()
    wait_for(visitor, "ended without a result")
    assert time.monotonic() - killed < 12
    expect(visitor.page.locator("#saliency-job-compute")).to_contain_text("Run again")


def test_of_two_who_wait_for_equal_work_one_may_cancel(visit: Callable[..., Explorer]) -> None:
    question = {"text": f"A queen. {LONG}", "saliency-method": "occlusion", "saliency-baseline": "mean"}
    first, second = visit(**question), visit(**question)
    compute(first)
    compute(second)
    if first.page.locator("#saliency-job-cancel").is_visible():
        first.page.click("#saliency-job-cancel")
    wait_for(second, "Computed in", "From the cache")
