"""Simulated visitor: opens the page, clicks at random, enters new texts; saliency jobs start automatically."""

import random
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from http.client import HTTPException
from threading import Thread
from typing import Any
from urllib.parse import urlencode

from analysis.bundled import BUNDLED_DIR
from tests.load.connections import Busy, Connections
from tests.page import JobOfPage, Page

POLL_SECONDS = 0.5
_LATER = ("/_dash-component-suites/plotly/package_data/plotly.min.js",)  # what scripts ask for themselves
_FAILED = (AssertionError, OSError, HTTPException, KeyError, ValueError, RuntimeError, CancelledError)
# What a visitor did, the seconds until all of it was answered, and what went wrong, if anything did.
Note = Callable[[str, float, str], None]


class Visitor:
    """One visitor with one page. choose: decides what is clicked and typed."""

    page: Page
    is_open = False
    _has_left = False

    def __init__(self, url: str, *, address: str, choose: random.Random, note: Note) -> None:
        self._note, self._choose = note, choose
        self._connections = Connections(url, address=address, refused=lambda: note("busy", 0, ""))
        self._job: JobOfPage | None = None  # until its result is drawn
        self._running: JobOfPage | None = None
        self._asked: Any = None  # the question of the last job
        self._n_draws = 0

    def open(self, text: str | None = None) -> None:
        """Open the page at a link to a text, for the first time: with all its scripts and styles."""
        with self._noted("open"):
            self.page = Page(self._connections.ask, all_panels=False)
            files = re.findall(r'(?:src|href)="(/[^"]+)"', self.page.index)
            statuses = self._connections.all(lambda path: self._connections.ask("GET", path, b"")[0], [*files, *_LATER])
            assert set(statuses) == {200}, statuses
            link = urlencode({"text": text or self._text()})
            self.page.values["address", "data"] = {"hash": f"#{link}", "opened": 1}
            self._ask("address.data")
            self._select(self.page.values["prompt", "data"]["opening"]["select"], self._last())
            self._keep_branches()
            self._ask("theme.data", "visible.data", "prompt.data", "continuation-kept.data", "selection.data")
            self.is_open = True

    def type(self, text: str | None = None) -> None:
        """Have another text analysed; what is selected stays, at its last token."""
        page = self.page
        with self._noted("text"):
            page.values["prompt-text", "value"] = typed = text or self._text()
            n_texts = page.values.get(("prompt-analyse", "n_clicks"), 0) + 1
            before = page.values["prompt", "data"]
            question = {name: before[name] for name in ("model", "start", "chat")}
            page.values["typed", "data"] = {**question, "text": typed, "edit": n_texts}
            self._ask("typed.data")
            page.values["prompt-analyse", "n_clicks"] = n_texts
            self._ask("prompt-analyse.n_clicks")
            self._select(page.values["selection", "data"].partition("@")[0], self._last())
            self._keep_branches()
            self._ask("prompt.data", "continuation-kept.data", "selection.data")

    def click(self, selection: str | None = None) -> None:
        """Select something, and wait until every panel shows it."""
        part, _, position = (selection or self._anything()).partition("@")
        with self._noted("click"):
            self._select(part, int(position))
            self._ask("selection.data")

    def close(self) -> None:
        """Leave the page, whatever it still waits for."""
        self._has_left = True
        self._job = self._running = self._asked = None
        self._connections.close()

    @contextmanager
    def _noted(self, what: str) -> Iterator[None]:
        start, problem = time.perf_counter(), ""
        try:
            yield
        except Busy:
            problem = "busy"
        except _FAILED as error:
            problem = f"{type(error).__name__}: {error}"
        if not self._has_left:
            self._note(what, time.perf_counter() - start, problem)

    def _keep_branches(self) -> None:
        """What the page's script writes for a text that the model has not continued."""
        self.page.values["continuation-kept", "data"], self.page.values["continuation-live", "data"] = [], None

    def _ask(self, *changed: str) -> None:
        """Ask all that follows when properties have changed, and start the job that is offered."""
        requests = list(self.page.requests(*changed))
        answers = self._connections.all(lambda request: self.page.answer(request[1]), requests)
        for (output, body), answer in zip(requests, answers, strict=True):
            self.page.read(answer)
            for written in answer.get("response", {}).values():
                assert written.get("data-selection", "").encode() in body, f"{output} shows something else"
        offer = self.page.values.get(("saliency-job-offer", "data"))
        if offer and offer.get("automatic") and offer["question"] != self._asked:
            self.begin_job(offer)

    def begin_job(self, offer: dict[str, Any]) -> None:
        """Have the job begin that is offered, as the page does by itself, or at the press of its button."""
        self._asked = offer["question"]
        Thread(target=self._follow, args=[offer], daemon=True).start()

    def _follow(self, offer: dict[str, Any]) -> None:
        """Have a job run, ask how it is doing, and draw what it has found, until another takes its place."""
        question = offer["question"]
        with suppress(_Replaced), self._noted("saliency"):
            self._job = self._running = job = self.page.start_job(
                "saliency", question, measure=offer["seconds"] is None, instead_of=self._running
            )
            partial, outcome = 0, None
            while not outcome:
                time.sleep(POLL_SECONDS)
                answer = self._heard(job, question)
                outcome = job.outcome_in(answer)
                tick = answer.get("progress", {}).get("saliency-job-tick.data", {})
                if outcome and self._running is job:
                    self._running = None
                if outcome or tick.get("partial", 0) > partial:
                    partial = tick.get("partial", 0)
                    self._draw(again=outcome is not None and outcome["kind"] == "measured")
            if self._job is job:
                self._job = None
            if outcome["kind"] == "busy":
                raise Busy
            assert outcome["kind"] in ("done", "measured"), outcome

    def _heard(self, job: JobOfPage, question: Any) -> dict[str, Any]:
        """How a job is doing; where another was started instead, the server may know nothing of it."""
        problem = None
        try:
            answer = job.ask()
        except AssertionError as error:
            problem = error
        if self._asked is not question:
            raise _Replaced
        if problem:
            raise problem
        return answer

    def _draw(self, *, again: bool) -> None:
        """As the page does when a job has found something. again: what was only measured may now start by itself."""
        self._n_draws += 1
        self.page.values["saliency-job-fresh", "data"] = self._n_draws
        if again:
            self._asked = None
        self._ask("saliency-job-fresh.data")

    def _select(self, part: str, position: int) -> None:
        self.page.values["selection", "data"] = f"{part}@{position}"

    def _last(self) -> int:
        last: int = self.page.values["prompt", "data"]["n_positions"] - 1
        return last

    def _anything(self) -> str:
        """A head, a neuron, another token for what is selected, or an end of the network."""
        sizes, choose = self.page.values["prompt", "data"], self._choose
        block, position = choose.randrange(sizes["n_blocks"]), choose.randrange(sizes["n_positions"])
        part = choose.choice(
            [
                f"block.{block}.attention.head.{choose.randrange(sizes['n_heads'])}",
                f"block.{block}.mlp.neuron.{choose.randrange(sizes['n_neurons'])}",
                self.page.values["selection", "data"].partition("@")[0],
                choose.choice(["embedding", "output"]),
            ]
        )
        return f"{part}@{position}"

    def _text(self) -> str:
        """Two sentences that hardly anyone else has put together."""
        return " ".join(self._choose.choice(SENTENCES) for _ in range(2))


class _Replaced(Exception):
    """Another job is asked for instead."""


def sentences() -> list[str]:
    """Those of the bundled model's held-out text."""
    text = (BUNDLED_DIR / "heldout.txt").read_text(encoding="utf-8")
    return [one for one in re.split(r"(?<=[.!?])\s+", text) if 20 <= len(one) <= 120]


SENTENCES = sentences()
