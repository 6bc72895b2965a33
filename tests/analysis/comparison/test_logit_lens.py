"""The divergence of two logit lenses, against Hugging Face's hidden states and logits in float64."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import analysis.comparison.logit_lens
from analysis.comparison.logit_lens import (
    LensCellsDifference,
    LensDifference,
    compute_lens_cells_difference,
    compute_logit_lens_difference,
    plan_logit_lens_difference,
)
from analysis.comparison.pair import Comparison
from analysis.errors import SelectionError
from analysis.logit_lens import compute_lens_cells, compute_logit_lens
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from tests.comparing import BLOCK, LONGER, A, B, compared, reference, without_head
from tests.tiny import make_tiny


def lens(model: LanguageModel, text: str) -> Any:
    """Logits after each block, (n_blocks + 1, n_positions, n_vocab), in float64."""
    found = reference(model, text)
    network = model.network
    norm, head = network.transformer.ln_f, network.lm_head  # type: ignore[union-attr]
    with torch.no_grad():
        # The last of the hidden states is normed already.
        rows = [head.double()(norm.double()(state)) for state in found.hidden_states[:-1]]
    network.float()
    return torch.stack([row[0] for row in rows] + [found.logits[0]]).log_softmax(-1)


def divergence(p: Any, q: Any) -> Any:
    return ((p.exp() * (p - q)).sum(-1) / np.log(2)).numpy()


def followed(
    comparison: Comparison, model: LanguageModel, other: LanguageModel, *, pins: tuple[int, ...] = ()
) -> LensDifference:
    cells = compute_lens_cells_difference(comparison, model, other)
    selection = Selection.parse("block.1.mlp")
    return compute_logit_lens_difference(comparison, model, other, cells, selection, position=2, pins=pins)


def test_of_equals_every_divergence_is_exactly_0(tiny_model: LanguageModel):
    cells = compute_lens_cells_difference(compared(tiny_model, A, A), tiny_model, tiny_model)
    assert_array_equal(cells.divergences, np.zeros((tiny_model.info.n_blocks + 1, cells.tops.shape[1])))
    assert_array_equal(cells.tops, cells.other_tops)
    assert_array_equal(*cells.output_probabilities)
    assert_array_equal(*cells.output_ranks)


@pytest.mark.parametrize(("a", "b"), [(A, B), (B, A), (A, LONGER), (LONGER, A)])
def test_it_is_the_divergence_of_the_networks_readings(tiny_gpt2: LanguageModel, a: str, b: str):
    comparison = compared(tiny_gpt2, a, b)
    cells = compute_lens_cells_difference(comparison, tiny_gpt2, tiny_gpt2)
    p, q = lens(tiny_gpt2, a), lens(tiny_gpt2, b)
    for position, there in enumerate(comparison.aligned.tolist()):
        if there < 0:
            assert np.isnan(cells.divergences[:, position]).all()
            assert (cells.other_tops[:, position] == -1).all()
            continue
        assert_allclose(cells.divergences[:, position], divergence(p[:, position], q[:, there]), atol=1e-4)
        assert_array_equal(cells.tops[:, position], p[:, position].argmax(-1))
        assert_array_equal(cells.other_tops[:, position], q[:, there].argmax(-1))


def test_of_each_it_reads_what_its_own_lens_reads(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2, LONGER, A)
    result = followed(comparison, tiny_gpt2, tiny_gpt2)
    for side, trace in enumerate((comparison.a, comparison.b)):
        cells, selection = compute_lens_cells(tiny_gpt2, trace), Selection.parse("output")
        pins = (result.followed[0].id,)
        alone = compute_logit_lens(tiny_gpt2, trace, cells, selection, 2, pins=pins)
        assert_allclose(result.probabilities[side], alone.probabilities, atol=1e-6)
        assert_array_equal(result.ranks[side], alone.ranks)
    pinned = followed(comparison, tiny_gpt2, tiny_gpt2, pins=(result.followed[0].id, 7))
    assert_allclose(pinned.probabilities[..., :1], result.probabilities, atol=1e-6)
    assert_array_equal(pinned.ranks[..., :1], result.ranks)
    assert (pinned.depth, pinned.n_blocks) == (2, 3)


def test_a_head_that_writes_nothing_in_b_differs_from_its_block_on(tiny_gpt2: LanguageModel):
    other = without_head(tiny_gpt2)
    cells = compute_lens_cells_difference(compared(tiny_gpt2, A, A, other), tiny_gpt2, other)
    assert_array_equal(cells.divergences[: BLOCK + 1], 0)
    assert (cells.divergences[BLOCK + 1 :] > 0).all()


def test_rows_of_other_depths_are_missing_and_outputs_are_compared(tiny_gpt2: LanguageModel):
    smaller = make_tiny("gpt2", seed=1, num_hidden_layers=2)
    comparison = compared(tiny_gpt2, A, A, smaller)
    result = followed(comparison, tiny_gpt2, smaller, pins=(7,))
    assert_array_equal(result.missing.any(axis=1), [False, False, True, False])
    assert_array_equal(np.isnan(result.cells.divergences), result.missing)
    assert_array_equal(np.isnan(result.probabilities[1, :, 0]), [False, False, True, False])
    p, q = lens(tiny_gpt2, A), lens(smaller, A)
    assert_allclose(result.cells.divergences[[0, 1, 3]], divergence(p[[0, 1, 3]], q), atol=1e-4)
    swapped = compute_lens_cells_difference(compared(smaller, A, A, tiny_gpt2), smaller, tiny_gpt2)
    assert_allclose(swapped.divergences, divergence(q, p[[0, 1, 3]]), atol=1e-4)


def test_a_position_without_a_counterpart_has_lines_of_a_only(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2, LONGER, A)
    missing = comparison.aligned.tolist().index(-1)
    cells = compute_lens_cells_difference(comparison, tiny_gpt2, tiny_gpt2)
    for pins in ((), (7,)):
        result = compute_logit_lens_difference(
            comparison, tiny_gpt2, tiny_gpt2, cells, Selection.parse("output"), position=missing, pins=pins
        )
        assert np.isfinite(result.probabilities[0]).all()
        assert np.isnan(result.probabilities[1]).all()
        assert not result.ranks[1].any()


def test_in_parts_it_is_the_same(tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch):
    comparison = compared(tiny_gpt2, LONGER, A)
    whole = compute_lens_cells_difference(comparison, tiny_gpt2, tiny_gpt2)
    monkeypatch.setattr(analysis.comparison.logit_lens, "MAX_LOGITS", 2 * tiny_gpt2.info.n_vocab)
    parts = compute_lens_cells_difference(comparison, tiny_gpt2, tiny_gpt2)
    for name in LensCellsDifference.__dataclass_fields__:
        assert_allclose(getattr(whole, name), getattr(parts, name), atol=1e-5)


def test_what_is_not_finite_is_not_compared(tiny_gpt2: LanguageModel):
    broken = make_tiny("gpt2")
    with torch.no_grad():
        broken.network.transformer.h[1].mlp.c_proj.bias[0] = torch.inf  # type: ignore[union-attr]
    for pair in ((tiny_gpt2, broken), (broken, tiny_gpt2)):
        cells = compute_lens_cells_difference(compared(pair[0], A, A, pair[1]), *pair)
        assert np.isfinite(cells.divergences[:2]).all()
        assert np.isnan(cells.divergences[2:]).all()


def test_a_large_one_is_a_task_and_other_vocabularies_are_refused(
    tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch
):
    comparison = compared(tiny_gpt2, A, B)
    assert plan_logit_lens_difference(comparison, tiny_gpt2, tiny_gpt2) is None
    monkeypatch.setattr(analysis.comparison.logit_lens, "AT_ONCE", 0)
    task = plan_logit_lens_difference(comparison, tiny_gpt2, tiny_gpt2)
    assert task is not None
    names = {task.name}
    for other in (compared(tiny_gpt2, A, A), compared(tiny_gpt2, A, B, without_head(tiny_gpt2))):
        another = plan_logit_lens_difference(other, tiny_gpt2, tiny_gpt2)
        assert another is not None
        names.add(another.name)
    assert len(names) == 3
    llama = make_tiny("llama")
    with pytest.raises(SelectionError, match="vocabularies"):
        plan_logit_lens_difference(compared(tiny_gpt2, A, A, llama), tiny_gpt2, llama)
