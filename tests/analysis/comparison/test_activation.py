"""Activations of A minus those of B."""

from typing import Any, get_args

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from analysis.activation import ActivationQuantity, compute_activation
from analysis.comparison.activation import compute_activation_difference
from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from tests.analysis.comparison.pairs import ONE, OTHER, by_transformers, compared, matched, swapped, without_head
from tests.tiny import make_tiny

NEURON = Selection.parse("block.1.mlp.neuron.17")
QUANTITIES = get_args(ActivationQuantity)


@pytest.mark.parametrize("listing", ["tile", "strongest"])
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_equal_texts_have_no_difference(tiny_gpt2: LanguageModel, quantity: Any, listing: Any):
    result = compute_activation_difference(compared(tiny_gpt2, ONE, ONE), NEURON, 5, quantity=quantity, listing=listing)
    for numbers in (result.stream, result.values, result.listed_values):
        assert_array_equal(numbers, 0)
    assert result.compared is not None
    assert result.compared.all()


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_it_is_a_minus_b_and_flips(tiny_gpt2: LanguageModel, quantity: Any):
    comparison = compared(tiny_gpt2)
    here, there = matched(comparison)
    position, other = int(here[-1]), int(there[-1])
    result = compute_activation_difference(comparison, NEURON, position, quantity=quantity)
    one = compute_activation(comparison.a, NEURON, position, quantity=quantity)
    two = compute_activation(comparison.b, NEURON, other, quantity=quantity)
    assert_array_equal(result.stream[here], one.stream[here] - two.stream[there])
    assert_array_equal(result.values[here], one.values[here] - two.values[there])
    assert_array_equal(result.listed_values, one.listed_values - two.listed_values)
    assert np.isnan(result.stream[comparison.aligned < 0]).all()
    assert np.isnan(result.values[comparison.aligned < 0]).all()
    assert_array_equal(result.compared, comparison.aligned >= 0)
    back = compute_activation_difference(swapped(comparison), NEURON, other, quantity=quantity)
    assert_array_equal(back.stream[there], -result.stream[here])
    assert_array_equal(back.values[there], -result.values[here])
    assert_array_equal(back.listed_values, -result.listed_values)


def test_it_is_that_of_transformers(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2)
    here, there = matched(comparison)
    result = compute_activation_difference(comparison, NEURON, int(here[-1]))
    norms = []
    for text in (ONE, OTHER):
        streams = by_transformers(tiny_gpt2, text).hidden_states[:-1]  # the last one is normed
        norms.append(np.stack([np.linalg.norm(stream[0].numpy(), axis=1) for stream in streams], axis=1))
    assert_allclose(result.stream[here, :-1], norms[0][here] - norms[1][there], atol=1e-4)


def test_the_neurons_that_differ_most_are_listed(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2)
    here, there = (int(both[-2]) for both in matched(comparison))
    result = compute_activation_difference(comparison, Selection.parse("block.2.mlp"), here, listing="strongest")
    differences = comparison.a.neurons(2)[here] - comparison.b.neurons(2)[there]
    order = np.argsort(-np.abs(differences))
    assert_array_equal(result.listed, order[:16])
    assert (result.strongest, result.neuron, result.chosen) == (order[0], order[0], False)
    assert result.strongest_value == differences[order[0]]
    assert np.abs(result.listed_values).max() > 0.1


def test_a_head_that_writes_nothing_is_seen_from_its_block_on(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2, ONE, ONE, without_head(tiny_gpt2, 1, 3))
    stream = compute_activation_difference(comparison, NEURON, 5).stream
    assert stream.any(axis=0).tolist() == [False, False, True, True]
    assert not compute_activation_difference(comparison, Selection.parse("block.0.mlp"), 5).values.any()
    assert compute_activation_difference(comparison, NEURON, 5).values.any()


def test_models_of_other_sizes_compare_what_both_have(tiny_gpt2: LanguageModel):
    fewer_blocks = compared(tiny_gpt2, ONE, ONE, make_tiny("gpt2", num_hidden_layers=1))
    result = compute_activation_difference(fewer_blocks, NEURON, 5)
    assert np.isfinite(result.stream).all(axis=0).tolist() == [True, True, False, False]
    assert result.values is None
    more_blocks = compute_activation_difference(swapped(fewer_blocks), Selection.parse("block.0.mlp"), 5)
    assert_array_equal(more_blocks.stream, -result.stream[:, :2])
    fewer_neurons = compared(tiny_gpt2, ONE, ONE, make_tiny("gpt2", n_inner=100))
    result = compute_activation_difference(fewer_neurons, NEURON, 5)
    assert result.values is result.listed is None
    assert np.isfinite(result.stream).all()


def test_a_position_without_a_counterpart_has_no_listed_values(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2)
    missing = int(np.flatnonzero(comparison.aligned < 0)[0])
    result = compute_activation_difference(comparison, NEURON, missing)
    assert np.isnan(result.listed_values).all()
    assert np.isfinite(result.values).any()
    with pytest.raises(SelectionError, match="quantity"):
        compute_activation_difference(comparison, NEURON, 0, quantity="size")  # type: ignore[arg-type]
