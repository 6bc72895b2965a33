"""Figures of direct attribution, from a hand-made result."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from analysis.attribution import AttributionResult
from analysis.model_info import ModelInfo
from analysis.selection import Selection
from analysis.tokens import Piece, Token
from layouts.figures.attribution import attribution_figure, attribution_reading
from layouts.figures.attribution_charts import (
    attribution_bars_figure,
    attribution_depth_figure,
    attribution_neurons_figure,
)
from layouts.theme import DARK, LIGHT

RESULT = AttributionResult(
    info=ModelInfo("GPT-2", 2, 3, 8, 4, 4, 10, 16, 100, "f"),
    tokens=(Token(1, "a", 0, 0), Token(2, "<b>", 1, 1)),
    selection=Selection.parse("block.1.attention.head.2@1"),
    position=1,
    target=Piece(3, "·he"),
    against=None,
    chosen=False,
    embedding=0.5,
    positions=-0.25,
    heads=np.array([[1, -2, 0], [0.25, 0, 4]], dtype=np.float64),
    attention_biases=np.array([0.125, -0.125]),
    tiles=np.array([[0.5, 0.5, 0, 0], [-3, 0, 1, 0]], dtype=np.float64),
    mlp_biases=np.array([0.0, 0.5]),
    norm_bias=0.0625,
    head_bias=None,
    neurons=None,
    logit=2.0625,
    cap=None,
)
# Of what a model like Llama has none of.
BARE = replace(RESULT, positions=None, attention_biases=None, mlp_biases=None, norm_bias=None, logit=2.75)


def shown(heat) -> np.ndarray:
    """The shares that the colours stand for, as multiples of the largest."""
    z = np.asarray(heat.z, dtype=float)
    return np.sign(z) * z**2


def test_the_map_has_a_cell_for_every_part_and_selects_it():
    grid, row, labels = attribution_figure(RESULT).data
    expected = [[1, -2, 0, np.nan, 1, 0.125, 0], [0.25, 0, 4, np.nan, -2, -0.125, 0.5]]
    assert_allclose(shown(grid), np.array(expected) / 4, atol=1e-6)
    assert (grid.zmin, grid.zmax) == (-1, 1), "zero is in the middle"
    assert list(grid.customdata[1]) == [
        *(f"block.1.attention.head.{head}" for head in range(3)),
        *("", "block.1.mlp", "block.1.attention", "block.1.mlp"),
    ]
    assert grid.hovertext[1][4] == "block 1 MLP: −2.00 logits"
    assert list(attribution_figure(RESULT).layout.xaxis.ticktext) == [
        "0",
        "1",
        "2",
        "MLP",
        "att.<br>bias",
        "MLP<br>bias",
    ]
    assert_allclose(shown(row), [np.array([0.5, -0.25, 0.0625]) / 4], atol=1e-6)
    assert [*row.customdata[0]] == ["embedding", "embedding", "norm"]
    assert len(row.x) == 4
    assert labels.text == ("embedding", "position", "norm bias")
    assert labels.x == pytest.approx([row.x[n] / 2 + row.x[n + 1] / 2 for n in range(3)], abs=1e-3)


def test_what_a_model_does_not_have_has_no_cell():
    grid, row, _ = attribution_figure(BARE).data
    assert np.asarray(grid.z).shape == (2, 5)
    assert list(row.hovertext[0]) == ["token embedding: +0.50 logits"]
    assert len(attribution_bars_figure(BARE).data[0].x) == 9, "one embedding, six heads, two MLPs"


@pytest.mark.parametrize(
    ("selection", "x"),
    [
        ("block.1.attention.head.2", (1.5, 2.5)),
        ("block.1.attention", (-0.5, 2.5)),
        ("block.1.mlp.neuron.0", (3.5, 4.5)),
        ("norm", (-0.5 + 14 / 3, 6.5)),
    ],
)
def test_the_selected_part_is_outlined(selection: str, x: tuple[float, float]):
    figure = attribution_figure(replace(RESULT, selection=Selection.parse(selection)), theme=DARK)
    mark = figure.layout.shapes[-1]
    assert (mark.x0, mark.x1) == pytest.approx(x)
    assert mark.line.color == DARK.accent2
    assert mark.y1 == (-0.9 if selection == "norm" else 1.5)


def test_the_bars_are_the_strongest_parts_by_size():
    bars = attribution_bars_figure(RESULT).data[0]
    assert len(bars.x) == 12
    assert_array_equal(bars.x[:4], [4, -2, -2, 1])
    assert bars.customdata[0] == "block.1.attention.head.2"
    assert set(bars.customdata[1:3]) == {"block.0.attention.head.1", "block.1.mlp"}
    blue, orange = LIGHT.signed[3][1], LIGHT.signed[1][1]
    assert list(bars.marker.color[:4]) == [blue, orange, orange, blue]
    assert bars.hovertext[0] == "<b>block 1 head 2</b><br>+4.00 logits<br>193.9% of +2.06"


def test_the_neurons_of_the_selected_mlp():
    message = attribution_neurons_figure(RESULT).layout.annotations[0].text
    assert message == "Select an MLP or a neuron to see its neurons."
    selected = replace(RESULT, selection=Selection.parse("block.1.mlp"), neurons=np.array([-3.0, 0, 1, 0]))
    bars = attribution_neurons_figure(selected).data[0]
    assert_array_equal(bars.x[:2], [-3, 1])
    assert list(bars.customdata[:2]) == ["block.1.mlp.neuron.0", "block.1.mlp.neuron.2"]


def test_the_line_adds_up_to_the_sum_of_all_parts():
    figure = attribution_depth_figure(RESULT)
    (line,) = figure.data
    assert_allclose(line.y, [0.25, -0.625, 0.375, 4.5, 3, 3.0625])
    assert line.customdata == ("embedding", "block.0.attention", "block.0.mlp", "block.1.attention", "block.1.mlp",
                               "output")  # fmt: skip
    assert line.hovertext[1] == "after the attention of block 0: −0.62 logits"
    assert figure.layout.shapes[0].y0 == RESULT.logit


def test_the_reading_always_has_sum_logit_and_difference():
    right = replace(RESULT, logit=RESULT.total - 2.5e-7)
    assert attribution_reading(right) == (
        "The parts sum to +3.06, the logit is +3.06: 2.5·10⁻⁷ apart. For ‘·he’, block 1 head 2 adds most (+4.00), "
        "block 0 head 1 takes away most (−2.00). The selected part, block 1 head 2, adds +4.00."
    )
    both = attribution_reading(replace(right, against=Piece(4, "·she"), cap=30.0))
    assert "the logits’ difference before the cap of 30 is +3.06: 2.5·10⁻⁷ apart. For ‘·he’ minus ‘·she’, " in both
    assert "no finite sum" in attribution_reading(replace(RESULT, embedding=np.nan))
    biased = replace(RESULT, norm_bias=9.0, embedding=-9.0)
    assert ", the bias of the final norm adds most (+9.00), the token embedding takes away most" in attribution_reading(
        biased
    )


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ("embedding@1", "the embedding, adds +0.25"),
        ("block.0.attention", "the attention of block 0, adds −0.88"),
        ("block.1.mlp@0~3", "the MLP of block 1, adds −1.50"),
        ("block.1.mlp.neuron.2", "block 1 neuron 2, adds +1.00"),
        ("norm", "the bias of the final norm, adds +0.062"),
        ("output", ""),
    ],
)
def test_the_reading_names_the_selected_part(selection: str, words: str):
    chosen = replace(RESULT, selection=Selection.parse(selection), neurons=np.array([-3.0, 0, 1, 0]))
    reading = attribution_reading(chosen)
    assert f"The selected part, {words}." in reading if words else "selected" not in reading


def test_the_views_share_a_graph_and_no_axis():
    figures = [draw(RESULT) for draw in (attribution_figure, attribution_bars_figure, attribution_depth_figure)]
    assert len({figure.layout.uirevision for figure in figures}) == 3
    assert figures[1].layout.yaxis.range == (11.5, -0.5), "the largest on top"
    low, high = figures[2].layout.yaxis.range
    assert low < min(figures[2].data[0].y) < max(figures[2].data[0].y) < high


def test_what_is_not_finite_is_blank():
    broken = replace(RESULT, embedding=np.nan, heads=np.full((2, 3), np.nan))
    grid, row, _ = attribution_figure(broken).data
    assert np.isnan(np.asarray(grid.z)[:, :3]).all()
    assert np.isnan(np.asarray(row.z)[0, 0])
    for draw in (attribution_bars_figure, attribution_depth_figure):
        assert draw(broken).to_json()


def test_zeros_alone_can_be_drawn():
    flat = replace(BARE, embedding=0.0, heads=np.zeros((2, 3)), tiles=np.zeros((2, 4)), logit=0.0)
    assert np.nanmax(np.abs(attribution_figure(flat).data[0].z)) == 0
    assert attribution_reading(flat).startswith(
        "The parts sum to 0, the logit is 0: 0 apart. For ‘·he’, no part adds to it, "
    )
    assert "%" not in attribution_bars_figure(flat).data[0].hovertext[0]
