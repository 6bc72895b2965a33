"""Trace store with texts of more than 256 tokens: written during the pass, in half precision, and read by slices."""

import errno
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from safetensors import safe_open

from analysis.attention import compute_attention
from analysis.errors import TextError
from analysis.models.forward import capture, compute_trace, encode
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.storage.trace_file import TraceFile
from analysis.storage.trace_size import trace_bytes
from analysis.storage.trace_store import TraceStore
from analysis.strip import compute_strip
from analysis.trace import Prompt, Trace
from tests.analysis.conftest import files, names
from tests.tiny import TEXT, long_text, make_tiny

pytestmark = pytest.mark.long

ALMOST = 2.0**-11  # half precision's rounding, relative
TINIEST = 2.0**-25  # and absolute


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return make_tiny("gpt2", max_position_embeddings=1024)


@pytest.fixture(scope="module")
def prompt(model: LanguageModel) -> Prompt:
    return Prompt("tiny", long_text(model, 1024))


@pytest.fixture(scope="module")
def exact(model: LanguageModel, prompt: Prompt) -> Trace:
    return compute_trace(model, prompt)


def test_1024_tokens_are_kept_in_half_precision(
    model: LanguageModel, prompt: Prompt, exact: Trace, store: TraceStore, calls: list[str]
):
    first, second = (store.get(model, prompt) for _ in range(2))
    assert len(calls) == 1
    assert (exact.precision, first.precision, second.precision) == ("single", "half", "half")
    assert first.n_positions == 1024
    for name in names(exact):
        assert_array_equal(first.array(name), second.array(name))
        halved = name.startswith(("attention", "neurons"))
        assert second.array(name).dtype == (np.float16 if halved else np.float32)
        if not halved:
            assert_array_equal(second.array(name), exact.array(name))
    for block in range(3):
        for ours, theirs in ((second.attention, exact.attention), (second.neurons, exact.neurons)):
            assert ours(block).dtype == np.float32
            assert_allclose(ours(block), theirs(block), rtol=ALMOST, atol=TINIEST)
        assert_allclose(second.attention(block).sum(-1), 1, atol=1e-3)
        assert not np.triu(second.attention(block), 1).any()


def test_256_tokens_are_kept_in_single_precision(model: LanguageModel, store: TraceStore):
    for n_tokens, precision in ((256, "single"), (257, "half")):
        prompt = Prompt("tiny", long_text(model, n_tokens))
        for _ in range(2):
            trace = store.get(model, prompt)
            assert (trace.n_positions, trace.precision) == (n_tokens, precision)


@pytest.mark.parametrize("n_tokens", [19, 256, 257, 300])
def test_the_file_has_the_predicted_size(model: LanguageModel, store: TraceStore, tmp_path: Path, n_tokens: int):
    store.get(model, Prompt("tiny", long_text(model, n_tokens)))
    (file,) = files(tmp_path)
    header = 8 + int.from_bytes(file.read_bytes()[:8], "little")
    assert file.stat().st_size - header == trace_bytes(model.info, n_tokens)


def test_a_slice_equals_the_slice_of_the_whole(model: LanguageModel, prompt: Prompt, store: TraceStore):
    trace = store.get(model, prompt)
    assert_array_equal(trace.attention(1, at=2), trace.attention(1)[2])
    assert_array_equal(trace.attention(1, at=np.s_[:, 900]), trace.attention(1)[:, 900])
    assert_array_equal(trace.neurons(1, at=np.s_[:, 7]), trace.neurons(1)[:, 7])
    assert trace.neurons(1, at=900).dtype == np.float32


def test_no_two_blocks_attention_is_in_memory_at_once(model: LanguageModel, prompt: Prompt):
    class Watched(TraceFile):
        def __setitem__(self, name: str, tensor: torch.Tensor) -> None:
            if name.startswith("attention."):
                alive.append(sum(seen() is not None for seen in before))
                before.append(weakref.ref(tensor.untyped_storage()))
            super().__setitem__(name, tensor)

    before: list[Any] = []
    alive: list[int] = []
    with Path("/dev/null").open("wb") as nowhere:
        capture(model, encode(model, prompt.text), Watched(nowhere, n_arrays=17, half=True))
    assert alive == [0, 0, 0]


def test_derived_results_are_right(model: LanguageModel, prompt: Prompt, exact: Trace, store: TraceStore):
    trace = store.get(model, prompt)

    def derived(name: str, compute: Any, *, version: int) -> Any:
        return store.derived(trace, name, compute, version=version)

    for _ in range(2):  # computed, and kept
        strip, plain = compute_strip(model, trace, derived=derived), compute_strip(model, exact)
        assert_array_equal(strip.surprisal, plain.surprisal)
        assert_array_equal(strip.ranks, plain.ranks)
        result = compute_attention(trace, Selection.parse("block.2.attention"), 1000, view="rollout", derived=derived)
        expected = compute_attention(exact, Selection.parse("block.2.attention"), 1000, view="rollout")
        assert_allclose(result.grid, expected.grid, rtol=0.003, atol=1e-6)
        assert_allclose(result.grid.sum(-1), 1, atol=2e-3)


def test_small_pictures_hold_the_most_of_each_square(model: LanguageModel, exact: Trace):
    result = compute_attention(exact, Selection.parse("block.1.attention.head.3"), 1000)
    assert result.square == 16
    assert result.heads.shape == (4, 64, 64)
    attention = exact.attention(1)
    for head, row, column in ((0, 0, 0), (3, 63, 10), (2, 40, 40)):
        square = attention[head, row * 16 : row * 16 + 16, column * 16 : column * 16 + 16]
        assert result.heads[head, row, column] == square.max()
    assert_array_equal(result.grid, attention[3])


@pytest.mark.parametrize("n_tokens", [128, 129, 150])
def test_small_pictures_of_any_length(model: LanguageModel, n_tokens: int):
    trace = compute_trace(model, Prompt("tiny", long_text(model, n_tokens)))
    result = compute_attention(trace, Selection.parse("block.0.attention.head.0"), 5, view="without_first")
    square = {128: 1, 129: 3, 150: 3}[n_tokens]
    assert result.square == square
    cells = -(-n_tokens // square)
    assert result.heads.shape == (4, cells, cells)
    last = compute_attention(trace, Selection.parse("block.0.attention.head.1"), 5, view="without_first").grid[
        (cells - 1) * square :, : 2 * square
    ]
    assert_allclose(result.heads[1, -1, :2].max(), np.nanmax(last), rtol=1e-6)
    assert np.isnan(result.heads[0, 0, 0]) == (square == 1)


# Failures.


def test_a_damaged_file_is_computed_again(
    model: LanguageModel, prompt: Prompt, store: TraceStore, calls: list[str], tmp_path: Path
):
    logits = store.get(model, prompt).logits().copy()
    (file,) = files(tmp_path)
    file.write_bytes(file.read_bytes()[:-100])
    assert_array_equal(store.get(model, prompt).logits(), logits)
    assert len(calls) == 2
    store.get(model, prompt)
    assert len(calls) == 2


def test_a_full_disk_is_reported_and_leaves_no_file(
    model: LanguageModel, prompt: Prompt, store: TraceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(TraceFile, "finish", full)
        with pytest.raises(TextError, match=r"1,024 tokens could not be written .*No space left.*Shorten .* to 256"):
            store.get(model, prompt)
    assert files(tmp_path) == []
    assert store.get(model, prompt).n_positions == 1024


def test_a_small_cache_refuses_long_texts_only(model: LanguageModel, prompt: Prompt, tmp_path: Path, calls: list[str]):
    store = TraceStore(tmp_path, max_bytes=10_000_000)
    with pytest.raises(TextError, match=r"1,024 tokens\. With this model they need .*CACHE_MB.*Shorten the text to"):
        store.get(model, prompt)
    assert calls == []
    assert store.get(model, Prompt("tiny", TEXT)).n_positions < 100


def test_a_trace_outlives_its_eviction(
    model: LanguageModel, prompt: Prompt, exact: Trace, store: TraceStore, tmp_path: Path
):
    trace = store.get(model, prompt)
    (file,) = files(tmp_path)
    file.unlink()
    assert_array_equal(trace.logits(), exact.logits())
    assert_allclose(trace.attention(2, at=3), exact.attention(2)[3], rtol=ALMOST, atol=TINIEST)


def test_the_file_can_be_read_with_safetensors(model: LanguageModel, prompt: Prompt, store: TraceStore, tmp_path: Path):
    store.get(model, prompt)
    (file,) = files(tmp_path)
    with safe_open(file, framework="np") as kept:
        assert kept.get_tensor("attention.0").shape == (4, 1024, 1024)
