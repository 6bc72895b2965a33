"""Retries of a visitor's connections, with a server whose answers the test sets."""

from typing import Any

import pytest

from tests.load import connections
from tests.load.connections import AGAIN, Busy, Connections

Answer = tuple[int, float, bytes, str]
OK: Answer = (200, 0, b"well", "")


class Told(Connections):
    """answers: status, pause in seconds, what else there is; one after the other."""

    def __init__(self, answers: list[Answer]) -> None:
        self.n_refused, self.answers = 0, answers
        super().__init__("http://127.0.0.1:1", address="10.0.0.1", refused=self._count)

    def _count(self) -> None:
        self.n_refused += 1

    def _once(self, *_request: Any) -> Answer:
        return self.answers.pop(0)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Instead of waiting."""
    found: list[float] = []
    monkeypatch.setattr(connections.time, "sleep", found.append)
    return found


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_when_it_says(pauses: list[float], status: int) -> None:
    told = Told([(status, 2, b"", ""), (status, 3, b"", ""), OK])
    assert told.ask("GET", "/", b"") == (200, b"well", "")
    assert told.n_refused == 2
    assert 2 <= pauses[0] <= 4
    assert 3 <= pauses[1] <= 6


def test_patience_ends(pauses: list[float]) -> None:
    told = Told([(503, 1, b"", "")] * (AGAIN + 2))
    with pytest.raises(Busy):
        told.ask("GET", "/", b"")
    assert (told.n_refused, len(pauses), len(told.answers)) == (AGAIN + 1, AGAIN, 1)


@pytest.mark.parametrize("answer", [(503, 0, b"", ""), (500, 0, b"", ""), (404, 1, b"", "")])
def test_what_is_wrong_otherwise_is_an_answer(pauses: list[float], answer: Answer) -> None:
    told = Told([answer])
    assert told.ask("GET", "/", b"")[0] == answer[0]
    assert (told.n_refused, pauses) == (0, [])
