"""Admission control for callbacks: N run, M wait, the rest get 503 at once.

Without it gunicorn queues requests without a bound: with more visitors than the server can serve, each would wait ever
longer for responses that nobody wants any more. The page retries (`assets/requests.js`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Semaphore
from typing import Any

import flask

from dashboard.web.callback_request import callback_request
from dashboard.web.error_responses import plain_text
from dashboard.web.paths import CALLBACK
from layouts.export_menu import MADE
from layouts.lessons import LESSON

# Threads of a web process: one for each request that runs or waits, and enough left over that no number of callbacks
# delays health checks, the page itself and its scripts.
N_THREADS = 64
_RETRY_SECONDS = 1
# What long callbacks write: an export draws every panel twice, and a lesson is computed when it is first opened.
_LONG = (MADE, LESSON)


class Overloaded(Exception):
    """Too many requests run and wait already, or the wait was too long."""


class AdmissionControl:
    """A bounded queue: n_running at once, n_waiting more that wait for at most `seconds`."""

    def __init__(self, *, n_running: int, n_waiting: int, seconds: float) -> None:
        self._seconds = seconds
        self._running = Semaphore(n_running)
        self._admitted = Semaphore(n_running + n_waiting)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the slots for what runs, after waiting for it if necessary.

        Raises: Overloaded if too many wait already, or no slot becomes free in time.
        """
        if not self._admitted.acquire(blocking=False):
            raise Overloaded
        try:
            if not self._running.acquire(timeout=self._seconds):
                raise Overloaded
            try:
                yield
            finally:
                self._running.release()
        finally:
            self._admitted.release()


def install(
    server: flask.Flask, *, callbacks: AdmissionControl | None = None, jobs: AdmissionControl | None = None
) -> None:
    """Admit callbacks before Dash runs them.

    callbacks: by default at most four run at once, as they share one interpreter: more would only all be late. jobs:
    a queue of its own for requests that start, follow or cancel a job, which wait more than they compute. Of each long
    callback one runs at once, so that they never hold up the others.
    """
    callbacks = callbacks or AdmissionControl(n_running=4, n_waiting=40, seconds=5)
    jobs = jobs or AdmissionControl(n_running=4, n_waiting=8, seconds=5)
    long = {component: AdmissionControl(n_running=1, n_waiting=0, seconds=0) for component in _LONG}
    run_callback: Callable[[], Any] = server.view_functions[CALLBACK]

    def run_if_admitted() -> Any:
        asked = callback_request()
        try:
            with (jobs if asked.panel else long.get(asked.component, callbacks)).slot():
                return run_callback()
        except Overloaded:
            message = "The server is busy: too many visitors are using it at once. Try again in a moment."
            return plain_text(message, 503, Retry_After=str(_RETRY_SECONDS))

    server.view_functions[CALLBACK] = run_if_admitted
