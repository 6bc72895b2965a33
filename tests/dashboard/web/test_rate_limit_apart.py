"""Privacy: a visitor's text never reaches another visitor, the log, or the name of a file."""

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from flask import Flask

from analysis.models.language_model import LanguageModel
from dashboard.app import Explorer, create_app
from dashboard.jobs.service import Jobs
from dashboard.monitoring.json_log import JsonFormatter
from dashboard.panels import PANELS
from dashboard.settings import Settings
from tests.page import JobOfPage, Page
from tests.serving import wait_until

pytestmark = pytest.mark.long

UPDATE = "/_dash-update-component"
ANN, BOB = "quixoticheronsbane", "velvetthunderwort"  # words that stand nowhere else
WITH_JOBS = [panel.name for panel in PANELS if panel.task]


class Visitor:
    """Someone with a browser, and all that the server has sent to it."""

    def __init__(self, server: Flask, address: str, word: str) -> None:
        self.client, self.address, self.word = server.test_client(), address, word
        self.received: list[str] = []
        self.page = Page(self.ask)

    def ask(self, method: str, path: str, body: bytes) -> tuple[int, bytes, str]:
        headers = {"User-Agent": self.word, "Cookie": f"a={self.word}", "Authorization": f"Basic {self.word}"}
        answer = self.client.open(
            path,
            method=method,
            data=body,
            headers=headers,
            content_type="application/json",
            environ_base={"REMOTE_ADDR": self.address},
        )
        self.received.append(f"{answer.headers}{answer.text}")
        return answer.status_code, answer.data, ""

    def update(self, body: Any, **handles: str) -> tuple[int, str]:
        status, answer, _ = self.ask("POST", f"{UPDATE}?{urlencode(handles)}", json.dumps(body).encode())
        return status, answer.decode()

    @property
    def prompt(self) -> dict[str, Any]:
        return {"model": "tiny", "text": f"the fox and {self.word}", "start": False}

    def offered(self, name: str) -> Any:
        self.page.values["prompt", "data"] = self.prompt
        self.page.values["selection", "data"] = "block.1.mlp@3"
        return self.page.job_question(name)

    def begin(self, name: str) -> JobOfPage:
        return self.page.start_job(name, self.offered(name))


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file; jobs begin once it is there."""
    return tmp_path / "gate"


@pytest.fixture
def app(tmp_path: Path, gate: Path, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> Iterator[Explorer]:
    run = Jobs.run

    def run_later(*arguments: Any, **named: Any) -> dict[str, Any]:
        while not gate.exists():
            time.sleep(0.02)
        return run(*arguments, **named)

    monkeypatch.setattr(Jobs, "run", run_later)
    app = create_app(Settings(cache_dir=str(tmp_path / "cache")), models={"tiny": tiny_gpt2})
    app.server.secret_key = app.jobs.secret()
    yield app
    app.jobs.manager.close()


@pytest.fixture
def visitors(app: Explorer) -> tuple[Visitor, Visitor]:
    return Visitor(app.server, "192.0.2.1", ANN), Visitor(app.server, "192.0.2.2", BOB)


def finished(job: JobOfPage) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    wait_until(lambda: (outcome := job.outcome()) and not found.append(outcome), 120)
    return found[0]


def visit(one: Visitor) -> None:
    """Look at a text in every panel, and make every mistake that there is."""
    page, word = one.page, one.word
    page.values["prompt", "data"] = one.prompt
    page.set("selection", "data", "block.1.attention.head.2@3")
    page.set("saliency-search", "value", word)
    for name in filter(one.offered, WITH_JOBS):
        assert finished(one.begin(name))["kind"] == "done"
        page.set(f"{name}-job-fresh", "data", 1)
    page.values["address", "data"] = {"hash": f"#{urlencode({'model': word, 'text': word})}", "opened": 2}
    (opened,) = [body for output, body in page.requests("address.data") if "prompt.data" in output]
    assert word in json.dumps(page.answer(opened))
    (attention,) = [body for output, body in page.requests("selection.data") if "attention-graph" in output]
    for place, value in [(0, {**one.prompt, "model": word}), (0, {**one.prompt, "text": word * 9000}), (1, word),
                         (2, word), (3, word), (0, word)]:  # fmt: skip
        body = json.loads(attention)
        body["inputs"][place]["value"] = value
        assert one.update(body)[0] in (200, 400)
    assert one.update({"output": word})[0] == 400
    assert one.update(json.loads(attention), job=word, cacheKey=word)[0] == 400
    assert one.update(json.loads(attention), what=word)[0] == 400
    for path in (f"/{word}", f"/assets/{word}", f"/_dash-component-suites/dash/{word}.js", f"/{quote(word)}?a={word}"):
        assert one.ask("GET", path, b"")[0] == 404
    assert one.ask(word, "/", b"")[0] == 405


def test_what_one_writes_is_seen_by_nobody_else(
    app: Explorer, gate: Path, visitors: tuple[Visitor, Visitor], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gate.touch()
    ann, bob = visitors
    with caplog.at_level(logging.DEBUG):
        for one in (ann, bob, ann):
            visit(one)
    assert any(ANN in text for text in ann.received)
    assert any(BOB in text for text in bob.received)
    assert [text for text in bob.received if ANN in text] == []
    assert [text for text in ann.received if BOB in text] == []
    assert len(caplog.records) > 20
    assert [line for line in caplog.text.splitlines() if ANN in line or BOB in line] == []
    names = [str(path) for path in (tmp_path / "cache").rglob("*")]
    assert len(names) > 10
    assert [name for name in names if ANN in name or BOB in name] == []


def test_a_bug_that_quotes_a_text_does_not_bring_it_into_the_log(
    visitors: tuple[Visitor, Visitor], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_trace: Any, *_more: Any, **_named: Any) -> None:
        raise ValueError(f"of {ANN}")

    ann, _ = visitors
    ann.page.values["prompt", "data"] = ann.prompt
    ann.page.values["selection", "data"] = "block.1.attention.head.2@3"
    monkeypatch.setattr("callbacks.attention.compute_attention", fails)
    (body,) = [body for output, body in ann.page.requests("selection.data") if "attention-graph" in output]
    with caplog.at_level(logging.DEBUG):
        assert "Something went wrong" in json.dumps(ann.page.answer(body))
    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert any("ValueError" in line for line in lines)
    assert not any(ANN in line for line in lines)


@pytest.mark.parametrize("name", WITH_JOBS)
def test_anothers_handles_are_of_no_use(
    app: Explorer, gate: Path, visitors: tuple[Visitor, Visitor], name: str
) -> None:
    """They are signed together with a token of the page that they were given to, which only that page knows."""
    ann, bob = visitors
    if not ann.offered(name):
        pytest.skip("it needs no job for so small a model")
    manager = app.jobs.manager
    job = ann.begin(name)
    key, handle = job.answer["cacheKey"], job.answer["job"]
    process = handle.rpartition("~")[0]
    bodies = dict(bob.page.requests(f"{name}-job-start.data", f"{name}-job-cancel.n_clicks"))
    follow, cancel = (json.loads(bodies[f"{name}-job-{part}"]) for part in ("done.data", "cancel.id"))
    pages: list[dict[str, str]] = [bob.page._query, {}, {"endId": "a~" + "0" * 64}]

    def of_no_use() -> None:
        for page in pages:
            status, answer = bob.update(follow, cacheKey=key, job=handle, **page)
            assert (status, answer) == (204, "")
            assert bob.update(cancel, cancelJob=handle, **page)[0] in (200, 204)
            status, answer = bob.update(follow, cacheKey=key, oldJob=handle, **page)
            assert (status, answer) == (204, "")

    of_no_use()
    time.sleep(0.2)
    assert manager.job_running(process)
    gate.touch()
    wait_until(lambda: manager.handle.get(key.rpartition("~")[0]), 120)  # it has written how it ended
    of_no_use()
    assert finished(job)["kind"] == "done"  # and who it was for is told


def test_who_has_a_job_can_end_it(app: Explorer, visitors: tuple[Visitor, Visitor]) -> None:
    ann, _ = visitors
    job = ann.begin("saliency")
    process = job.answer["job"].rpartition("~")[0]
    body = json.loads(dict(ann.page.requests("saliency-job-cancel.n_clicks"))["saliency-job-cancel.id"])
    assert ann.update(body, cancelJob=job.answer["job"], **ann.page._query)[0] == 200
    wait_until(lambda: not app.jobs.manager.job_running(process))
