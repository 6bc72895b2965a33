"""The log of real servers and workers: each line is a JSON object, names process and event, and quotes no visitor."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.page import of_address, question
from tests.serving import GUNICORN, celery_worker, redis_server, served, wait_until

pytestmark = [pytest.mark.long, pytest.mark.slow]
WITH_A_BUG = """
import callbacks.attention
from dashboard.serving.gunicorn import *

draw = callbacks.attention.draw_attention

def draw_or_fail(services, prompt, selection, **choices):
    if choices["view"] == "rollout":
        raise KeyError(prompt.text)
    return draw(services, prompt, selection, **choices)

callbacks.attention.draw_attention = draw_or_fail
"""
CANARIES = ("canaryone", "canarytwo")


@pytest.fixture(scope="module", params=["fork", pytest.param("celery", marks=[pytest.mark.slow, pytest.mark.thorough])])
def log_of(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server of each kind, and the log of all its processes."""
    folder = tmp_path_factory.mktemp("log")
    log, config = folder / "log", folder / "gunicorn.py"
    config.write_text(WITH_A_BUG)
    environment = {"LOG_LEVEL": "DEBUG"}
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOG_LEVEL", "DEBUG")
        if request.param == "celery":
            environment["REDIS_URL"] = redis = stack.enter_context(redis_server(folder))
            stack.enter_context(celery_worker(redis, folder / "worker", log))
        yield stack.enter_context(served((*GUNICORN[:3], str(config), *GUNICORN[4:]), log, **environment)), log


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in log.read_text().splitlines()]


def of(log: Path, event: str, **fields: Any) -> list[dict[str, Any]]:
    return [line for line in lines(log) if line["event"] == event and fields.items() <= line.items()]


def raw(url: str, request: bytes) -> None:
    """What is sent to a server, and the first of what it answers."""
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=10) as sock:
        sock.sendall(request)
        sock.recv(1000)


def test_a_request_has_one_line(log_of: tuple[str, Path]) -> None:
    url, log = log_of
    before = len(of(log, "request", route="/_dash-layout"))
    of_address(url)
    wait_until(lambda: len(of(log, "request", route="/_dash-layout")) == before + 1)
    assert of(log, "message", logger="gunicorn.access") == []


def test_what_two_visitors_do_is_told_without_their_words(log_of: tuple[str, Path]) -> None:
    url, log = log_of
    for canary in CANARIES:
        page = of_address(url)
        page.show(f"The {canary} met a crow")
        with pytest.raises(AssertionError, match="number"):
            page.set("attention-view", "value", "rollout")
        page.values["attention-view", "value"] = "raw"
        before = page.values["selection", "data"]
        with pytest.raises(AssertionError, match="not a selection"):
            page.set("selection", "data", canary)
        with pytest.raises(AssertionError):
            page.set("theme", "data", canary)
        page.values |= {("selection", "data"): before, ("theme", "data"): "light"}
        jobs = [
            page.start_job("saliency", question(f"The {canary} met a crow", "integrated", "zero", "")),
            page.start_job("saliency", question(f"The {canary} met a crow", canary, canary, canary)),
            page.start_job("embedding", {"prompt": canary}),
        ]
        for job in jobs:
            wait_until(lambda job=job: job.outcome(), 90)  # type: ignore[misc]
        for path in (f"/{canary}?{canary}={canary}", f"/assets/{canary}.js", f"/{canary}\n", f"/%ff{canary}"):
            raw(url, f"GET {path} HTTP/1.1\r\nHost: {canary}\r\nX-{canary}: {canary}\r\n\r\n".encode())
        raw(url, f"{canary.upper()} /{canary} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        raw(url, f"GET / HTTP/{canary}\r\n{canary}\r\n\r\n".encode())
        raw(url, f'POST /_dash-update-component HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{{"{canary}'.encode())
    wait_until(lambda: of(log, "job", panel="saliency", kind="done", model="bundled"))
    text = log.read_text().lower()
    assert [canary for canary in CANARIES if canary in text] == []
    assert all(json.loads(row) for row in log.read_text().splitlines()), "every line is an object"


def test_requests_jobs_and_bugs_have_their_lines(log_of: tuple[str, Path]) -> None:
    url, log = log_of
    page = of_address(url)
    page.show("The fox met a crow and a duck")
    job = page.start_job("saliency", question("The fox met a crow and a duck", "occlusion", "zero", ""))
    wait_until(job.outcome, 90)
    wait_until(lambda: of(log, "job", kind="done", panel="saliency"))
    told = of(log, "job", kind="done", panel="saliency")[-1]
    assert told["n_tokens"] == 8
    assert told["seconds_computed"] > 0
    assert told["seconds_waited"] >= 0
    web = of(log, "request", route="/", method="GET", status=200)[-1]
    assert told["process"] != web["process"], "the job has a process of its own"
    assert web["bytes"] > 500
    assert len(web["client"]) == 8
    (row,) = {line["client"] for line in of(log, "request", route="/_dash-update-component panels")}
    assert row == web["client"]
    with pytest.raises(AssertionError, match="number") as shown:
        page.set("attention-view", "value", "rollout")
    number = str(shown.value).partition("under the number ")[2][:8]
    (bug,) = of(log, "message", message=f"Reference {number}")
    assert "dashboard/drawing.py:" in bug["traceback"]
    (asking,) = of(log, "request", request=bug["request"])
    assert asking["route"] == "/_dash-update-component panels"
