"""Few at once, some who wait, and a clear answer for all others."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest

from analysis.models.language_model import LanguageModel
from dashboard.app import create_app
from dashboard.settings import Settings
from dashboard.web import admission
from dashboard.web.admission import N_THREADS, Turns
from tests.dashboard.test_app import ask
from tests.serving import wait_until

CALLBACK, LATE = "/_dash-update-component", "..late-graph.figure..."


class Slow:
    """A server whose callbacks last until they are let go."""

    def __init__(self, **line: Any) -> None:
        self.server = flask.Flask("slow")
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)
        self.server.add_url_rule(CALLBACK, endpoint=CALLBACK, view_func=self._answer, methods=["POST"])
        self.server.add_url_rule("/health", view_func=lambda: "well")
        self.line = Turns(**line)
        admission.install(self.server, callbacks=self.line, jobs=Turns(at_once=1, waiting=0, seconds=0))
        self._threads: list[threading.Thread] = []
        self.answers: list[int] = []

    def ask(self, path: str = CALLBACK, *, output: str = LATE) -> Any:
        return self.server.test_client().post(path, json={"output": output})

    def ask_aside(self) -> None:
        self._threads.append(threading.Thread(target=lambda: self.answers.append(self.ask().status_code)))
        self._threads[-1].start()

    def n_inside(self, most: int) -> int:
        return most - self.line._places._value

    def end(self) -> None:
        self.go.set()
        for thread in self._threads:
            thread.join(30)

    def _answer(self) -> str:
        if flask.request.json["output"] == LATE:
            self.begun.release()
            assert self.go.wait(30)
        return "done"


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow(at_once=1, waiting=1, seconds=30)
    yield slow
    slow.end()


def test_one_is_answered_one_waits_and_the_third_is_told_at_once(slow: Slow) -> None:
    slow.ask_aside()
    assert slow.begun.acquire(timeout=30)
    slow.ask_aside()
    wait_until(lambda: slow.n_inside(most=2) == 2)
    refused = slow.ask()
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert refused.mimetype == "text/plain"
    assert refused.text.startswith("The server is busy")
    assert not slow.begun.acquire(blocking=False)  # who waits has not begun
    slow.end()
    assert slow.answers == [200, 200]
    assert slow.ask().status_code == 200


def test_what_is_about_a_job_or_for_anything_else_does_not_wait_with_them(slow: Slow) -> None:
    for _ in range(2):
        slow.ask_aside()
    wait_until(lambda: slow.n_inside(most=2) == 2)
    assert slow.ask(f"{CALLBACK}?endId=a").status_code == 503  # every callback of a page has it
    assert slow.ask(f"{CALLBACK}?endId=a&job=b").status_code == 503  # which anyone can write
    assert slow.ask(output="saliency-job-done.data").text == "done"
    assert slow.ask(f"{CALLBACK}?cancelJob=a", output="x.y").text == "done"
    assert slow.server.test_client().get("/health").text == "well"


def test_who_waits_too_long_is_told() -> None:
    slow = Slow(at_once=1, waiting=5, seconds=0.01)
    slow.ask_aside()
    assert slow.begun.acquire(timeout=30)
    assert slow.ask().status_code == 503
    assert slow.n_inside(most=6) == 1
    slow.end()
    assert slow.answers == [200]


def test_a_turn_ends_with_an_error_too() -> None:
    line = Turns(at_once=1, waiting=0, seconds=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), line.take():
            _ = 1 / 0
    with line.take(), pytest.raises(admission.Busy), line.take():
        raise AssertionError("there was a second turn")


def test_the_pages_callbacks_take_turns_and_leave_threads_for_all_else(
    tmp_path: Path, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def none(*, at_once: int, waiting: int, seconds: float) -> Turns:
        threads.append(at_once + waiting)
        return Turns(at_once=0, waiting=0, seconds=seconds)

    monkeypatch.setattr(admission, "Turns", none)
    app = create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2})
    assert sum(threads) < N_THREADS
    assert app.server.test_client().get("/").status_code == 200
    assert ask(app).status_code == 503
