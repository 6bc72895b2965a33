"""Logits of large vocabularies: not kept with the trace, and computed again from the last residual stream."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from analysis.logit_lens import compute_lens_cells, compute_logit_lens
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.prediction import compute_prediction
from analysis.saliency import default_target
from analysis.selection import Selection
from analysis.storage.trace_size import pass_bytes, trace_bytes
from analysis.storage.trace_store import TraceStore
from analysis.strip import compute_strip
from analysis.trace import Prompt, Trace
from tests.analysis.conftest import files
from tests.tiny import TEXT, long_text, make_tiny

OUTPUT = Selection.parse("output")
KINDS = ["gpt2", "gptj", "gemma2", "nanochat"]  # with and without norm weights, a bias of the head, a cap


@pytest.fixture
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.trace.MOST_LOGITS", 0)


def traces(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> tuple[Trace, Trace]:
    """With all logits, and without."""
    kept = compute_trace(model, Prompt("tiny", TEXT[:50]))
    assert kept.keeps_logits
    kept.logits()
    monkeypatch.setattr("analysis.trace.MOST_LOGITS", 0)
    bare = compute_trace(model, Prompt("tiny", TEXT[:50]))
    monkeypatch.undo()
    with pytest.raises(KeyError):
        bare.logits()
    return kept, bare


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_computed_again_equals_what_was_kept(kind: str, monkeypatch: pytest.MonkeyPatch):
    model = make_tiny(kind)
    kept, bare = traces(model, monkeypatch)
    n, logits = kept.n_positions, kept.logits()
    strip, cells, followed, predicted = (
        compute_strip(model, kept),
        compute_lens_cells(model, kept),
        compute_logit_lens(model, kept, compute_lens_cells(model, kept), OUTPUT, 4, pins=(7, 250)),
        [compute_prediction(model, kept, OUTPUT, position, k=20) for position in range(n)],
    )
    monkeypatch.setattr("analysis.trace.MOST_LOGITS", 0)
    near: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-5}
    assert_allclose(model.logits(bare, slice(2, 7)), logits[2:7], **near)
    for position in (3, 3, 0, n - 1):
        assert_allclose(model.logits(bare, position), logits[position], **near)
        assert default_target(model, bare, position) == logits[position].argmax()
    assert_allclose(compute_strip(model, bare).surprisal, strip.surprisal, **near)
    assert_array_equal(compute_strip(model, bare).ranks, strip.ranks)
    again = compute_lens_cells(model, bare)
    for name in ("top", "next_ranks", "output_ranks"):
        assert_array_equal(getattr(again, name), getattr(cells, name))
    for name in ("probabilities", "output_probabilities", "log_totals"):
        assert_allclose(getattr(again, name), getattr(cells, name), **near)
    result = compute_logit_lens(model, bare, again, OUTPUT, 4, pins=(7, 250))
    assert_array_equal(result.ranks, followed.ranks)
    assert_allclose(result.probabilities, followed.probabilities, **near)
    for position, expected in enumerate(predicted):
        ours = compute_prediction(model, bare, OUTPUT, position, k=20)
        assert [piece for piece, _ in ours.top] == [piece for piece, _ in expected.top]
        assert_allclose(ours.logits, expected.logits, **near)
        assert ours.entropy == pytest.approx(expected.entropy, rel=1e-5)


@pytest.mark.usefixtures("nothing_kept")
def test_a_row_is_computed_once_for_the_panels_of_a_click(tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch):
    trace, other = (compute_trace(tiny_gpt2, Prompt("tiny", text)) for text in ("The fox", "The crow"))
    heads: list[Any] = []
    watched = tiny_gpt2.network.get_submodule("transformer.ln_f").register_forward_hook(lambda *_: heads.append(1))
    try:
        rows = [tiny_gpt2.logits(one, at) for one, at in ((trace, 1), (other, 1), (trace, 1), (trace, 0), (trace, 1))]
    finally:
        watched.remove()
    assert len(heads) == 4
    assert_array_equal(rows[0], rows[2])
    assert not np.allclose(rows[0], rows[1])
    assert not np.allclose(rows[0], rows[3])


@pytest.mark.long
def test_262144_tokens(tmp_path: Path):
    """A pass over 65 tokens never holds all their logits, nor does the file; of 64 tokens, both do."""
    model = make_tiny("gpt2", vocab_size=262_144, max_position_embeddings=128)
    store, shapes = TraceStore(tmp_path, max_bytes=10**9), []
    head = model.network.get_output_embeddings()  # type: ignore[operator]
    watched = head.register_forward_hook(lambda _module, _args, output: shapes.append(tuple(output.shape)))
    try:
        long, short = (store.get(model, Prompt("tiny", long_text(model, n))) for n in (65, 64))
    finally:
        watched.remove()
    assert shapes == [(1, 1, 262_144), (1, 64, 262_144)]
    assert (long.keeps_logits, short.keeps_logits) == (False, True)
    sizes = sorted(file.stat().st_size for file in files(tmp_path))
    for size, n in zip(sizes, (65, 64), strict=True):
        assert trace_bytes(model.info, n) < size < trace_bytes(model.info, n) + 10_000
    assert sizes[0] < 10**6
    assert pass_bytes(model.info, 65) < 10**6 < 4 * 64 * 262_144 <= pass_bytes(model.info, 64)
    with torch.no_grad():
        plain = model.network(torch.tensor(long.token_ids)[None]).logits[0]
    assert_allclose(model.logits(long, 40), plain[40], rtol=1e-4, atol=1e-5)
