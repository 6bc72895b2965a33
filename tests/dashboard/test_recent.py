"""What is kept of what was asked for last."""

import threading

import pytest

from dashboard.recent import Recent


def test_the_same_key_is_made_once() -> None:
    recent: Recent[str] = Recent(max_bytes=100, size=len)
    first = recent.get("a", lambda: "value")
    assert recent.get("a", lambda: "another") is first
    assert recent.get("b", lambda: "another") == "another"


def test_the_least_recently_used_goes_when_there_is_no_room() -> None:
    recent: Recent[str] = Recent(max_bytes=10, size=len)
    for key in ("a", "b", "a", "c"):  # each takes four of the ten
        recent.get(key, lambda key=key: key * 4)
    assert recent.get("a", lambda: "made again") == "aaaa"
    assert recent.get("c", lambda: "made again") == "cccc"
    assert recent.get("b", lambda: "again") == "again"


def test_what_is_larger_than_all_room_costs_the_others_nothing() -> None:
    recent: Recent[str] = Recent(max_bytes=10, size=len)
    recent.get("a", lambda: "aaaa")
    assert recent.get("large", lambda: "x" * 11) == "x" * 11
    assert recent.get("large", lambda: "y") == "y"
    assert recent.get("a", lambda: "made again") == "aaaa"


def test_what_two_make_at_once_counts_once() -> None:
    recent: Recent[str] = Recent(max_bytes=10, size=len)
    both = threading.Barrier(2)

    def make() -> str:
        both.wait()
        return "aaaa"

    threads = [threading.Thread(target=recent.get, args=["a", make]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recent.get("b", lambda: "bbbbbb")
    assert recent.get("a", lambda: "made again") == "aaaa"


def test_an_error_is_not_kept() -> None:
    recent: Recent[str] = Recent(max_bytes=10, size=len)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            recent.get("a", lambda: str(1 / 0))
    assert recent.get("a", lambda: "made") == "made"
