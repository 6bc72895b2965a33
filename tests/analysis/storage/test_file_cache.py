"""File cache: its size limit holds with several threads and processes, some of which are killed."""

import errno
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from analysis.storage.file_cache import FileCache

LIMIT = 400_000


@pytest.fixture
def cache(tmp_path: Path) -> FileCache:
    return FileCache(tmp_path / "c", max_bytes=LIMIT)


def put(cache: FileCache, key: str, value: bytes) -> None:
    with cache.write(key) as file:
        file.write(value)


def get(cache: FileCache, key: str) -> bytes | None:
    path = cache.path(key)
    return path.read_bytes() if path.exists() else None


def used_at(cache: FileCache, key: str, seconds: float) -> None:
    os.utime(cache.path(key), (seconds, seconds))


def total(cache: FileCache) -> int:
    return sum(path.stat().st_size for path in cache.directory.rglob("*") if path.is_file())


def test_a_file_by_its_key(cache: FileCache) -> None:
    key = "any key: / .. \0 \ud7ff" * 100
    assert get(cache, key) is None
    put(cache, key, b"one")
    put(cache, "other", b"two")
    assert (get(cache, key), get(cache, "other")) == (b"one", b"two")
    put(cache, key, b"three")
    assert get(cache, key) == b"three"
    assert len(list(cache.directory.iterdir())) == 2


def test_another_process_reads_the_same_files(cache: FileCache) -> None:
    put(cache, "key", b"value")
    assert get(FileCache(cache.directory, max_bytes=LIMIT), "key") == b"value"


# The limit.


def test_the_least_recently_used_files_are_evicted_first(cache: FileCache) -> None:
    for n in range(8):
        put(cache, str(n), bytes(40_000))
        used_at(cache, str(n), n + 1)
    cache.path("1")  # used now
    put(cache, "8", bytes(80_000))
    kept = [n for n in range(9) if get(cache, str(n)) is not None]
    assert kept == [1, 3, 4, 5, 6, 7, 8], "0 and 2 had not been used for longest"


@pytest.mark.long
def test_the_limit_holds_for_small_files_and_several_caches(tmp_path: Path) -> None:
    """Each file takes a whole block of the disk; the caches stand for processes, which share nothing but the folder."""
    caches = [FileCache(tmp_path / "c", max_bytes=LIMIT) for _ in range(3)]
    for n in range(2000):
        put(caches[n % 3], str(n), b"small")
    n_files = len(list((tmp_path / "c").iterdir()))
    assert caches[0].n_bytes() == 4096 * n_files
    assert 0.7 * LIMIT < 4096 * n_files < 1.1 * LIMIT


def test_a_lower_limit_holds_after_the_next_large_file(tmp_path: Path) -> None:
    before = FileCache(tmp_path / "c", max_bytes=LIMIT)
    for n in range(8):
        put(before, str(n), bytes(40_000))
    after = FileCache(tmp_path / "c", max_bytes=LIMIT // 4)
    put(after, "large", bytes(40_000))
    assert after.n_bytes() <= LIMIT // 4
    assert get(after, "large") is not None


def test_a_file_larger_than_the_limit_is_refused_and_evicts_nothing(cache: FileCache) -> None:
    put(cache, "a", b"a")
    with pytest.raises(OSError, match="larger than the cache") as refused:
        put(cache, "large", bytes(LIMIT + 1))
    assert refused.value.errno == errno.EFBIG
    assert [get(cache, key) for key in ("a", "large")] == [b"a", None]
    assert len(list(cache.directory.iterdir())) == 1


def test_files_of_another_layout_count_and_are_evicted(cache: FileCache) -> None:
    """Such as those of an earlier version."""
    old = cache.directory / "ab" / "cd" / "old.val"
    old.parent.mkdir(parents=True)
    old.write_bytes(bytes(300_000))
    os.utime(old, (1, 1))
    put(cache, "new", bytes(100_000))
    assert not old.exists()
    assert cache.n_bytes() < LIMIT


def test_an_open_file_outlives_its_eviction(cache: FileCache) -> None:
    put(cache, "a", b"a" * 50_000)
    with cache.path("a").open("rb") as file:
        used_at(cache, "a", 1)
        for n in range(8):
            put(cache, str(n), bytes(40_000))
        assert get(cache, "a") is None
        assert file.read() == b"a" * 50_000


# What goes wrong.


def test_a_file_that_is_not_finished_is_not_seen(cache: FileCache) -> None:
    put(cache, "a", b"before")
    unfinished = ExitStack()
    file = unfinished.enter_context(cache.write("a"))
    file.write(b"after")
    file.flush()
    assert get(cache, "a") == b"before"
    unfinished.push(lambda *_: 1 / 0)  # type: ignore[arg-type, return-value]
    with pytest.raises(ZeroDivisionError):
        unfinished.close()
    assert get(cache, "a") == b"before"
    assert len(list(cache.directory.iterdir())) == 1


def write_for_ever(directory: Path, began: Any) -> None:
    """Runs in a process of its own, until it is killed."""
    with FileCache(directory, max_bytes=LIMIT).write("a") as file:
        file.write(bytes(100_000))
        file.flush()
        began.set()
        time.sleep(60)


def test_a_killed_writer_leaves_nothing_that_is_read_or_stays(cache: FileCache) -> None:
    fork = multiprocessing.get_context("fork")
    began = fork.Event()
    writer = fork.Process(target=write_for_ever, args=(cache.directory, began))
    writer.start()
    assert began.wait(30)
    assert writer.pid
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    assert get(cache, "a") is None
    (left,) = cache.directory.iterdir()
    assert cache.n_bytes() > 100_000
    for hours, stays in ((0, True), (2, False)):
        os.utime(left, (time.time() - 3600 * hours,) * 2)
        for n in range(20):
            put(cache, str(n), bytes(40_000))
        assert left.exists() == stays, "not evicted as long as its writer may be alive"


def _delete(folder: Path) -> None:
    shutil.rmtree(folder)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"")


@pytest.mark.parametrize("damage", [_delete, _empty])
def test_the_cache_goes_on_after_damage(cache: FileCache, damage: Callable[[Path], None]) -> None:
    put(cache, "a", b"a")
    damage(cache.directory)
    assert not get(cache, "a")
    assert cache.n_bytes() == 0
    put(cache, "a", b"new")
    assert get(cache, "a") == b"new"


@pytest.mark.parametrize("way", ["a file in the way", "a link to nowhere"])
def test_a_folder_that_cannot_be_used_is_refused(tmp_path: Path, way: str) -> None:
    if way == "a file in the way":
        (tmp_path / "c").write_text("in the way")
    else:
        (tmp_path / "c").symlink_to("/proc/none")
    with pytest.raises(OSError):
        FileCache(tmp_path / "c", max_bytes=LIMIT)


def test_a_read_only_disk_is_still_read(cache: FileCache, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cache, "a", b"a")

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as read_only:
        for name in ("utime", "replace", "unlink"):
            read_only.setattr(f"os.{name}", refuse)
        assert get(cache, "a") == b"a"
        with pytest.raises(OSError, match="Read-only"):
            put(cache, "b", b"b")


# Several at once.


def use_a_lot(directory: Path, seed: int, wrong: Any) -> None:
    """Runs in a process of its own: writes and reads the same keys as the others, within a limit for half of them."""
    cache = FileCache(directory, max_bytes=LIMIT)
    for n in range(600):
        key = str((n * 7 + seed) % 20)
        put(cache, key, key.encode() * 20_000)
        value = b""
        try:
            value = cache.path(str((n * 3 + seed) % 20)).read_bytes()
        except FileNotFoundError:
            continue
        if value != str((n * 3 + seed) % 20).encode() * 20_000:
            wrong.value += 1


@pytest.mark.long
def test_processes_and_threads_write_read_and_evict_at_once(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    wrong = fork.Value("i", 0)
    processes = [fork.Process(target=use_a_lot, args=(tmp_path / "c", seed, wrong)) for seed in (0, 1)]
    for process in processes:
        process.start()
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda seed: use_a_lot(tmp_path / "c", seed, wrong), (2, 3)))
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert wrong.value == 0
    cache = FileCache(tmp_path / "c", max_bytes=LIMIT)
    assert total(cache) <= cache.n_bytes() <= 1.1 * LIMIT
