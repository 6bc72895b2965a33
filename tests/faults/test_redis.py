"""Redis stops and comes back, or hangs: clicks still work, new jobs are refused with a reason, and run again later."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.page import Page, of_address, question
from tests.serving import (
    GUNICORN,
    answers,
    celery_worker,
    free_port,
    has_settled,
    process,
    redis_server,
    served,
    server_of,
    wait_until,
)

pytestmark = [pytest.mark.long, pytest.mark.slow]
WORDS = "The queue of computations cannot be reached"


class Redis:
    """One that can be taken away."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port, self._running = folder, free_port(), ExitStack()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        self._running.enter_context(redis_server(self._folder, self._port))

    def end(self) -> None:
        self._running.close()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    redis = Redis(tmp_path_factory.mktemp("redis"))
    yield redis
    redis.end()


@pytest.fixture(scope="module")
def address(redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with celery_worker(redis.url, tmp_path_factory.mktemp("worker")), served(GUNICORN, REDIS_URL=redis.url) as url:
        yield url


def ready(url: str) -> tuple[int, str]:
    """What a host's probe is told, of jobs."""
    try:
        answer = urllib.request.urlopen(f"{url}readyz", timeout=30)
    except HTTPError as error:
        answer = error
    return answer.status, json.load(answer)["jobs"]


def compute(page: Page, text: str) -> Any:
    """How a job ends."""
    job = page.start_job("saliency", question(text, "occlusion", "zero", ""))
    if started := job.outcome_in(job.answer):
        return started
    found: list[Any] = []
    wait_until(lambda: found.append(job.outcome()) or found[-1], 90)
    return found[-1]


@pytest.mark.thorough
def test_a_server_and_a_worker_that_begin_before_it(tmp_path: Path) -> None:
    """They wait for it, and say so."""
    ports, logs = [free_port(), free_port()], [tmp_path / "web", tmp_path / "worker"]
    settings = {"REDIS_URL": f"redis://127.0.0.1:{ports[0]}/0", "CACHE_DIR": str(tmp_path / "cache")}
    command = [word.format(port=ports[1]) for word in GUNICORN]
    with (
        process(command, logs[0], **settings) as web,
        celery_worker(settings["REDIS_URL"], tmp_path / "other", logs[1]) as worker,
    ):
        wait_until(lambda: all("Waiting to begin." in log.read_text() for log in logs), 60)
        with redis_server(tmp_path, ports[0]):
            url = f"http://127.0.0.1:{ports[1]}/"
            wait_until(lambda: answers(url, web), 60)
            wait_until(lambda: has_settled(url), 60)
            assert compute(of_address(url), "The fox met a crow")["kind"] == "done"
            assert worker.poll() is None


@pytest.mark.thorough
def test_gone_and_back(address: str, redis: Redis) -> None:
    page = of_address(address)
    page.show("The fox met a crow")
    assert compute(page, "The fox met a crow")["kind"] == "done"
    running = page.start_job("saliency", question("The fox met a duck " * 12, "depth", "mean", ""))
    redis.end()
    assert ready(address) == (503, "fails")
    page.show("The fox met a crow")
    page.show("The fox met a goose")
    assert page.values["saliency-job-offer", "data"]["automatic"] is False, "nothing starts by itself"
    ended = compute(page, "The fox met a goose")
    assert ended["kind"] == "error"
    assert WORDS in ended["message"]
    assert running.outcome() is None, "nothing is known of it, and it may go on"
    of_address(address).show("Another visitor came")
    redis.start()
    assert ready(address) == (200, "ok")
    wait_until(running.is_lost)  # it was not kept; the page says so, and offers to run it again
    assert compute(page, "The fox met a goose")["kind"] == "done"
    page.show("The fox met a goose")


@pytest.mark.thorough
def test_one_that_hangs(address: str, redis: Redis) -> None:
    """Whoever asks it is answered all the same, in the time that a request may take."""
    page = of_address(address)
    page.show("The fox met a crow")
    server = server_of(redis.url)
    server.suspend()
    try:
        assert ready(address) == (503, "fails")
        page.show("The fox met a hen")
        assert WORDS in compute(page, "The fox met a hen")["message"]
    finally:
        server.resume()
    assert ready(address) == (200, "ok")
    assert compute(page, "The fox met a hen")["kind"] == "done"
