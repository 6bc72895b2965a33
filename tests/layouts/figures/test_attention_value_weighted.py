"""Figures and reading of value-weighted attention."""

import numpy as np
from numpy.testing import assert_array_equal

from layouts.figures.attention import attention_figure, attention_heads_figure, attention_label, attention_reading
from tests.layouts.figures.test_attention import GRID, long, result


def test_norms_of_what_is_moved_have_a_scale_of_their_own():
    moved = result(view="value_weighted", grid=GRID * 5, heads=np.stack([GRID * 5, GRID * 10, GRID * 0]))
    (heat,) = attention_figure(moved).data
    assert (heat.zmin, heat.zmax) == (0, 5)
    assert heat.meta["norms"]
    assert heat.meta["words"] == "{y} → {x}: {value} moved (L2 norm)"
    assert heat.colorbar.title.text == "norm of what is moved"
    assert heat.hovertemplate == "%{z:.3g} moved<extra></extra>"
    first, second, third = attention_heads_figure(moved).data
    assert_array_equal(second.z, np.round(GRID * 255))
    assert_array_equal(first.z, np.round(GRID / 2 * 255))
    assert not third.z.any()
    assert attention_label(moved) == "block 2, head 1, value-weighted"
    assert attention_reading(moved) == (
        "‘·a’ receives most from itself (norm 3, 60% of all norms together); "
        "10% of its attention goes to the first token."
    )


def test_norms_of_a_long_text():
    shown = result(
        tokens=long(129).tokens, grid=np.full((129, 129), 2, np.float32), heads=np.ones((1, 65, 65), np.float32) * 4,
        square=2, head=0, view="value_weighted",
    )  # fmt: skip
    (heat,) = attention_figure(shown).data
    assert heat.meta["values"][255] == "2"
    assert heat.meta["words"] == "{y} → {x}: about {value} moved (L2 norm)"
    (small,) = attention_heads_figure(shown).data
    assert small.z.max() == 255
    assert "the largest norm in 2 × 2 tokens" in small.hovertemplate


def test_nothing_is_moved_or_finite():
    for value in (0, np.nan, np.inf):
        grid = np.full_like(GRID, value)
        nothing = result(view="value_weighted", grid=grid, heads=np.stack([grid] * 3), first_share=0.1)
        assert attention_figure(nothing).data[0].zmax == 1
        assert attention_heads_figure(nothing).data[0].z.max() == 0
        assert attention_reading(nothing).endswith(".")
