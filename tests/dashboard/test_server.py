"""Jobs under gunicorn: a child that is forked from a busy server with threads neither hangs nor keeps its sockets."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil
import pytest

from tests.page import JobOfPage, Page, of_address
from tests.serving import GUNICORN, served

TEXT = "The fox met a crow who had a cheese, and the crow number {} met the fox"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(GUNICORN) as url:
        yield url


def show(page: Page, text: str, selection: str = "block.3.attention.head.0@5") -> None:
    page.set("prompt", "data", {"model": "bundled", "text": text, "start": False})
    page.set("selection", "data", selection)


def question(text: str, *choices: str) -> dict[str, Any]:
    prompt = {"model": "bundled", "text": text, "start": False}
    return {"prompt": prompt, "selection": "block.3.attention.head.0@5", "choices": list(choices)}


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


def test_jobs_beside_visitors_who_keep_their_connections(address: str) -> None:
    """Traces, clicks and projections before and during jobs; every job ends well and every request is answered."""
    stop, answered, failed = threading.Event(), [0, 0, 0], []

    def visit(number: int) -> None:
        page = of_address(address)  # one connection for all that follows
        try:
            while not stop.is_set():
                show(page, TEXT.format(f"{number} {answered[number]}"), f"block.{answered[number] % 6}.mlp@3")
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
        show(page, text)
        found, connections = outcomes(
            [
                page.start_job("embedding", question(text, "tsne", "2", "equal")),
                page.start_job("saliency", question(text, "integrated", "zero", "")),
                page.start_job("saliency", question(text, "occlusion", "mean", "")),
            ]
        )
        assert [one and one["kind"] for one in found] == ["done"] * 3, found
        assert not connections
        show(page, text)  # the connection that was open when the jobs were forked
        assert not failed, failed
        assert sum(answered) > sum(before)
    stop.set()
    for visitor in visitors:
        visitor.join(60)
        assert not visitor.is_alive()
    assert not failed, failed
