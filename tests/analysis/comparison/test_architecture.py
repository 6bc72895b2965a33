"""Values of all parts in A minus those in B."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from analysis.architecture import ArchitectureResult, ColorBy, compute_architecture
from analysis.attribution import compute_attribution
from analysis.comparison.architecture import compute_architecture_difference
from analysis.comparison.pair import Comparison
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from tests.analysis.comparison.pairs import ONE, OTHER, by_transformers, compared, matched, swapped, without_head
from tests.tiny import make_tiny

SELECTED = Selection.parse("block.1.attention.head.2")
OF_TEXT: tuple[ColorBy, ...] = ("norm", "entropy", "first")


def difference(comparison: Comparison, position: int, *, color_by: ColorBy = "norm") -> ArchitectureResult:
    there = comparison.counterpart(position)
    return compute_architecture_difference(
        comparison,
        compute_architecture(comparison.a, SELECTED, position, color_by=color_by),
        compute_architecture(comparison.b, Selection.parse("output"), there, color_by=color_by),
    )


@pytest.mark.parametrize("color_by", OF_TEXT)
def test_equal_texts_have_no_difference(tiny_gpt2: LanguageModel, color_by: ColorBy):
    result = difference(compared(tiny_gpt2, ONE, ONE), 6, color_by=color_by)
    assert_array_equal(result.heads, 0)
    assert_array_equal(result.residual_differences, 0)
    assert (result.tiles is None) == (color_by != "norm")
    if result.tiles is not None:
        assert_array_equal(result.tiles, 0)


@pytest.mark.parametrize("color_by", OF_TEXT)
def test_it_is_a_minus_b_and_flips(tiny_gpt2: LanguageModel, color_by: ColorBy):
    comparison = compared(tiny_gpt2)
    here, there = (int(both[-1]) for both in matched(comparison))
    one = compute_architecture(comparison.a, SELECTED, here, color_by=color_by)
    two = compute_architecture(comparison.b, SELECTED, there, color_by=color_by)
    result, back = (
        difference(comparison, here, color_by=color_by),
        difference(swapped(comparison), there, color_by=color_by),
    )
    assert_array_equal(result.heads, one.heads - two.heads)
    assert_array_equal(result.residual_differences, one.residual_norms - two.residual_norms)
    assert_array_equal(result.residual_norms, one.residual_norms)
    assert result.heads.any()
    assert_array_equal(back.heads, -result.heads)
    if color_by == "norm":
        assert_array_equal(result.tiles, one.tiles - two.tiles)
        assert_array_equal(back.tiles, -result.tiles)
    assert (result.info, result.selection, result.color_by) == (comparison.a.info, SELECTED, color_by)


def test_attention_and_stream_are_those_of_transformers(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2)
    here, there = (int(both[-1]) for both in matched(comparison))
    entropies, firsts, norms = [], [], []
    for text, position in ((ONE, here), (OTHER, there)):
        output = by_transformers(tiny_gpt2, text)
        rows = np.stack([block[0, :, position].numpy() for block in output.attentions])
        entropies.append(-(rows * np.log2(np.where(rows > 0, rows, 1))).sum(axis=-1))
        firsts.append(rows[..., 0])
        norms.append(np.array([np.linalg.norm(stream[0, position].numpy()) for stream in output.hidden_states[:-1]]))
    assert_allclose(difference(comparison, here, color_by="entropy").heads, entropies[0] - entropies[1], atol=1e-4)
    assert_allclose(difference(comparison, here, color_by="first").heads, firsts[0] - firsts[1], atol=1e-4)
    assert_allclose(difference(comparison, here).residual_differences[:-1], norms[0] - norms[1], atol=1e-4)


def test_norms_are_those_of_what_heads_write(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2)
    here, there = (int(both[-1]) for both in matched(comparison))
    network = deepcopy(tiny_gpt2.network).double()
    norms = []
    for text, position in ((ONE, here), (OTHER, there)):
        output = by_transformers(tiny_gpt2, text)
        attention = network.transformer.h[1].attn
        with torch.no_grad():
            values = attention.c_attn(network.transformer.h[1].ln_1(output.hidden_states[1]))[0].chunk(3, dim=-1)[2]
        values = values.reshape(len(values), 4, 8)
        mixed = torch.einsum("hk,khd->hd", output.attentions[1][0, :, position], values)
        written = torch.einsum("hd,hde->he", mixed, attention.c_proj.weight.reshape(4, 8, -1))
        norms.append(written.norm(dim=-1).detach().numpy())
    assert_allclose(difference(comparison, here).heads[1], norms[0] - norms[1], atol=1e-4)


def test_a_head_that_writes_nothing_is_the_first_and_the_strongest_difference(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2, ONE, ONE, without_head(tiny_gpt2, 1, 3))
    result = difference(comparison, 6)
    assert result.heads.any(axis=1).tolist() == [False, True, True]
    assert np.flatnonzero(result.heads[1]).tolist() == [3]
    assert_allclose(result.heads[1, 3], comparison.a.head_norms(1)[6, 3])
    assert np.unravel_index(np.abs(result.heads).argmax(), result.heads.shape) == (1, 3)


def test_direct_attributions_are_subtracted(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2)
    here, there = (int(both[-1]) for both in matched(comparison))
    target = Selection.parse("output~7")
    shares = [
        compute_attribution(tiny_gpt2, trace, target, p) for trace, p in ((comparison.a, here), (comparison.b, there))
    ]
    one, two = (
        compute_architecture(trace, target, position, color_by="attribution", attribution=share)
        for trace, position, share in zip((comparison.a, comparison.b), (here, there), shares, strict=True)
    )
    result = compute_architecture_difference(comparison, one, two)
    assert_allclose(result.heads, shares[0].heads - shares[1].heads, atol=1e-6)
    assert_allclose(result.tiles, shares[0].tiles - shares[1].tiles, atol=1e-6)


def test_what_b_does_not_have_is_missing(tiny_gpt2: LanguageModel):
    fewer_blocks = difference(compared(tiny_gpt2, ONE, ONE, make_tiny("gpt2", num_hidden_layers=2)), 6)
    assert fewer_blocks.counterparts == (2, 2, 3)
    assert np.isfinite(fewer_blocks.heads).all(axis=1).tolist() == [True, True, False]
    assert np.isnan(fewer_blocks.heads[2]).all()
    assert np.isfinite(fewer_blocks.tiles).all(axis=1).tolist() == [True, True, False]
    assert np.isfinite(fewer_blocks.residual_differences).tolist() == [True, True, True, False]
    more_blocks = difference(compared(tiny_gpt2, ONE, ONE, make_tiny("gpt2", num_hidden_layers=4)), 6)
    assert more_blocks.counterparts == (3, 3, 4)
    assert np.isfinite(more_blocks.heads).all()
    fewer_heads = difference(compared(tiny_gpt2, ONE, ONE, make_tiny("gpt2", num_attention_heads=2)), 6)
    assert fewer_heads.counterparts == (0, 3, 4)
    assert np.isnan(fewer_heads.heads).all()
    assert np.isfinite(fewer_heads.tiles).all()
    fewer_neurons = difference(compared(tiny_gpt2, ONE, ONE, make_tiny("gpt2", n_inner=100)), 6)
    assert fewer_neurons.counterparts == (3, 0, 4)
    assert np.isnan(fewer_neurons.tiles).all()
    assert fewer_neurons.heads.any()
    comparison = compared(tiny_gpt2)
    alone = compute_architecture_difference(comparison, compute_architecture(comparison.a, SELECTED, 6), None)
    assert np.isnan(alone.heads).all()
    assert np.isnan(alone.residual_differences).all()
