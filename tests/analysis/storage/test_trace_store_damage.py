"""A cache that is damaged, full or read-only costs time but never an answer."""

import errno
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
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


def test_a_deleted_file_is_computed_again(
    store: TraceStore, tiny_gpt2: LanguageModel, tmp_path: Path, calls: list[str]
):
    store.get(tiny_gpt2, FOX)
    files(tmp_path)[0].unlink()
    for _ in range(2):
        assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))
    assert len(calls) == 2


def test_a_folder_that_is_deleted_is_created_again(
    store: TraceStore, tiny_gpt2: LanguageModel, tmp_path: Path, calls: list[str]
):
    store.get(tiny_gpt2, FOX)
    for one in tmp_path.iterdir():
        shutil.rmtree(one)
    for _ in range(2):
        assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))
    assert len(calls) == 2


# Full disk, no permission.


@pytest.mark.parametrize("action", ["path", "write"])
def test_a_failing_cache_is_not_needed(
    store: TraceStore, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch, action: str
):
    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(store._cache, action, fail)
    trace = store.get(tiny_gpt2, FOX)
    assert_same(trace, compute_trace(tiny_gpt2, FOX))
    assert store.derived(trace, "one", lambda: {"one": np.ones(1)}, version=1)["one"] == 1


def test_a_disk_that_is_full_in_the_middle_of_a_file(
    store: TraceStore, tiny_gpt2: LanguageModel, tmp_path: Path, calls: list[str]
):
    """Nothing of the half that was written may be read later, or stays on the disk."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, usual[1]))  # a trace has 75 kB
    try:
        assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert files(tmp_path) == []
    for _ in range(2):
        assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))
    assert len(calls) == 2


def test_a_temporary_cache_replaces_a_folder_that_cannot_be_created(
    tmp_path: Path, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch, calls: list[str]
):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    store = TraceStore(tmp_path / "file" / "cache", max_bytes=10**8)
    for _ in range(2):
        assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))
    assert len(calls) == 1
    assert store.is_temporary
