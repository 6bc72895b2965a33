"""The overview of A minus that of B."""

from dataclasses import replace

import numpy as np
from numpy.testing import assert_array_equal

from analysis.architecture import compute_architecture
from analysis.comparison.overview import compute_overview_difference, compute_patterns_difference
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from tests.analysis.comparison.pairs import ONE, compared, matched, swapped, without_head
from tests.tiny import long_text, make_tiny


def test_the_rank_is_by_size(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2, ONE, ONE, without_head(tiny_gpt2, 1, 3))
    one, two = (compute_architecture(trace, Selection.parse("output"), 6) for trace in (comparison.a, comparison.b))
    strongest = compute_overview_difference(
        comparison, replace(one, selection=Selection.parse("block.1.attention.head.3")), two
    )
    assert strongest.rank == 1
    assert strongest.value == strongest.parts.heads[1, 3]
    assert strongest.value > 0
    other = compute_overview_difference(
        comparison, replace(one, selection=Selection.parse("block.0.attention.head.3")), two
    )
    assert (other.value, other.rank) == (0, 1 + np.count_nonzero(other.parts.heads))


def test_patterns_are_differences_of_attention(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2)
    here, there = matched(comparison)
    patterns = compute_patterns_difference(comparison)
    assert patterns.difference
    assert (patterns.square, patterns.n_positions) == (1, comparison.a.n_positions)
    for block in range(3):
        expected = (
            comparison.a.attention(block)[:, here][:, :, here] - comparison.b.attention(block)[:, there][:, :, there]
        )
        assert_array_equal(patterns.heads[block][:, here][:, :, here], expected)
    assert np.isnan(patterns.heads[:, :, comparison.aligned < 0]).all()
    back = compute_patterns_difference(swapped(comparison)).heads
    assert_array_equal(back[:, :, there][..., there], -patterns.heads[:, :, here][..., here])
    assert not compute_patterns_difference(compared(tiny_gpt2, ONE, ONE)).heads.any()


def test_patterns_of_long_texts_are_small():
    model = make_tiny("gpt2", max_position_embeddings=160)
    text = long_text(model, 140)
    comparison = compared(model, text, f"A{text[3:]}")
    patterns = compute_patterns_difference(comparison)
    assert patterns.heads.shape == (3, 4, 24, 24)
    squares = comparison.a.attention(1)[2] - comparison.on_a(comparison.b.attention(1)[2], 0, 1)
    assert abs(patterns.heads[1, 2, 20, 4]) == np.nanmax(np.abs(squares[120:126, 24:30]))


def test_patterns_that_b_does_not_have_are_missing(tiny_gpt2: LanguageModel):
    fewer_blocks = compute_patterns_difference(compared(tiny_gpt2, ONE, ONE, make_tiny("gpt2", num_hidden_layers=2)))
    assert np.isnan(fewer_blocks.heads).all(axis=(1, 2, 3)).tolist() == [False, False, True]
    fewer_heads = compute_patterns_difference(compared(tiny_gpt2, ONE, ONE, make_tiny("gpt2", num_attention_heads=2)))
    assert np.isnan(fewer_heads.heads).all()


def test_patterns_are_kept_under_what_b_is(tiny_gpt2: LanguageModel):
    names = []

    def derived(name, compute, *, version):
        names.append(name)
        return compute()

    for b in (ONE, ONE, f"{ONE}."):
        compute_patterns_difference(compared(tiny_gpt2, ONE, b), derived=derived)
    assert names[0] == names[1] != names[2]
