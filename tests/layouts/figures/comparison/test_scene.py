"""The 3D scene and the overview of A minus B, from a hand-made result."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.architecture import ArchitectureResult, Counterparts
from analysis.overview import OverviewResult, Patterns
from analysis.selection import Selection
from layouts.figures.architecture import ENDS, HEADS, STREAM, TILES, architecture_changes
from layouts.figures.comparison.scene import (
    NO_FINITE,
    NO_KINDS,
    NO_PARTS,
    architecture_difference_reading,
    overview_difference_reading,
)
from layouts.figures.image import HIGHEST, LOWEST_DIFFERENCE, MISSING
from layouts.figures.overview import overview_figure
from layouts.figures.overview_grid import Wall
from layouts.figures.scene import VERTICES
from layouts.figures.scene_colors import MOST_LEVEL, diverging, part_colors
from layouts.figures.shade import missing_color, neutral
from layouts.theme import THEMES, Theme
from tests.layouts.figures.test_architecture import RESULT as PLAIN

NONE = np.nan
RESULT = replace(
    PLAIN,
    heads=np.float32([[0, -1], [4, -4]]),
    tiles=np.float32([[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, -2]]),
    residual_differences=np.float32([0, -0.5, 1]),
)


def missing_block(result: ArchitectureResult = RESULT) -> ArchitectureResult:
    """B has one block less."""
    heads, tiles, stream = result.heads.copy(), result.tiles.copy(), result.residual_differences.copy()
    heads[1] = tiles[1] = stream[2] = NONE
    return replace(result, heads=heads, tiles=tiles, residual_differences=stream)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES.keys())
@pytest.mark.parametrize("color_by", ["norm", "entropy", "first", "copying", "induction", "attribution", "effect"])
def test_the_scale_is_symmetric_about_zero(theme: Theme, color_by):
    heads, tiles, legend = part_colors(replace(RESULT, color_by=color_by), theme)
    middle = MOST_LEVEL // 2
    assert [list(stop) for stop in heads.scale] == diverging(theme)
    assert heads.levels[0, 0] == tiles.levels[0, 1] == middle
    assert heads.levels[1].tolist() == [MOST_LEVEL, 0]
    assert legend.title.startswith("A − B: ")
    assert "square-root scale" in legend.title
    ticks = dict(zip(legend.texts, legend.levels, strict=True))
    assert ticks["0"] == middle
    assert ticks["+2"] + ticks["−2"] == MOST_LEVEL


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES.keys())
def test_what_b_does_not_have_is_grey(theme: Theme):
    heads, tiles, legend = part_colors(missing_block(), theme)
    assert legend.title.endswith("<br>grey: no counterpart in B")
    assert heads.levels[1].tolist() == [0, 0]
    assert heads.levels[0].min() > 0
    assert not tiles.levels[1].any()
    assert heads.scale[0][1] == heads.scale[1][1] == neutral(theme)


def test_the_scene_is_that_of_a_with_differences_to_read():
    (changes, _), (plain, _) = architecture_changes(missing_block()), architecture_changes(PLAIN)
    np.testing.assert_array_equal(changes[STREAM]["y"], plain[STREAM]["y"])
    assert changes[STREAM]["meta"] == {"values": [0, -0.5, "no counterpart in B"], "unit": "(L2 norm), A − B"}
    assert changes[ENDS]["meta"]["values"] == [0, "no counterpart in B", None]
    assert changes[HEADS]["meta"]["values"] == [0, -1, *["no counterpart in B"] * 2]
    assert changes[HEADS]["meta"]["unit"].endswith(", A − B")
    assert changes[TILES]["meta"]["unit"].endswith(", A − B")
    assert len(changes[HEADS]["intensity"]) == 4 * VERTICES
    assert changes.keys() == plain.keys()
    assert all(changes[index].keys() == plain[index].keys() for index in changes), "all is written over"


def test_what_is_not_finite_is_no_missing_counterpart():
    """B has block 0 only, in which one head of A or B is not finite."""
    heads, tiles, stream = RESULT.heads.copy(), RESULT.tiles.copy(), RESULT.residual_differences.copy()
    heads[0, 1] = stream[1] = heads[1] = tiles[1] = stream[2] = NONE
    both = replace(missing_block(), heads=heads, tiles=tiles, residual_differences=stream)
    both = replace(both, counterparts=Counterparts(1, 1, 2))
    changes, _ = architecture_changes(both)
    gone, broken = "no counterpart in B", "not finite in A or B"
    assert changes[HEADS]["meta"]["values"] == [0, broken, gone, gone]
    assert changes[TILES]["meta"]["values"] == [1, 0, 0, 0, 0, 0, *[gone] * 6]
    assert changes[STREAM]["meta"]["values"] == [0, broken, gone]
    assert overview_figure(OverviewResult(both, None, None)).data[0].meta["values"] == [0, broken, gone, gone]
    assert part_colors(both, THEMES["light"])[2].title.endswith(f"<br>grey: {gone}, or {broken}")
    assert architecture_difference_reading(both, "").endswith(" Parts that are not finite in A or B are grey.")
    alone = replace(both, heads=NONE * RESULT.heads, tiles=None, counterparts=Counterparts(2, 2, 3))
    assert part_colors(alone, THEMES["light"])[2].title.endswith(f"<br>grey: {broken}")
    assert architecture_difference_reading(alone, "") == NO_FINITE


def test_the_sentence_names_the_strongest():
    expected = (
        "At ‘·fox’, the largest difference of all heads is at block 1 head 0 (+4.00), and of all MLP tiles is at block "
        "1 neuron 5 (−2.00): A − B, L2 norm of what it adds."
    )
    assert architecture_difference_reading(RESULT, "·fox") == expected
    entropy = architecture_difference_reading(replace(RESULT, color_by="entropy", tiles=None), "·fox")
    assert entropy == (
        "At ‘·fox’, the largest difference of all heads is at block 1 head 0 (+4.00): A − B, attention entropy in bits."
    )
    copying = architecture_difference_reading(replace(RESULT, color_by="copying", tiles=None), "·fox")
    assert copying.startswith("The largest difference of all heads is at block 1 head 0 (+4.00)")
    effect = architecture_difference_reading(replace(RESULT, color_by="effect"), "·fox")
    assert "and of all MLPs is at block 1 MLP (−2.00)" in effect
    equal = replace(RESULT, heads=0 * RESULT.heads, tiles=0 * RESULT.tiles)
    assert architecture_difference_reading(equal, "·fox") == "A and B are equal here: every difference is 0."
    assert architecture_difference_reading(replace(RESULT, color_by="kind", heads=None, tiles=None), "") == NO_KINDS
    nothing = replace(RESULT, heads=NONE * RESULT.heads, tiles=None)
    assert architecture_difference_reading(nothing, "") == NO_PARTS


def test_the_overview_ranks_the_selected_part():
    head = overview_difference_reading(OverviewResult(RESULT, 4.0, 1), "·fox")
    assert head.startswith("Block 1 head 0: +4.00, rank 1 of 4 heads by size. At ‘·fox’, the largest difference")
    parts = replace(RESULT, selection=Selection.parse("block.0.mlp.neuron.0"))
    assert overview_difference_reading(OverviewResult(parts, 1.0, 2), "x").startswith(
        "Block 0 neuron 0: +1.00, rank 2 of 12 tiles by size."
    )
    mlp = replace(parts, color_by="effect")
    assert overview_difference_reading(OverviewResult(mlp, 1.0, 2), "x").startswith(
        "Block 0 MLP: +1.00, rank 2 of 2 MLPs by size."
    )
    assert overview_difference_reading(OverviewResult(parts, None, None), "·fox").startswith("At ‘·fox’")


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES.keys())
def test_patterns_of_differences_have_their_scale(theme: Theme):
    heads = np.zeros((2, 2, 3, 3), dtype=np.float32)
    heads[0, 0] = [[0, NONE, NONE], [NONE, NONE, NONE], [0.5, NONE, -0.5]]
    patterns = Patterns(heads, 1, 3, difference=True)
    figure = overview_figure(OverviewResult(RESULT, None, None), wall=Wall(1, 1.0), patterns=patterns, theme=theme)
    cells = np.asarray(figure.data[-1].z)
    middle = (HIGHEST + LOWEST_DIFFERENCE) // 2
    values, counts = np.unique(cells, return_counts=True)
    numbers = dict(zip(values.tolist(), counts.tolist(), strict=True))
    assert numbers[MISSING] == 3, "none above the diagonal"
    assert numbers[middle] == 4 * 9 - 3 - 2
    assert any(color == missing_color(theme) for _, color in figure.data[-1].colorscale)
    assert figure.data[0].meta["words"].endswith(", A − B")
