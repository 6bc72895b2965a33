"""Locust's configuration: the number of visitors, when each of them acts, and what is counted."""

import random
import sys
from itertools import count
from time import monotonic

from locust import User, constant_pacing, task

from tests.load.visitor import Visitor

CLICK_SECONDS, TEXT_SECONDS = 2, 30
_numbers = count()


class Person(User):
    """A visitor who clicks every two seconds, or at once if that took longer, and types a text every thirty."""

    wait_time = constant_pacing(CLICK_SECONDS)

    def on_start(self) -> None:
        """Give the visitor an address and a random seed of its own, the same in every run."""
        number = next(_numbers)
        address = f"10.0.{number // 250}.{1 + number % 250}"
        self._visitor = Visitor(self.host, address=address, choose=random.Random(number), note=self._note)
        self._typed = monotonic()

    @task
    def act(self) -> None:
        """Do the next action that is due."""
        if not self._visitor.is_open:
            self._visitor.open()
        elif monotonic() - self._typed > TEXT_SECONDS:
            self._typed = monotonic()
            self._visitor.type()
        else:
            self._visitor.click()

    def on_stop(self) -> None:
        """Close the visitor's page."""
        self._visitor.close()

    def _note(self, what: str, seconds: float, problem: str) -> None:
        kind, error = ("given up", None) if problem == "busy" else ("", problem or None)
        if error:
            print(f"{what}: {error[:500]}", file=sys.stderr)
        given = {"response_time": 1000 * seconds, "response_length": 0, "context": {}, "exception": error}
        self.environment.events.request.fire(request_type=kind, name=what, **given)
