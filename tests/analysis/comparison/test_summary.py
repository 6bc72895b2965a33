"""Predictions of A and B, against Hugging Face's logits and hidden states in float64."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from analysis.comparison.pair import Comparison
from analysis.comparison.summary import PredictionDifference, compute_summary_difference
from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from tests.comparing import BLOCK, LONGER, A, B, compared, reference, without_head
from tests.tiny import make_tiny


def minus(
    comparison: Comparison, model: LanguageModel, other: LanguageModel, selection: str = "output", position: int = 4
) -> PredictionDifference:
    return compute_summary_difference(comparison, model, other, Selection.parse(selection), position)


def expected(logits: Any, others: Any) -> tuple[Any, float]:
    shares = np.stack([one.double().softmax(-1).numpy() for one in (logits, others)])
    return shares, float((shares[0] * np.log2(shares[0] / shares[1])).sum())


@pytest.mark.parametrize("selection", ["embedding", "block.1.mlp", "output"])
def test_of_equals_every_difference_is_0(tiny_model: LanguageModel, selection: str):
    result = minus(compared(tiny_model, A, A), tiny_model, tiny_model, selection)
    assert result.divergence == 0
    assert not result.differences.any()
    assert len(result.pieces) == 5


def test_it_is_the_divergence_of_the_networks_outputs(tiny_gpt2: LanguageModel):
    result = minus(compared(tiny_gpt2, A, LONGER), tiny_gpt2, tiny_gpt2)
    shares, divergence = expected(reference(tiny_gpt2, A).logits[0, 4], reference(tiny_gpt2, LONGER).logits[0, -1])
    assert_allclose(result.divergence, divergence, atol=1e-4)
    assert_allclose(result.probabilities, shares[:, [piece.id for piece in result.pieces]], atol=1e-5)
    tops = {int(n) for row in shares for n in np.argsort(-row)[:5]}
    assert {piece.id for piece in result.pieces} == tops
    assert (np.diff(result.probabilities.max(axis=0)) <= 0).all()


def test_inside_it_is_that_of_the_lens(tiny_gpt2: LanguageModel):
    result = minus(compared(tiny_gpt2, A, B), tiny_gpt2, tiny_gpt2, "block.0.mlp")
    network = tiny_gpt2.network
    norm, head = (module.double() for module in (network.transformer.ln_f, network.lm_head))  # type: ignore[union-attr,operator]
    logits = [head(norm(reference(tiny_gpt2, text).hidden_states[1][0, 4])).detach() for text in (A, B)]
    network.float()
    assert_allclose(result.divergence, expected(*logits)[1], atol=1e-4)


def test_swapped_it_is_the_other_divergence(tiny_gpt2: LanguageModel):
    here, there = (minus(compared(tiny_gpt2, *texts), tiny_gpt2, tiny_gpt2) for texts in ((A, B), (B, A)))
    assert [piece.id for piece in here.pieces] == [piece.id for piece in there.pieces]
    assert_array_equal(here.differences, -there.differences)
    a, b = (reference(tiny_gpt2, text).logits[0, 4] for text in (A, B))
    assert_allclose([here.divergence, there.divergence], [expected(a, b)[1], expected(b, a)[1]], atol=1e-4)


def test_a_head_that_writes_nothing_in_b_differs_from_its_block_on(tiny_gpt2: LanguageModel):
    other = without_head(tiny_gpt2)
    comparison = compared(tiny_gpt2, A, A, other)
    for block in range(3):
        divergence = minus(comparison, tiny_gpt2, other, f"block.{block}.mlp").divergence
        assert (divergence > 0) == (block >= BLOCK)


def test_what_cannot_be_compared_is_refused(tiny_gpt2: LanguageModel):
    for other, selection, words in (
        (make_tiny("llama"), "output", "vocabularies"),
        (make_tiny("gpt2", num_hidden_layers=2), "block.2.mlp", "no block 2"),
    ):
        with pytest.raises(SelectionError, match=words):
            minus(compared(tiny_gpt2, A, A, other), tiny_gpt2, other, selection)
    comparison = compared(tiny_gpt2, LONGER, A)
    with pytest.raises(SelectionError, match="counterpart"):
        minus(comparison, tiny_gpt2, tiny_gpt2, position=3)
