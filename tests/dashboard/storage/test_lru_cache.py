"""LRU cache with a byte limit: the least recently used values are evicted."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboard.storage.lru_cache import ByteLimitedCache


def cache_of(max_bytes: int) -> ByteLimitedCache[str]:
    return ByteLimitedCache(max_bytes=max_bytes, size=len)


def test_a_value_is_kept() -> None:
    cache = cache_of(100)
    assert cache.get("a") is None
    cache.set("a", "value")
    assert cache.get("a") == "value"
    assert cache.get("b") is None


def test_the_least_recently_used_value_is_evicted() -> None:
    cache = cache_of(10)
    cache.set("a", "aaaa")
    cache.set("b", "bbbb")
    assert cache.get("a") == "aaaa"
    cache.set("c", "cccc")
    assert [cache.get(key) for key in "abc"] == ["aaaa", None, "cccc"]
    cache.set("d", "dddddddd")
    assert [cache.get(key) for key in "abcd"] == [None, None, None, "dddddddd"]


def test_a_value_larger_than_the_limit_evicts_nothing() -> None:
    cache = cache_of(10)
    cache.set("a", "aaaa")
    cache.set("large", "x" * 11)
    assert [cache.get(key) for key in ("a", "large")] == ["aaaa", None]


def test_a_key_that_is_set_again_counts_once() -> None:
    cache = cache_of(10)
    for _ in range(3):
        cache.set("a", "aaaa")
    cache.set("b", "bbbbbb")
    assert [cache.get(key) for key in "ab"] == ["aaaa", "bbbbbb"]


@pytest.mark.long
def test_threads_use_one_cache() -> None:
    cache = cache_of(50)

    def use(number: int) -> bool:
        key = str(number % 20)
        cache.set(key, key * 5)
        return cache.get(str(number % 7)) in (None, str(number % 7) * 5)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(use, range(20_000)))
