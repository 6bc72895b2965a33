"""Jobs under gunicorn, by forks and by Celery: while visitors keep the server busy, and when the slots are full."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import psutil
import pytest

from tests.page import JobOfPage, of_address, question
from tests.serving import GUNICORN, celery_worker, redis_server, served

pytestmark = pytest.mark.slow
TEXT = "The fox met a crow who had a cheese, and the crow number {} met the fox"


@pytest.fixture(scope="module", params=["fork", pytest.param("celery", marks=pytest.mark.thorough)])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ExitStack() as stack:
        environment = {}
        if request.param == "celery":
            folder = tmp_path_factory.mktemp("redis")
            environment["REDIS_URL"] = redis = stack.enter_context(redis_server(folder))
            stack.enter_context(celery_worker(redis, folder / "worker"))
        yield stack.enter_context(served(GUNICORN, **environment))


def outcomes(jobs: list[JobOfPage], seconds: float = 90) -> tuple[list[Any], set[str]]:
    """How jobs ended, and the connections that were seen in the processes that ran them."""
    found: list[Any] = [None] * len(jobs)
    connections: set[str] = set()
    ends = time.monotonic() + seconds
    while None in found and time.monotonic() < ends:
        connections |= connections_of_jobs()
        found = [before or job.outcome() for before, job in zip(found, jobs, strict=True)]
        time.sleep(0.05)
    return found, connections


def connections_of_jobs() -> set[str]:
    """Of all that the web process of gunicorn, itself a child of its master, has forked."""
    seen = set()
    for master in psutil.Process().children():
        for web in master.children():
            for job in web.children(recursive=True):
                with suppress(psutil.Error):
                    seen |= {f"{c.laddr} {c.raddr}" for c in job.net_connections()}
    return seen


@pytest.mark.thorough
def test_jobs_beside_visitors_who_keep_their_connections(address: str) -> None:
    """Traces, clicks and projections before and during jobs; every job ends well and every request is answered."""
    stop, answered, failed = threading.Event(), [0, 0, 0], []

    def visit(number: int) -> None:
        page = of_address(address)  # one connection for all that follows
        try:
            while not stop.is_set():
                page.show(TEXT.format(f"{number} {answered[number]}"), f"block.{answered[number] % 6}.mlp@3")
                answered[number] += 1
        except Exception as error:
            failed.append(error)

    visitors = [threading.Thread(target=visit, args=(number,), daemon=True) for number in range(3)]
    for visitor in visitors:
        visitor.start()
    while min(answered) < 2 and not failed:  # all have a connection, and traces run
        time.sleep(0.1)
    page = of_address(address)
    for turn in range(3):
        before = list(answered)
        text = TEXT.format(f"at turn {turn}")
        page.show(text)
        found, connections = outcomes(
            [
                page.start_job("embedding", question(text, "tsne", "2", "equal")),
                page.start_job("saliency", question(text, "integrated", "zero", "")),
                page.start_job("saliency", question(text, "occlusion", "mean", "")),
            ]
        )
        assert [one and one["kind"] for one in found] == ["done"] * 3, found
        assert not connections
        page.show(text)  # the connection that was open when the jobs were forked
        assert not failed, failed
        assert sum(answered) > sum(before)
    stop.set()
    for visitor in visitors:
        visitor.join(60)
        assert not visitor.is_alive()
    assert not failed, failed


def test_more_jobs_than_may_run_at_once(address: str) -> None:
    """Six visitors with a text each, two places: all are served, each with its own."""
    pages = [of_address(address) for _ in range(6)]
    asked = [question(TEXT.format(f"six times {number}"), "depth", "mean", "") for number in range(6)]
    jobs = [page.start_job("saliency", one) for page, one in zip(pages, asked, strict=True)]
    waited = set()
    found: list[Any] = [None] * len(jobs)
    ends = time.monotonic() + 120
    while None in found and time.monotonic() < ends:
        for number, job in enumerate(jobs):
            if found[number] is None:
                answer = job.ask()
                found[number] = job.outcome_in(answer)
                tick = answer.get("progress", {}).get("saliency-job-tick.data", {})
                if tick.get("phase") == "waiting":
                    waited.add(number)
        time.sleep(0.05)
    assert [one and one["kind"] for one in found] == ["done"] * 6
    assert len({one["nonce"] for one in found}) == 6
    assert len(waited) >= 3, "four had to wait, and said so"
    for page, one in zip(pages, asked, strict=True):
        page.values |= {("saliency-method", "value"): "depth", ("saliency-baseline", "value"): "mean"}
        page.show(one["prompt"]["text"])
        assert page.values["saliency-job-offer", "data"]["kept"] > 0
