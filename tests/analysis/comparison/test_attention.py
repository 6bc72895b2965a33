"""Attention of A minus that of B."""

from typing import get_args

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from analysis.attention import ShownView, compute_attention
from analysis.causes.value_weighted import compute_value_weighted
from analysis.comparison.attention import AttentionDifference, compute_attention_difference, pooled_by_size
from analysis.comparison.pair import Comparison
from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from analysis.selection import Part, Selection
from tests.analysis.comparison.pairs import ONE, OTHER, by_transformers, compared, matched, swapped, without_head
from tests.tiny import long_text, make_tiny

VIEWS = get_args(ShownView)
HEAD = Selection.parse("block.1.attention.head.2")


def difference(
    model: LanguageModel,
    comparison: Comparison,
    selection: Selection = HEAD,
    *,
    position: int = 5,
    other: LanguageModel | None = None,
    view: ShownView = "raw",
) -> AttentionDifference:
    return compute_attention_difference((model, other or model), comparison, selection, position, view=view)


@pytest.mark.parametrize("head", [2, None])
@pytest.mark.parametrize("view", VIEWS)
def test_equal_texts_have_no_difference(tiny_gpt2: LanguageModel, view: ShownView, head: int | None):
    comparison = compared(tiny_gpt2, ONE, ONE)
    selection = Selection(Part.ATTENTION, block=1, head=head)
    result = difference(tiny_gpt2, comparison, selection, view=view)
    defined = np.isfinite(compute_attention(comparison.a, HEAD, 5, view="without_first").grid)
    shown = defined if view == "without_first" else np.ones_like(defined)
    assert_array_equal(result.grid[shown], 0)
    assert not np.nan_to_num(result.heads).any()
    assert not result.missing.any()


@pytest.mark.parametrize("head", [2, None])
@pytest.mark.parametrize("view", VIEWS)
def test_it_is_the_view_of_a_minus_that_of_b_and_flips(tiny_gpt2: LanguageModel, view: ShownView, head: int | None):
    comparison = compared(tiny_gpt2)
    selection = Selection(Part.ATTENTION, block=1, head=head)
    result = difference(tiny_gpt2, comparison, selection, view=view)
    both = [
        compute_value_weighted(tiny_gpt2, trace, selection, 5)
        if view == "value_weighted"
        else compute_attention(trace, selection, 5, view=view)
        for trace in (comparison.a, comparison.b)
    ]
    here, there = matched(comparison)
    assert 3 < len(here) < comparison.a.n_positions
    one, other = both[0].grid[np.ix_(here, here)], both[1].grid[np.ix_(there, there)]
    assert np.nanmax(np.abs(one - other)) > 0.01
    assert_allclose(result.grid[np.ix_(here, here)], one - other, atol=1e-7)
    every = both[0].heads[:, here][:, :, here] - both[1].heads[:, there][:, :, there]
    assert_array_equal(result.heads[:, here][:, :, here], every)
    missing = np.flatnonzero(comparison.aligned < 0)
    assert_array_equal(np.flatnonzero(result.missing), missing)
    assert np.isnan(result.grid[missing]).all()
    assert np.isnan(result.heads[:, :, missing]).all()
    back = difference(tiny_gpt2, swapped(comparison), selection, view=view)
    assert_array_equal(back.grid[np.ix_(there, there)], -result.grid[np.ix_(here, here)])
    assert_array_equal(back.heads[:, there][:, :, there], -result.heads[:, here][:, :, here])


def test_it_is_that_of_transformers(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2)
    here, there = matched(comparison)
    one, other = (by_transformers(tiny_gpt2, text).attentions[1][0].numpy() for text in (ONE, OTHER))
    expected = one[:, here][:, :, here] - other[:, there][:, :, there]
    result = difference(tiny_gpt2, comparison)
    assert_allclose(result.heads[:, here][:, :, here], expected, atol=1e-4)
    assert_allclose(result.grid[np.ix_(here, here)], expected[2], atol=1e-4)
    mean = difference(tiny_gpt2, comparison, Selection.parse("block.1.mlp"))
    assert_allclose(mean.grid[np.ix_(here, here)], expected.mean(axis=0), atol=1e-4)


def test_the_strongest_key_is_that_of_the_largest_size(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2)
    for position in np.flatnonzero(comparison.aligned >= 0).tolist():
        result = difference(tiny_gpt2, comparison, position=position)
        sizes = np.nan_to_num(np.abs(result.grid[position]), nan=-1)
        assert sizes[result.strongest] == max(sizes)
    missing = int(np.flatnonzero(comparison.aligned < 0)[0])
    assert difference(tiny_gpt2, comparison, position=missing).strongest is None


def test_a_head_that_writes_nothing_changes_attention_in_later_blocks_only(tiny_gpt2: LanguageModel):
    copy = without_head(tiny_gpt2, 1, 3)
    comparison = compared(tiny_gpt2, ONE, ONE, copy)
    assert not comparison.same_model
    for block in range(3):
        result = difference(tiny_gpt2, comparison, Selection(Part.ATTENTION, block=block), other=copy)
        assert result.heads.any() == (block > 1)
    moved = difference(tiny_gpt2, comparison, HEAD, other=copy, view="value_weighted")
    assert moved.heads.any(axis=(1, 2)).tolist() == [False, False, False, True]


def test_heads_of_long_texts_are_the_largest_differences_in_squares():
    model = make_tiny("gpt2", max_position_embeddings=160)
    text = long_text(model, 140)
    comparison = compared(model, text, f"A{text[3:]}")
    result = difference(model, comparison)
    assert (result.square, result.heads.shape) == (3, (4, 47, 47))
    for row, column in [(0, 0), (20, 3), (46, 40)]:
        square = result.grid[3 * row : 3 * row + 3, 3 * column : 3 * column + 3]
        pooled = result.heads[2, row, column]
        assert np.isnan(pooled) if np.isnan(square).all() else abs(pooled) == np.nanmax(np.abs(square))
        assert np.isnan(pooled) or pooled in square


def test_pooling_keeps_signs():
    grid = np.float32([[1, -3, 0], [2, np.nan, 0], [np.nan, np.nan, np.nan]])
    assert_array_equal(pooled_by_size(grid, 2), np.float32([[-3, 0], [np.nan, np.nan]]))
    assert pooled_by_size(grid, 1) is grid


def test_what_cannot_be_compared_is_said(tiny_gpt2: LanguageModel):
    fewer_heads = make_tiny("gpt2", num_attention_heads=2)
    with pytest.raises(SelectionError, match="Heads cannot be compared"):
        difference(tiny_gpt2, compared(tiny_gpt2, other=fewer_heads), other=fewer_heads)
    fewer_blocks = make_tiny("gpt2", num_hidden_layers=1)
    with pytest.raises(SelectionError, match="B has no block 1"):
        difference(tiny_gpt2, compared(tiny_gpt2, other=fewer_blocks), other=fewer_blocks)
    with pytest.raises(SelectionError, match="no attention"):
        difference(tiny_gpt2, compared(tiny_gpt2), Selection(Part.OUTPUT))
    with pytest.raises(SelectionError, match="attention view"):
        difference(tiny_gpt2, compared(tiny_gpt2), view="sideways")  # type: ignore[arg-type]
