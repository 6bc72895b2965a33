"""What is kept of what was asked for last."""

from dashboard.lru_cache import Recent


def test_a_value_is_kept() -> None:
    recent: Recent[str] = Recent(max_bytes=100, size=len)
    assert recent.get("a") is None
    recent.set("a", "value")
    assert recent.get("a") == "value"
    assert recent.get("b") is None


def test_the_least_recently_used_goes_when_there_is_no_room() -> None:
    recent: Recent[str] = Recent(max_bytes=10, size=len)
    recent.set("a", "aaaa")
    recent.set("b", "bbbb")
    assert recent.get("a") == "aaaa"
    recent.set("c", "cccc")
    assert [recent.get(key) for key in "abc"] == ["aaaa", None, "cccc"]
    recent.set("d", "dddddddd")
    assert [recent.get(key) for key in "abcd"] == [None, None, None, "dddddddd"]


def test_what_is_larger_than_all_room_costs_the_others_nothing() -> None:
    recent: Recent[str] = Recent(max_bytes=10, size=len)
    recent.set("a", "aaaa")
    recent.set("large", "x" * 11)
    assert [recent.get(key) for key in ("a", "large")] == ["aaaa", None]


def test_what_two_keep_at_once_counts_once() -> None:
    recent: Recent[str] = Recent(max_bytes=10, size=len)
    for _ in range(3):
        recent.set("a", "aaaa")
    recent.set("b", "bbbbbb")
    assert [recent.get(key) for key in "ab"] == ["aaaa", "bbbbbb"]
