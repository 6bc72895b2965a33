"""The 3D scene, from a hand-made result."""

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from analysis.architecture import ArchitectureResult
from analysis.model_info import ModelInfo
from analysis.selection import Selection
from analysis.tokens import Piece
from layouts.figures.architecture import (
    BAR,
    ENDS,
    FRAME,
    HEADS,
    MARK,
    TILES,
    architecture_changes,
    architecture_figure,
    architecture_reading,
)
from layouts.theme import DARK, LIGHT

INFO = ModelInfo("GPT-2", 2, 2, 8, 4, 6, 10, 16, 100, "f")
RESULT = ArchitectureResult(
    info=INFO,
    selection=Selection.parse("block.1.attention.head.0@3"),
    color_by="norm",
    heads=np.array([[0, 1], [4, 0.25]], dtype=np.float32),
    tiles=np.array([[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 2]], dtype=np.float32),
    strongest=np.array([[0, 1, 2, 3, 4, 5]] * 2),
    residual_norms=np.array([1, 2, 3], dtype=np.float32),
)
PREDICTIONS = [(Piece(4, "<b>"), 0.5), (Piece(5, "·a"), 0.025)]


def test_each_box_holds_its_selection() -> None:
    figure = architecture_figure(RESULT)
    meta = figure.data[TILES].meta
    tiles = [
        meta["select"].format(block=box // meta["per_block"], neuron=neuron)
        for box, neuron in enumerate(figure.data[TILES].customdata)
    ]
    shown = {HEADS: figure.data[HEADS].customdata, TILES: tiles, ENDS: figure.data[ENDS].customdata}
    texts = {
        HEADS: [f"block.{b}.attention.head.{h}" for b in range(2) for h in range(2)],
        TILES: [f"block.{b}.mlp.neuron.{k}" for b in range(2) for k in range(6)],
        ENDS: ["embedding", "norm", "output"],
    }
    for index, expected in texts.items():
        assert list(shown[index]) == expected
        assert len(figure.data[index].x) == 8 * len(expected) == len(figure.data[index].intensity)
        assert [str(Selection.parse(text)) for text in expected] == expected


def shares(boxes: Any) -> Any:
    """Where the vertices of boxes are on the colour scale, 0 to 1."""
    return (boxes["intensity"] - boxes["cmin"]) / (boxes["cmax"] - boxes["cmin"])


def test_colours_are_square_roots_of_norms_and_faded_in_other_blocks() -> None:
    heads = architecture_changes(RESULT)[0][HEADS]
    first_vertices = shares(heads).reshape(4, 8)
    assert (first_vertices == first_vertices[:, :1]).all()
    expected = [0, 0.49 * 0.5, 0.51 + 0.49, 0.51 + 0.49 * 0.25]
    assert first_vertices[:, 0] == pytest.approx(expected, abs=1e-3)
    assert heads["meta"]["values"] == [0, 1, 4, 0.25]


def test_without_a_block_nothing_is_faded() -> None:
    changes, _ = architecture_changes(replace(RESULT, selection=Selection.parse("output@3")))
    assert shares(changes[HEADS]).min() >= 0.5
    assert changes[FRAME]["x"] == []
    assert None in changes[MARK]["x"]


def test_the_colour_bar_tells_the_values_of_its_colours() -> None:
    bar = architecture_changes(RESULT)[0][BAR]["marker"]["colorbar"]
    for place, label in zip(bar["tickvals"], bar["ticktext"], strict=True):
        assert place == pytest.approx(np.sqrt(float(label) / 4))
    assert "L2 norm" in bar["title"]["text"]


@pytest.mark.parametrize("color_by", ["entropy", "first"])
def test_tiles_without_a_number_have_one_neutral_colour(color_by: str) -> None:
    result = replace(RESULT, color_by=color_by, tiles=None, heads=RESULT.heads / 4)
    tiles = architecture_changes(result)[0][TILES]
    assert len({color for at, color in tiles["colorscale"] if at > 0.5}) == 1
    assert tiles["meta"]["values"] == []
    heads = shares(architecture_changes(result)[0][HEADS]).reshape(4, 8)[:, 0]
    assert heads[2] == pytest.approx(1.0)
    assert heads[3] == pytest.approx(0.51 + 0.49 / 16, abs=1e-3), "shares and bits are not square-rooted"


def test_kind_has_two_colours_and_no_bar() -> None:
    changes, _ = architecture_changes(replace(RESULT, color_by="kind", heads=None, tiles=None))
    assert changes[BAR]["marker"]["showscale"] is False
    assert changes[HEADS]["colorscale"] != changes[TILES]["colorscale"]


@pytest.mark.parametrize(
    ("selection", "height"),
    [
        ("block.0.attention.head.1", "above"),
        ("block.0.attention", "above"),
        ("block.1.mlp.neuron.5", "below"),
        ("block.1.mlp", "below"),
    ],
)
def test_the_mark_is_where_the_selected_part_is(selection: str, height: str) -> None:
    changes, _ = architecture_changes(replace(RESULT, selection=Selection.parse(selection)))
    z = [value for value in changes[MARK]["z"] if value is not None]
    assert min(z) > 0 if height == "above" else max(z) < 0
    frame = changes[FRAME]["x"]
    mark = changes[MARK]["x"]
    assert np.mean([v for v in mark if v is not None]) == pytest.approx(
        np.mean([v for v in frame if v is not None]), abs=0.1
    )


def test_predictions_are_written_and_escaped() -> None:
    first, *names = architecture_figure(RESULT, predictions=PREDICTIONS).layout.scene.annotations
    assert first.text == "&lt;b&gt;\u00a050%<br>·a\u00a0\u00a02.5%"
    assert [name.text for name in names] == ["embedding", "norm", "output", "block 0", "1"]


def test_only_the_boxes_can_be_picked_and_the_view_is_kept() -> None:
    figure = architecture_figure(RESULT)
    assert all(trace.hoverinfo == "skip" for trace in figure.data if trace.type != "mesh3d")
    assert figure.layout.uirevision == architecture_figure(replace(RESULT, color_by="first")).layout.uirevision


def test_both_themes_differ_in_colours_only() -> None:
    light, dark = (architecture_figure(RESULT, theme=theme) for theme in (LIGHT, DARK))
    assert light.data[HEADS].colorscale != dark.data[HEADS].colorscale
    assert np.array_equal(light.data[HEADS].x, dark.data[HEADS].x)
    assert isinstance(light, go.Figure)


def test_the_reading_names_the_largest() -> None:
    assert architecture_reading(RESULT, "·fox") == (
        "At ‘·fox’, block 1 head 0 adds the longest vector of all heads (L2 norm 4) and block 1 neuron 5 that of all "
        "MLP tiles (2); the residual stream’s length goes from 1 to 3."
    )
    wide = replace(RESULT, info=replace(INFO, n_neurons=130), tiles=np.array([[0, 2], [1, 1]], dtype=np.float32))
    assert "block 0 neurons 3–5 that of all MLP tiles" in architecture_reading(wide, "·fox")


def test_the_readings_of_attention_and_of_kinds() -> None:
    bits = replace(RESULT, color_by="entropy", tiles=None)
    assert architecture_reading(bits, "·fox") == "At ‘·fox’, block 1 head 0 spreads its attention most (4 bits)."
    first = replace(RESULT, color_by="first", heads=np.array([[0, 0.5], [0.25, 0.25]], dtype=np.float32), tiles=None)
    assert architecture_reading(first, "·fox") == (
        "At ‘·fox’, the heads put 25% of their attention on the first token on average; "
        "block 0 head 1 puts the most there (50%)."
    )
    kind = replace(RESULT, color_by="kind", heads=None, tiles=None)
    assert architecture_reading(kind, "·fox") == (
        "2 blocks, each with 2 attention heads (above the line) and 6 MLP neurons (below the line, 1 per tile)."
    )
    small = replace(kind, info=replace(INFO, n_blocks=1, n_heads=1), residual_norms=None)
    assert architecture_reading(small, "") == (
        "1 block, each with 1 attention head (above the line) and 6 MLP neurons (below the line, 1 per tile). "
        "No values are shown: the weights are not in memory."
    )


def test_zeros_alone_still_have_a_colour_scale() -> None:
    flat = replace(RESULT, heads=np.zeros((2, 2), np.float32), tiles=np.zeros((2, 6), np.float32))
    assert set(shares(architecture_changes(flat)[0][HEADS])) == {0, 0.51}
