"""Fixtures for the tests of the trace store."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import analysis.storage.trace_store
from analysis.models.forward import capture
from analysis.models.language_model import LanguageModel
from analysis.storage.trace_store import TraceStore
from analysis.trace import Prompt, Trace

FOX = Prompt("tiny", "The fox met a crow")


@pytest.fixture
def store(tmp_path: Path) -> TraceStore:
    return TraceStore(tmp_path, max_bytes=10**8)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of which a trace was computed."""
    seen: list[str] = []

    def counted(model: LanguageModel, tokens: Any, record: Any) -> None:
        seen.append("".join(token.label for token in tokens).replace("·", " "))
        capture(model, tokens, record)

    monkeypatch.setattr(analysis.storage.trace_store, "capture", counted)
    return seen


def names(trace: Trace) -> list[str]:
    blocks = range(trace.info.n_blocks)
    kinds = ("attention", "neurons", "head_outputs", "head_norms", "tile_norms", "residual")
    return [f"{kind}.{block}" for kind in kinds for block in blocks] + [f"residual.{len(blocks)}", "logits"]


def assert_same(one: Trace, other: Trace) -> None:
    assert one.tokens == other.tokens
    for name in names(one):
        a, b = one.array(name), other.array(name)
        assert a.dtype == b.dtype == np.float32
        assert_array_equal(a, b)


def files(directory: Path) -> list[Path]:
    """All files of the cache."""
    return sorted(path for path in (directory / "traces").rglob("*") if path.is_file())
