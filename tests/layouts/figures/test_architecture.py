"""The 3D scene, from a hand-made result."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from analysis.architecture import ArchitectureResult, architecture_without_values
from analysis.model_info import ModelInfo
from analysis.selection import GRAMMAR, Selection
from layouts.figures.architecture import (
    ENDS,
    FRAME,
    HEADS,
    LINE,
    MARK,
    STREAM,
    TILES,
    architecture_changes,
    architecture_figure,
    architecture_reading,
)
from layouts.figures.scene import make_scene
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


def without_values(info: ModelInfo) -> ArchitectureResult:
    return architecture_without_values(info, Selection.parse("block.0.attention.head.0"))


def seen(figure: go.Figure, points: Any) -> Any:
    """Where points of a scene are in its opening view: (points, 2), to the right and up, in units of half its height.

    As Plotly draws it: each axis is as long as `aspectratio` says, and its middle is in the picture's.
    """
    scene = figure.layout.scene
    low, high = np.array([scene[f"{axis}axis"].range for axis in "xyz"]).T
    scale = np.array([scene.aspectratio[axis] for axis in "xyz"]) / (high - low)
    placed = (np.asarray(points) - (low + high) / 2) * scale
    eye, center = (np.array([scene.camera[name][axis] for axis in "xyz"]) for name in ("eye", "center"))
    ahead = (center - eye) / np.linalg.norm(center - eye)
    right = np.cross(ahead, [0, 0, 1]) / np.linalg.norm(np.cross(ahead, [0, 0, 1]))
    return (placed - center) @ np.stack([right, np.cross(right, ahead)], axis=1)


def test_each_box_holds_its_selection() -> None:
    figure = architecture_figure(RESULT)
    meta = figure.data[TILES].meta
    tiles = [
        meta["select"].format(block=box // meta["per_block"], neuron=neuron)
        for box, neuron in enumerate(figure.data[TILES].customdata)
    ]
    shown = {TILES: tiles} | {index: figure.data[index].customdata for index in (HEADS, ENDS)}
    texts = {
        HEADS: [f"block.{b}.attention.head.{h}" for b in range(2) for h in range(2)],
        TILES: [f"block.{b}.mlp.neuron.{k}" for b in range(2) for k in range(6)],
        ENDS: ["embedding", "norm", "output"],
    }
    for index, expected in texts.items():
        assert list(shown[index]) == expected
        assert len(figure.data[index].x) == 8 * len(expected)
        assert [str(Selection.parse(text)) for text in expected] == expected
    assert [len(figure.data[index].intensity) for index in (HEADS, TILES)] == [8 * 4, 8 * 12]


def test_the_streams_segments_name_their_norms_and_select_their_blocks() -> None:
    stream = architecture_figure(RESULT).data[STREAM]
    assert list(stream.customdata) == ["embedding", "block.0", "block.1"]
    assert all(re.fullmatch(GRAMMAR.replace("(?<", "(?P<"), text) for text in stream.customdata)
    assert list(stream.hovertext) == [
        "Residual stream before block 0",
        "Residual stream after block 0",
        "Residual stream after block 1",
    ]
    assert stream.meta == {"values": [1, 2, 3], "unit": "(L2 norm)"}
    assert len(stream.x) == 8 * 3


def test_the_stream_widens_with_its_norm_and_never_reaches_the_walls() -> None:
    scene = make_scene(INFO)

    def heights(norms: Any) -> Any:
        result = replace(RESULT, residual_norms=None if norms is None else np.array(norms, dtype=np.float32))
        z = np.asarray(architecture_changes(result)[0][STREAM]["z"]).reshape(-1, 8)
        assert z.max(axis=1) == pytest.approx(-z.min(axis=1))
        assert z.max() < scene.free
        return z.max(axis=1)

    least, quarter, most = heights([0, 0.25, 1])
    assert least > 0
    assert quarter == pytest.approx((least + most) / 2, abs=1e-3), "the square root"
    assert heights([0, 250, 1000]) == pytest.approx([least, quarter, most])
    assert heights([0, 0, 0]) == pytest.approx([least] * 3)
    assert heights(None) == pytest.approx([least] * 3)


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


def test_all_axes_are_equally_long_and_scaled() -> None:
    """Or the light would fall on other sides than it should; and all texts are inside, or Plotly removes them."""
    figure = architecture_figure(RESULT)
    ranges = [figure.layout.scene[f"{axis}axis"].range for axis in "xyz"]
    sizes = [high - low for low, high in ranges]
    assert sizes == pytest.approx([sizes[0]] * 3, rel=0.005)
    for axis, (low, high) in zip("xyz", ranges, strict=True):
        part = np.concatenate([np.asarray(trace[axis], dtype=float) for trace in figure.data])
        texts = [text[axis] for text in figure.layout.scene.annotations]
        ends = min(np.nanmin(part), *texts), max(np.nanmax(part), *texts)
        assert ends == pytest.approx((low, high)), "as far as Plotly counts, the data fill the axes"
    assert len({figure.layout.scene.aspectratio[axis] for axis in "xyz"}) == 1
    assert {figure.data[LINE].type, figure.data[LINE].mode} == {"scatter3d", "lines"}
    for text in figure.layout.scene.annotations:
        for axis, (low, high) in zip("xyz", ranges, strict=True):
            assert low <= text[axis] <= high


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
    induction = replace(first, color_by="induction")
    assert architecture_reading(induction, "·fox") == (
        "On random tokens, repeated once, block 0 head 1 has the highest induction score (50%); 1 of 4 heads has 40% "
        "or more."
    )
    copying = replace(first, color_by="copying", heads=np.array([[-0.5, 0.5], [0.25, np.nan]], dtype=np.float32))
    assert architecture_reading(copying, "·fox") == (
        "By the weights alone, block 0 head 1 has the highest copying score (+0.50), and block 0 head 0 the lowest "
        "(−0.50)."
    )
    none = replace(copying, heads=np.full((2, 2), np.nan, dtype=np.float32))
    assert "no scores" in architecture_reading(none, "·fox")
    kind = replace(RESULT, color_by="kind", heads=None, tiles=None)
    assert architecture_reading(kind, "·fox") == (
        "2 blocks, each with 2 attention heads (above the residual stream) and 6 MLP neurons (below it, 1 per tile)."
    )
    small = replace(kind, info=replace(INFO, n_blocks=1, n_heads=1), residual_norms=None)
    assert architecture_reading(small, "") == (
        "1 block, each with 1 attention head (above the residual stream) and 6 MLP neurons (below it, 1 per tile). "
        "No values are shown: the weights are not in memory."
    )
