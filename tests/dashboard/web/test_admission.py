"""Admission control: a few run, some wait, all others get 503."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest

from analysis.models.language_model import LanguageModel
from dashboard.app import create_app
from dashboard.settings import Settings
from dashboard.web import admission, callback_request
from dashboard.web.admission import N_THREADS, AdmissionControl, Overloaded
from dashboard.web.paths import CALLBACK
from tests.dashboard.test_app import ask
from tests.serving import wait_until

LATE = "..late-graph.figure..."
LONG = ("export-made.data", "lesson.data")


class Slow:
    """A server whose callbacks wait for an event."""

    def __init__(self, **limits: Any) -> None:
        self.server = flask.Flask("slow")
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)
        self.server.add_url_rule(CALLBACK, endpoint=CALLBACK, view_func=self._answer, methods=["POST"])
        self.server.add_url_rule("/health", view_func=lambda: "well")
        self.callbacks = AdmissionControl(**limits)
        callback_request.install(self.server)
        jobs = AdmissionControl(n_running=1, n_waiting=0, seconds=0)
        admission.install(self.server, callbacks=self.callbacks, jobs=jobs)
        self._threads: list[threading.Thread] = []
        self.answers: list[int] = []

    def ask(self, path: str = CALLBACK, *, output: str = LATE) -> Any:
        return self.server.test_client().post(path, json={"output": output})

    def ask_aside(self, output: str = LATE) -> None:
        self._threads.append(threading.Thread(target=lambda: self.answers.append(self.ask(output=output).status_code)))
        self._threads[-1].start()

    def n_admitted(self, most: int) -> int:
        return most - self.callbacks._admitted._value

    def end(self) -> None:
        self.go.set()
        for thread in self._threads:
            thread.join(30)

    def _answer(self) -> str:
        if flask.request.json["output"] in (LATE, *LONG):
            self.begun.release()
            assert self.go.wait(30)
        return "done"


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow(n_running=1, n_waiting=1, seconds=30)
    yield slow
    slow.end()


def test_one_runs_one_waits_and_the_third_gets_503_at_once(slow: Slow) -> None:
    slow.ask_aside()
    assert slow.begun.acquire(timeout=30)
    slow.ask_aside()
    wait_until(lambda: slow.n_admitted(most=2) == 2)
    refused = slow.ask()
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert refused.mimetype == "text/plain"
    assert refused.text.startswith("The server is busy")
    assert not slow.begun.acquire(blocking=False)  # the one that waits has not started
    slow.end()
    assert slow.answers == [200, 200]
    assert slow.ask().status_code == 200


def test_jobs_and_other_paths_have_no_part_in_the_queue(slow: Slow) -> None:
    for _ in range(2):
        slow.ask_aside()
    wait_until(lambda: slow.n_admitted(most=2) == 2)
    assert slow.ask(f"{CALLBACK}?endId=a").status_code == 503  # every callback of a page has it
    assert slow.ask(f"{CALLBACK}?endId=a&job=b", output="saliency-job-done.data").text == "done"
    assert slow.ask(f"{CALLBACK}?endId=a&cancelJob=b", output="saliency-job-cancel.id").text == "done"
    assert slow.server.test_client().get("/health").text == "well"


def test_of_each_long_callback_one_runs_and_it_holds_up_no_other(slow: Slow) -> None:
    for output in LONG:
        slow.ask_aside(output)
        assert slow.begun.acquire(timeout=30)
    for output in LONG:
        assert (refused := slow.ask(output=output)).status_code == 503
        assert refused.text.startswith("The server is busy")
    assert slow.ask(output="x.y").text == "done"
    slow.end()
    assert slow.answers == [200, 200]
    assert [slow.ask(output=output).status_code for output in LONG] == [200, 200]


@pytest.mark.parametrize(
    ("query", "output"),
    [
        ("", "saliency-job-offer.data"),
        ("", "..saliency-job-done.data...x.y.."),
        ("", "x.y-job-done.data"),
        ("?cancelJob=a", "x.y"),
        ("?job=a", "x.y"),
        ("?oldJob=a", "x.y"),
        ("?job=a", "saliency-job-cancel.id"),
        ("?cancelJob=a", "saliency-job-done.data"),
    ],
)
def test_no_other_callback_gets_past_the_queue_as_a_job(slow: Slow, query: str, output: str) -> None:
    for _ in range(2):
        slow.ask_aside()
    wait_until(lambda: slow.n_admitted(most=2) == 2)
    assert slow.ask(f"{CALLBACK}{query}", output=output).status_code == (400 if query else 503)


def test_a_duplicate_key_does_not_get_past_the_queue(slow: Slow) -> None:
    """Its first value was once taken for the callback here, its last by Dash."""
    for _ in range(2):
        slow.ask_aside()
    wait_until(lambda: slow.n_admitted(most=2) == 2)
    body = '{"output": "saliency-job-done.data", "output": "x.y"}'
    answer = slow.server.test_client().post(CALLBACK, data=body, content_type="application/json")
    assert answer.status_code == 400


def test_a_request_that_waits_too_long_gets_503() -> None:
    slow = Slow(n_running=1, n_waiting=5, seconds=0.01)
    slow.ask_aside()
    assert slow.begun.acquire(timeout=30)
    assert slow.ask().status_code == 503
    assert slow.n_admitted(most=6) == 1
    slow.end()
    assert slow.answers == [200]


def test_an_error_frees_the_slot() -> None:
    control = AdmissionControl(n_running=1, n_waiting=0, seconds=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), control.slot():
            _ = 1 / 0
    with control.slot(), pytest.raises(Overloaded), control.slot():
        raise AssertionError("there was a second slot")


def test_callbacks_of_the_page_are_admitted_and_leave_threads_for_all_else(
    tmp_path: Path, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def none(*, n_running: int, n_waiting: int, seconds: float) -> AdmissionControl:
        threads.append(n_running + n_waiting)
        return AdmissionControl(n_running=0, n_waiting=0, seconds=seconds)

    monkeypatch.setattr(admission, "AdmissionControl", none)
    app = create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2})
    assert sum(threads) < N_THREADS
    assert app.server.test_client().get("/").status_code == 200
    assert ask(app).status_code == 503
