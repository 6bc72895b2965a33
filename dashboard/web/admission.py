"""Whose turn it is: few callbacks compute at once, some wait, and beyond that the answer is "busy", at once.

A worker of gunicorn queues requests without a bound: with more visitors than it can serve, each would wait ever longer
for answers that nobody wants any more. The page asks again (`assets/page.js`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Semaphore
from typing import Any

import flask

# Threads that the server needs: one for each request that has or waits for a turn, and some for all else, so that no
# number of callbacks can keep health checks, the page itself and its scripts waiting.
N_THREADS = 64
_RETRY_SECONDS = 1
_CALLBACK = "/_dash-update-component"
_OF_JOB = re.compile(rb'"output":\s*"\w+-job-done\.data"')  # never within a text, where quotes are escaped


class Busy(Exception):
    """There is no turn to be had."""


class Turns:
    """at_once: how many have a turn; waiting: how many more may wait for one, for at most `seconds`."""

    def __init__(self, *, at_once: int, waiting: int, seconds: float) -> None:
        self._seconds = seconds
        self._turns = Semaphore(at_once)
        self._places = Semaphore(at_once + waiting)

    @contextmanager
    def take(self) -> Iterator[None]:
        """Have a turn.

        Raises: Busy if too many wait already, or the turn does not come in time.
        """
        if not self._places.acquire(blocking=False):
            raise Busy
        try:
            if not self._turns.acquire(timeout=self._seconds):
                raise Busy
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._places.release()


def install(server: flask.Flask, *, callbacks: Turns | None = None, jobs: Turns | None = None) -> None:
    """Let callbacks take turns. By default more than four never compute at once: they share one interpreter, and more
    would only all be late. jobs: for what starts, follows or ends a job, and waits more than it computes.
    """
    callbacks = callbacks or Turns(at_once=4, waiting=40, seconds=5)
    jobs = jobs or Turns(at_once=4, waiting=8, seconds=5)
    answer: Callable[[], Any] = server.view_functions[_CALLBACK]

    def answer_in_turn() -> Any:
        about_a_job = "cancelJob" in flask.request.args or _OF_JOB.search(flask.request.get_data())
        try:
            with (jobs if about_a_job else callbacks).take():
                return answer()
        except Busy:
            words = "The server is busy: too many visitors ask at once. Try again in a moment."
            return flask.Response(
                words, status=503, mimetype="text/plain", headers={"Retry-After": str(_RETRY_SECONDS)}
            )

    server.view_functions[_CALLBACK] = answer_in_turn
