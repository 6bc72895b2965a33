"""Visitors send the requests that a browser sends, and get their answers."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.explorer import Explorer
from tests.load.visitor import Visitor
from tests.serving import GUNICORN, served, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FIRST, SECOND = "Once there was a fox who lived near the great forest.", "The king gave a rose to the queen."
N_SECOND = 9  # tokens
COMPUTED = re.compile("Computed in|Cached")

# What was asked: the names in the query, and the body.
Asked = list[tuple[set[str], dict[str, Any]]]


@pytest.fixture
def url() -> Iterator[str]:
    with served(GUNICORN) as url:
        yield url


def clicks(opening: str) -> dict[str, str]:
    """What is selected from the opening selection on, and the controls that are clicked for it."""
    part = opening.partition("@")[0]
    block, _, head = part.rpartition(".")
    other = 6 if head != "6" else 5
    small = f"#attention-heads-graph .draglayer .x{other + 1}y{other + 1} .nsewdrag"
    return {f"{part}@2": "#strip-panel [data-select='@2']", f"{block}.{other}@2": small}


def in_chromium(browser: Browser, url: str) -> Iterator[Asked]:
    """What a browser asks: when the page is opened, at each click, and for another text."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    page, asked = context.new_page(), []
    page.on("request", lambda request: note(asked, request.url, request.post_data))
    explorer = Explorer(page, url, [])

    def until_computed() -> Asked:
        explorer.compute()
        wait_until(lambda: COMPUTED.match(explorer.job_words()), 60)
        page.wait_for_timeout(1000)
        found = list(asked)
        asked.clear()
        return found

    explorer.open(text=FIRST)
    yield until_computed()
    for click, control in clicks(explorer.opening()).items():
        page.locator(control).click()
        explorer.follows(click)
        yield until_computed()
    page.fill("#prompt-text", SECOND)
    expect(page.locator("#prompt-count")).to_have_text(f"{N_SECOND} of 256 tokens, not analysed")
    page.click("#prompt-analyse")
    page.wait_for_function(f"document.querySelectorAll('#strip-panel [data-select]').length === {N_SECOND}")
    yield until_computed()
    context.close()


def by_visitor(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """The same, by one of ours."""
    asked: Asked = []
    problems: list[str] = []
    visitor = Visitor(
        url, address="10.0.0.1", choose=random.Random(0), note=lambda _what, _seconds, wrong: problems.append(wrong)
    )
    ask = visitor._connections.ask

    def noted(method: str, path: str, body: bytes) -> tuple[int, bytes, str]:
        note(asked, path, body.decode())
        return ask(method, path, body)

    monkeypatch.setattr(visitor._connections, "ask", noted)

    def is_computed() -> bool:
        offer = visitor.page.values["saliency-job-offer", "data"]
        if not ("kept" in offer or offer["automatic"] or visitor._job or offer["question"] == visitor._asked):
            visitor.begin_job(offer)  # by the button: others keep the machine busy
        return "kept" in offer and not visitor._job

    def until_computed() -> Asked:
        wait_until(lambda: is_computed() or any(problems), 90)
        assert not any(problems), problems
        found = list(asked)
        asked.clear()
        return found

    visitor.open(FIRST)
    yield until_computed()
    for click in clicks(visitor.page.values["selection", "data"]):
        visitor.click(click)
        yield until_computed()
    visitor.type(SECOND)
    yield until_computed()
    visitor.close()


def note(asked: Asked, address: str, body: str | None) -> None:
    parts = urlsplit(address)
    if parts.path == "/_dash-update-component":
        asked.append((set(parse_qs(parts.query)), json.loads(body or "")))


def distinct(asked: Asked) -> list[str]:
    """Each request once, without what is random or depends on how fast a job is."""
    seen = set()
    for query, body in asked:
        follows_job = body["changedPropIds"] == ["saliency-job-fresh.data"]
        for given in [*body["inputs"], *body.get("state", [])]:
            if given["id"] == "saliency-job-start" and given["value"]:
                given["value"] |= {"nonce": "", "measure": False}
            if given["id"] == "saliency-job-fresh" or (follows_job and given["property"] == "data-old"):
                given["value"] = "some"
            # A digest of what these panels were drawn from, which the number of a job's news is part of.
            if given["id"] in ("strip-panel", "saliency-panel") and given["value"]:
                given["value"] = "some"
        seen.add(json.dumps([sorted(query), body], sort_keys=True))
    return sorted(seen)


@pytest.mark.thorough
def test_visitors_ask_what_a_browser_asks(url: str, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [distinct(asked) for asked in in_chromium(browser, url)]
    with served(GUNICORN) as another:  # where nothing is known yet, as it was there
        found = [distinct(asked) for asked in by_visitor(another, monkeypatch)]
    assert [len(asked) for asked in expected] == [8, 4, 1, 9]
    assert found == expected
