"""Self-healing disk cache: when its files are damaged, it starts again, empty, in all threads and processes."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import diskcache
import pytest

from dashboard.jobs.stores.disk_cache import DiskCache

Damage = Callable[[Path], None]


def _overwrite(raw: Callable[[bytes], bytes]) -> Damage:
    def damage(folder: Path) -> None:
        file = folder / "cache.db"
        file.write_bytes(raw(file.read_bytes()))

    return damage


def _both(folder: Path) -> None:
    for name in ("cache.db", "cache.db-wal"):  # what SQLite maps into memory must not become shorter
        (folder / name).write_bytes(b"garbage" * 1000)


def _replace(folder: Path) -> None:
    (folder / "new").write_bytes(b"garbage" * 1000)
    (folder / "new").replace(folder / "cache.db")


DAMAGES: dict[str, Damage] = {
    "empty": _overwrite(lambda raw: b""),
    "half": _overwrite(lambda raw: raw[: len(raw) // 2]),
    "half a page": _overwrite(lambda raw: raw[:2000]),
    "garbage": _overwrite(lambda raw: b"garbage" * 5000),
    "ones after the first page": _overwrite(lambda raw: raw[:4096] + b"\xff" * (len(raw) - 4096)),
    "both files": _both,
    "another file of this name": _replace,
    "gone": shutil.rmtree,
}


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[DiskCache]:
    cache = DiskCache(tmp_path / "c", max_bytes=10**8)
    for n in range(300):
        cache.set(f"key {n}", bytes(1000))
    cache._con.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # all of it is in the file that is damaged
    yield cache
    cache.close()


def works(cache: DiskCache, key: str = "new") -> bool:
    cache.set(key, b"value", expire=100)
    return bool(cache.get(key) == b"value" and cache.pop(key) == b"value")


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_while_it_is_open(cache: DiskCache, tmp_path: Path, damage: Damage) -> None:
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(cache.get, ["key 1", "key 2"]))  # each has a connection of its own
        damage(tmp_path / "c")
        assert all(threads.map(lambda n: works(cache, str(n)), range(8)))
    assert works(DiskCache(tmp_path / "c", max_bytes=10**8))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_before_it_is_opened(cache: DiskCache, tmp_path: Path, damage: Damage) -> None:
    cache.close()
    damage(tmp_path / "c")
    assert works(DiskCache(tmp_path / "c", max_bytes=10**8))


def test_two_processes_go_on_with_one_cache(cache: DiskCache, tmp_path: Path) -> None:
    other = DiskCache(tmp_path / "c", max_bytes=10**8)
    other.get("key 1")
    DAMAGES["garbage"](tmp_path / "c")
    cache.set("a", b"1")
    assert other.get("a") == b"1"
    other.set("b", b"2")
    assert cache.get("b") == b"2"
    assert cache.get("a") == b"1", "the second did not start again, too"


def test_an_unavailable_database_is_not_replaced(cache: DiskCache, tmp_path: Path) -> None:
    """Locked by another, full, or a file that is not to be written."""
    with pytest.raises(diskcache.Timeout):
        locked(cache, tmp_path)
    assert cache.get("key 7") == bytes(1000)
    limit = cache._sql("PRAGMA max_page_count = 1").fetchone()  # no more than it has
    with pytest.raises(sqlite3.OperationalError, match="full"):
        cache.set("large", os.urandom(30_000))
    cache._sql(f"PRAGMA max_page_count = {limit[0] + 1000}")
    assert cache.get("key 7") == bytes(1000)
    assert works(cache)


def locked(cache: DiskCache, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "c" / "cache.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    cache._sql("PRAGMA busy_timeout = 50")
    try:
        cache.set("a", b"1")
    finally:
        other.execute("ROLLBACK")
        other.close()
