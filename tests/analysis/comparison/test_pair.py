"""Comparison: what two traces have in common, and B's values at A's positions."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.comparison.pair import Comparison, compare_traces
from analysis.errors import SelectionError
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt
from tests.tiny import make_tiny


def compared(model: LanguageModel, a: str, b: str, other: LanguageModel | None = None) -> Comparison:
    second = other or model
    return compare_traces(
        model, compute_trace(model, Prompt(model.name, a)), second, compute_trace(second, Prompt(second.name, b))
    )


def test_values_of_b_are_moved_to_the_positions_of_a(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2, "the fox met", "the fox and the crow met")
    values = np.arange(comparison.b.n_positions**2, dtype=np.float32).reshape(comparison.b.n_positions, -1)
    moved = comparison.on_a(values, 0, 1)
    n = comparison.a.n_positions
    assert moved.shape == (n, n)
    assert (comparison.aligned < 0).sum() < n < comparison.b.n_positions
    for row, column in np.ndindex(n, n):
        there, across = comparison.aligned[[row, column]]
        if min(there, across) < 0:
            assert np.isnan(moved[row, column])
        else:
            assert moved[row, column] == values[there, across]
    assert np.isnan(values).sum() == 0  # which are not changed


def test_models_of_different_tokenizers_are_aligned_by_bytes(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2, "the fox met", "the fox met", make_tiny("llama"))
    assert not comparison.same_vocabulary
    assert not comparison.same_model
    words = [(comparison.a.tokens[here], there) for here, there in enumerate(comparison.aligned) if there >= 0]
    assert words
    for token, there in words:
        assert token.label.strip("·") == comparison.b.tokens[there].label.strip("·")
    assert "different vocabularies" in comparison.other_vocabulary()
    with pytest.raises(SelectionError, match="different vocabularies"):
        comparison.check_vocabulary()


def test_the_same_vocabulary_is_known_whatever_the_model(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2, "the fox", "the fox", make_tiny("gpt2", seed=1, num_hidden_layers=2))
    comparison.check_vocabulary()
    assert (comparison.n_blocks, comparison.same_model) == (2, False)
    assert compared(tiny_gpt2, "the fox", "the crow").same_model
    with pytest.raises(SelectionError, match="B has no block 2: its last one is block 1"):
        comparison.check_block(2)
    comparison.check_block(1)
    assert "B has no block 2" in comparison.missing_block(2)
    assert comparison.missing_block(1) == comparison.other_vocabulary() == ""


def test_sizes_that_differ_are_named(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2, "the fox", "the fox", make_tiny("gpt2", num_attention_heads=2))
    comparison.check_same("d_model", "Embeddings")
    assert comparison.unequal("d_model", "Embeddings") == ""
    assert comparison.unequal("n_heads", "Heads").endswith("is 4 in A and 2 in B.")
    with pytest.raises(SelectionError, match=r"Heads cannot be compared: the number of heads .* 4 in A and 2 in B"):
        comparison.check_same("n_heads", "Heads")


def test_a_position_without_a_counterpart_is_named(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2, "the fox", "the fox")
    without = replace(comparison, aligned=np.array([0, -1, *comparison.aligned[2:]]))
    assert without.counterpart(0) == 0
    with pytest.raises(SelectionError, match=r"B has no counterpart of .* at position 1"):
        without.counterpart(1)
    assert "no counterpart" in without.missing_position(1)
    assert without.missing_position(0) == ""
    assert without.inverse.tolist()[:2] == [0, -1]
