"""Direct attribution of A minus B, against Hugging Face's logits and against the shares of each."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from analysis.attribution import compute_attribution
from analysis.comparison.attribution import AttributionDifference, compute_attribution_difference
from analysis.comparison.pair import Comparison
from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from tests.comparing import BLOCK, HEAD, LONGER, A, B, compared, reference, without_head
from tests.tiny import make_tiny

LAST = 4


def minus(
    comparison: Comparison,
    model: LanguageModel,
    other: LanguageModel,
    selection: str = "block.1.mlp~17",
    position: int = LAST,
    **knobs: int,
) -> AttributionDifference:
    return compute_attribution_difference(comparison, model, other, Selection.parse(selection), position, **knobs)


def numbers(result: AttributionDifference) -> list[float]:
    parts = [result.heads, result.tiles, result.attention_biases, result.mlp_biases, result.neurons]
    ends = [result.embedding, result.positions, result.norm_bias, result.head_bias, result.logit, result.total]
    return [float(n) for part in parts if part is not None for n in part.ravel()] + [e for e in ends if e is not None]


def test_of_equals_every_difference_is_0(tiny_model: LanguageModel):
    result = minus(compared(tiny_model, A, A), tiny_model, tiny_model)
    assert not any(numbers(result))  # not-a-number would be true
    assert result.equal
    assert result.problem == ""
    assert not result.cumulated.any()


def test_swapped_the_signs_change_exactly(tiny_gpt2: LanguageModel):
    here = minus(compared(tiny_gpt2, A, B), tiny_gpt2, tiny_gpt2)
    there = minus(compared(tiny_gpt2, B, A), tiny_gpt2, tiny_gpt2)
    assert not here.equal
    assert_array_equal(numbers(here), -np.array(numbers(there)))
    assert_array_equal(here.cumulated, -there.cumulated)


def test_the_sum_is_the_difference_of_the_networks_logits(tiny_gpt2: LanguageModel):
    result = minus(compared(tiny_gpt2, A, B), tiny_gpt2, tiny_gpt2, against=9)
    a, b = (reference(tiny_gpt2, text).logits[0, LAST] for text in (A, B))
    assert_allclose(result.total, float((a[17] - a[9]) - (b[17] - b[9])), atol=1e-4)
    ends = result.embedding + (result.positions or 0) + (result.norm_bias or 0) + (result.head_bias or 0)
    blocks = (result.heads, result.tiles, result.attention_biases, result.mlp_biases)
    assert_allclose(ends + sum(part.sum() for part in blocks if part is not None), result.total, atol=1e-9)
    assert_allclose(result.neurons.sum(), result.tiles[1].sum(), atol=1e-5)  # type: ignore[union-attr]


def test_of_each_part_it_is_the_difference_of_its_shares(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2, A, LONGER)
    there = comparison.counterpart(LAST)
    assert there != LAST
    result = minus(comparison, tiny_gpt2, tiny_gpt2)
    chosen = Selection.parse("block.1.mlp~17")
    a = compute_attribution(tiny_gpt2, comparison.a, chosen, LAST)
    b = compute_attribution(tiny_gpt2, comparison.b, chosen, there)
    assert_array_equal(result.heads, a.heads - b.heads)
    assert_array_equal(result.mlps, a.mlps - b.mlps)
    assert_array_equal(result.neurons, a.neurons - b.neurons)  # type: ignore[operator]


def test_both_explain_the_most_probable_token_of_a(tiny_gpt2: LanguageModel):
    result = minus(compared(tiny_gpt2, A, B), tiny_gpt2, tiny_gpt2, "output")
    best = int(reference(tiny_gpt2, A).logits[0, LAST].argmax())
    assert (result.target.id, result.a.target.id, result.b.target.id, result.chosen) == (best, best, best, False)


def test_a_head_that_writes_nothing_in_b_differs_by_its_share(tiny_gpt2: LanguageModel):
    """Held against a sum by hand: the scale of the final norm differs, so all shares do, but this one is all of A's."""
    other = without_head(tiny_gpt2)
    result = minus(compared(tiny_gpt2, A, A, other), tiny_gpt2, other)
    assert result.heads[BLOCK, HEAD] == result.a.heads[BLOCK, HEAD] != 0
    assert result.b.heads[BLOCK, HEAD] == 0
    assert (result.heads[BLOCK] != result.a.heads[BLOCK]).sum() == tiny_gpt2.info.n_heads - 1
    assert not result.equal


@pytest.mark.parametrize("selection", ["block.2.mlp.neuron.3~17", "block.1.mlp~17", "block.2.attention.head.3~17"])
def test_what_b_does_not_have_is_missing(tiny_gpt2: LanguageModel, selection: str):
    smaller = make_tiny("gpt2", seed=1, num_hidden_layers=2, num_attention_heads=2, n_inner=96)
    comparison = compared(tiny_gpt2, A, A, smaller)
    result = minus(comparison, tiny_gpt2, smaller, selection)
    assert np.isnan(result.heads).all()
    assert_array_equal(np.isnan(result.mlps), [False, False, True])
    assert_array_equal(np.isnan(result.cumulated), [False] * 5 + [True] * 2)
    assert "Heads cannot be compared" in result.problem
    if result.neurons is not None:
        assert np.isnan(result.neurons).all()
    logits = [reference(model, A).logits[0, LAST, 17] for model in (tiny_gpt2, smaller)]
    assert_allclose(result.total, float(logits[0] - logits[1]), atol=1e-4)
    assert not np.isnan(minus(compared(smaller, A, A, tiny_gpt2), smaller, tiny_gpt2, "output~17").mlps).any()


def test_what_cannot_be_compared_is_refused(tiny_gpt2: LanguageModel):
    llama = make_tiny("llama")
    with pytest.raises(SelectionError, match="vocabularies"):
        minus(compared(tiny_gpt2, A, A, llama), tiny_gpt2, llama, "output")
    comparison = compared(tiny_gpt2, LONGER, A)
    with pytest.raises(SelectionError, match="counterpart"):
        minus(comparison, tiny_gpt2, tiny_gpt2, "output", comparison.aligned.tolist().index(-1))
