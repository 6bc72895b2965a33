"""Figures of the attention of A minus that of B, from a hand-made result."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.comparison.attention import AttentionDifference
from analysis.tokens import Token
from layouts.figures.comparison.attention import (
    attention_difference_figure,
    attention_difference_heads_figure,
    attention_difference_reading,
)
from layouts.figures.image import BLANK, HIGHEST, LOWEST_DIFFERENCE, MISSING, difference_levels
from layouts.figures.shade import contrast, missing_color
from layouts.theme import THEMES, Theme

NONE = np.nan
GRID = np.float32([[0, 0, 0, 0], [0.2, -0.2, 0, 0], [NONE, NONE, NONE, NONE], [-0.5, 0.31, NONE, 0.19]])
GRID[:, 2] = NONE
RESULT = AttentionDifference(
    tokens=tuple(Token(n, label, n, n) for n, label in enumerate(("The", "·<b>", "·hen", "·crow"))),
    missing=np.array([False, False, True, False]),
    block=3,
    head=1,
    position=3,
    view="raw",
    grid=GRID,
    heads=np.stack([0 * GRID, GRID]),
    square=1,
    strongest=0,
)
MIDDLE = (LOWEST_DIFFERENCE + HIGHEST) // 2


def color_at(scale: Any, level: float) -> str:
    """The colour of a scale at a level of bytes, where it is even."""
    return [color for stop, color in scale if stop * HIGHEST <= level][-1]


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES.keys())
def test_missing_is_drawn_in_a_colour_of_its_own(theme: Theme):
    (heat,) = attention_difference_figure(RESULT, theme=theme).data
    cells, table = np.asarray(heat.z), heat.meta["values"]
    assert cells.dtype == np.uint8
    for query, key in np.ndindex(4, 4):
        level = cells[query, key]
        if key > query:
            assert level == BLANK
            assert table[level] == ""
        elif 2 in (query, key):
            assert level == MISSING
            assert table[level] == "no counterpart in B"
        else:
            assert np.sign(int(level) - MIDDLE) == np.sign(GRID[query, key])
            assert table[level] != "no counterpart in B"
    assert table[MIDDLE] == "0 points"
    middle = next(color for stop, color in heat.colorscale if stop * HIGHEST == pytest.approx(MIDDLE))
    assert middle == theme.signed[2][1]
    assert color_at(heat.colorscale, MISSING) == missing_color(theme)
    assert contrast(missing_color(theme), middle) > 1.6
    assert (heat.zmin, heat.zmax) == (0, 255)


def test_blue_is_more_in_a_and_the_scale_is_symmetric():
    figure = attention_difference_figure(RESULT)
    (heat,) = figure.data
    assert heat.colorbar.title.text.startswith("A − B: share of attention")
    ticks = dict(zip(heat.colorbar.ticktext, heat.colorbar.tickvals, strict=True))
    assert ticks["0"] == MIDDLE
    assert int(ticks["+100"]) + int(ticks["−100"]) == 2 * MIDDLE
    assert heat.colorscale[-1][1] == THEMES["light"].signed[-1][1]
    assert heat.meta["select"] == "@{y}"
    assert heat.meta["values"][difference_levels(np.array([0.31]), 1)[0]].startswith("+31 points")
    assert figure.layout.shapes[0].y0 == 2.5


def test_all_heads_are_clickable_and_on_one_scale():
    figure = attention_difference_heads_figure(RESULT)
    assert [trace.meta for trace in figure.data] == [f"block.3.attention.head.{n}" for n in range(2)]
    first, second = (np.asarray(trace.z) for trace in figure.data)
    assert set(first[~np.isnan(GRID) & np.tri(4, dtype=bool)].tolist()) == {MIDDLE}
    below = np.tri(4, dtype=bool)
    assert (second[np.isnan(GRID) & below] == MISSING).all()
    assert (second[~below] == BLANK).all()
    assert second[3, 0] < MIDDLE < second[3, 1]
    pooled = attention_difference_heads_figure(replace(RESULT, square=3))
    assert "3 × 3 tokens" in pooled.data[0].hovertemplate


def test_norms_have_a_scale_of_their_own():
    moved = replace(RESULT, view="value_weighted", grid=4 * GRID, heads=8 * RESULT.heads)
    (heat,) = attention_difference_figure(moved).data
    assert np.asarray(heat.z).min(where=np.asarray(heat.z) > MISSING, initial=255) == LOWEST_DIFFERENCE
    assert heat.colorbar.ticktext[0] == "−2"
    assert "receives less from ‘The’ at position 0 in A than in B (norm 2 less)" in attention_difference_reading(moved)


def test_the_sentence():
    assert (
        attention_difference_reading(RESULT)
        == "At ‘·crow’, head 1 looks 50 points less at ‘The’ at position 0 in A than in B."
    )
    more = replace(RESULT, strongest=1, head=None)
    assert attention_difference_reading(more).startswith(
        "At ‘·crow’, the mean of all heads looks 31 points more at ‘·<b>’"
    )
    assert "more at itself in A" in attention_difference_reading(replace(RESULT, strongest=3))
    equal = replace(RESULT, grid=0 * GRID, heads=0 * RESULT.heads)
    assert attention_difference_reading(equal) == "A and B are equal here: every difference is 0."
    assert "B has no counterpart of ‘·hen’" in attention_difference_reading(replace(RESULT, position=2, strongest=None))
    assert "is the same" in attention_difference_reading(replace(RESULT, position=0))
    assert "not finite" in attention_difference_reading(replace(RESULT, strongest=None))
    rollout = attention_difference_reading(replace(RESULT, view="rollout"))
    assert rollout == "Rollout traces 50 points less of ‘·crow’ back to ‘The’ at position 0 in A than in B."
