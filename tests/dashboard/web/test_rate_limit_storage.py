"""In-memory counters for rate limits expire; the test sets the clock."""

import threading

import pytest

from dashboard.web import rate_limit_storage
from dashboard.web.rate_limit_storage import Counters


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


def test_a_counter_starts_again_after_it_has_expired(clock: Clock) -> None:
    counters = Counters()
    assert [counters.incr("a", 60) for _ in range(3)] == [1, 2, 3]
    clock.now += 59
    assert (counters.incr("a", 60), counters.incr("b", 60, amount=5)) == (4, 5)
    clock.now += 2
    assert (counters.incr("a", 60), counters.incr("b", 60)) == (1, 6)


def test_expired_counters_are_dropped(clock: Clock) -> None:
    counters = Counters()
    for number in range(100):
        counters.incr(str(number), 60)
    clock.now += 61
    counters.incr("another", 60)
    assert list(counters.storage) == list(counters.expirations) == ["another"]


def test_no_thread_is_started_and_no_increment_is_lost() -> None:
    counters = Counters()
    counters.timer.join()  # the library's first
    before = threading.active_count()
    threads = [threading.Thread(target=lambda: [counters.incr("a", 60) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counters.incr("a", 60) == 2001
    assert threading.active_count() <= before
