"""A cache that is damaged, full or not writable costs time, never an answer."""

import errno
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diskcache
import numpy as np
import pytest

from analysis.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.storage.disk_cache import DiskCache
from analysis.storage.trace_store import TraceStore
from tests.analysis.conftest import FOX, assert_same, files


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw[:-1],
        lambda raw: raw[:4],
        lambda raw: b"",
        lambda raw: b"garbage" * 1000,
        lambda raw: b"\xff" * len(raw),
    ],
    ids=["half", "one byte short", "no header", "empty", "garbage", "ones"],
)
def test_a_damaged_file_is_computed_again_and_repaired(
    store: TraceStore, tiny_gpt2: LanguageModel, tmp_path: Path, calls: list[str], damage: Callable[[bytes], bytes]
):
    store.get(tiny_gpt2, FOX)
    (file,) = files(tmp_path)
    file.write_bytes(damage(file.read_bytes()))
    for n_computed in (2, 2):
        assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))
        assert len(calls) == n_computed


def test_a_file_that_is_gone_is_computed_again(
    store: TraceStore, tiny_gpt2: LanguageModel, tmp_path: Path, calls: list[str]
):
    store.get(tiny_gpt2, FOX)
    files(tmp_path)[0].unlink()
    for _ in range(2):
        assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))
    assert len(calls) == 2


@pytest.mark.parametrize("raw", [b"", b"garbage", b"garbage" * 5000])
def test_a_damaged_database_starts_empty(tmp_path: Path, tiny_gpt2: LanguageModel, calls: list[str], raw: bytes):
    TraceStore(tmp_path, max_bytes=10**8).get(tiny_gpt2, FOX)
    for file in (tmp_path / "traces").glob("cache.db*"):
        file.unlink()
    (tmp_path / "traces" / "cache.db").write_bytes(raw)
    store = TraceStore(tmp_path, max_bytes=10**8)
    for _ in range(2):
        assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))
    assert len(calls) == 2, "once before the damage, once after"
    store.close()


def test_damage_inside_the_database_costs_time_only(tmp_path: Path, tiny_gpt2: LanguageModel):
    store = TraceStore(tmp_path, max_bytes=10**8)
    for n in range(40):
        store._cache.set(f"filler {n}" * 50, b"x")
    store.close()
    database = tmp_path / "traces" / "cache.db"
    raw = database.read_bytes()
    database.write_bytes(raw[: 4096 * 4] + b"\xff" * (len(raw) - 4096 * 4))
    store = TraceStore(tmp_path, max_bytes=10**8)
    for _ in range(2):
        assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))
    store.close()


def test_a_locked_database_is_not_taken_for_a_damaged_one(
    tmp_path: Path, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch
):
    """Another process may be using it, so nothing in it is deleted."""
    TraceStore(tmp_path, max_bytes=10**8).get(tiny_gpt2, FOX)
    kept = files(tmp_path)
    opened = DiskCache._open

    def busy(cache: DiskCache) -> None:
        if cache._place == tmp_path / "traces":
            raise sqlite3.OperationalError("database is locked")
        opened(cache)

    monkeypatch.setattr(DiskCache, "_open", busy)
    store = TraceStore(tmp_path, max_bytes=10**8)
    assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))
    assert files(tmp_path) == kept != []
    assert store.is_stand_in
    store.close()


# No space, no rights.


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), sqlite3.OperationalError("disk is full"), diskcache.Timeout()],
    ids=["ENOSPC", "database full", "timeout"],
)
@pytest.mark.parametrize("action", ["set", "get"])
def test_a_cache_that_fails_is_done_without(
    store: TraceStore, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch, action: str, error: Exception
):
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(store._cache, action, fail)
    trace = store.get(tiny_gpt2, FOX)
    assert_same(trace, compute_trace(tiny_gpt2, FOX))
    assert store.derived(trace, "one", lambda: {"one": np.ones(1)}, version=1)["one"] == 1


def test_a_disk_that_is_full_in_the_middle_of_a_file(
    store: TraceStore, tiny_gpt2: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: list[str]
):
    """As it happens: half a file is written, then there is no space. Nothing of it may be read later."""

    def half(_self: Any, full_path: str, iterator: Any, *_: Any) -> None:
        with Path(full_path).open("wb") as file:
            file.write(next(iter(iterator))[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(diskcache.Disk, "_write", half)
        assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))
    for _ in range(2):
        assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))
    assert len(calls) == 2


def test_a_folder_that_cannot_be_made_is_done_without(
    tmp_path: Path, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch, calls: list[str]
):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    store = TraceStore(tmp_path / "file" / "cache", max_bytes=10**8)
    for _ in range(2):
        assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))
    assert len(calls) == 1
    store.close()
