"""Counts by key, at a time that the test sets."""

import threading

import pytest
from flask import Flask
from flask_limiter import Limiter

from dashboard.web import rate_limit_storage
from dashboard.web.rate_limit_storage import ADDRESS, Counts


class Clock:
    """In place of the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rate_limit_storage, "time", clock)
    monkeypatch.setattr("limits.storage.memory.time", clock)
    return clock


def test_counts_begin_anew_after_their_time(clock: Clock) -> None:
    kept = Counts()
    assert [kept.incr("a", 60) for _ in range(3)] == [1, 2, 3]
    clock.now += 59
    assert (kept.incr("a", 60), kept.incr("b", 60, amount=5)) == (4, 5)
    clock.now += 2
    assert (kept.incr("a", 60), kept.incr("b", 60)) == (1, 6)


def test_what_is_over_is_forgotten(clock: Clock) -> None:
    kept = Counts()
    for number in range(100):
        kept.incr(str(number), 60)
    clock.now += 61
    kept.incr("another", 60)
    assert list(kept.storage) == list(kept.expirations) == ["another"]


def test_no_thread_is_started_and_none_gets_lost() -> None:
    kept = Counts()
    kept.timer.join()  # the library's first
    before = threading.active_count()
    threads = [threading.Thread(target=lambda: [kept.incr("a", 60) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept.incr("a", 60) == 2001
    assert threading.active_count() <= before


def test_the_limiter_finds_it() -> None:
    assert isinstance(Limiter(str, app=Flask("limited"), storage_uri=ADDRESS).storage, Counts)
