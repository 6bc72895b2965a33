import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from numpy.testing import assert_array_equal

from analysis.attention import AttentionResult
from analysis.tokens import Token
from layouts.figures.attention import attention_figure, attention_heads_figure, attention_label
from layouts.figures.standalone import standalone
from layouts.theme import DARK, LIGHT, THEMES, Theme
from tests.page import gzipped

LABELS = ("Once", "·<b>", "·a", "·a")
GRID = np.float32([[1, 0, 0, 0], [0.75, 0.25, 0, 0], [0.5, 0.3, 0.2, 0], [0.1, 0.2, 0.1, 0.6]])


def result(n_heads: int = 3, **changes: Any) -> AttentionResult:
    tokens = tuple(Token(n + 7, label, n, n) for n, label in enumerate(LABELS))
    heads = np.stack([GRID] * n_heads)
    made = AttentionResult(
        tokens=tokens,
        block=2,
        head=1,
        position=3,
        view="raw",
        grid=GRID,
        heads=heads,
        square=1,
        first_share=0.1,
        strongest=3,
        sharpest=2,
    )
    return replace(made, **changes)


def long(n: int) -> AttentionResult:
    tokens = tuple(Token(n, f"token{n}", n, n) for n in range(n))
    return result(tokens=tokens, grid=np.eye(n, dtype=np.float32), heads=np.eye(n, dtype=np.float32)[None], head=0)


def readable(figure: go.Figure) -> dict[str, Any]:
    """The figure as the browser gets it."""
    return figure.to_plotly_json()


def test_the_heat_map_is_the_result_below_the_diagonal():
    (heat,) = attention_figure(result()).data
    assert heat.type == "heatmap"
    assert heat.z.dtype == np.float32
    for query in range(4):
        for key in range(4):
            if key <= query:
                assert heat.z[query, key] == GRID[query, key]
            else:
                assert np.isnan(heat.z[query, key])
    assert (heat.zmin, heat.zmax, heat.hoverongaps) == (0, 1, False)


def test_a_row_that_is_undefined_is_left_empty():
    grid = GRID.copy()
    grid[0] = np.nan
    (heat,) = attention_figure(result(grid=grid)).data
    assert np.isnan(heat.z[0]).all()
    assert not np.isnan(heat.z[1, :2]).any()


def test_a_cell_selects_its_query_position():
    (heat,) = attention_figure(result()).data
    assert heat.meta["select"] == "@{y}"


def test_every_cell_can_be_named_by_its_query_and_its_key():
    (heat,) = attention_figure(result()).data
    assert heat.meta["words"] == "{y} → {x}: {value} of its attention"
    names = ["Once (0)", "·<b> (1)", f"{result().tokens[2].label} (2)", "·a (3)"]
    assert list(heat.meta["x"]) == list(heat.meta["y"]) == names
    assert "values" not in heat.meta  # they are the cells' own


def test_in_a_notebook_every_cell_has_its_name_escaped():
    (heat,) = standalone([attention_figure(result())], [300], title="", sentences=(), results={}).data
    assert heat.text[3][1] == "·a (3) → ·&lt;b&gt; (1)"
    assert heat.text[1][0] == "·&lt;b&gt; (1) → Once (0)"
    assert heat.hovertemplate == "%{text}<br>%{z:.1%} of its attention<extra></extra>"


def test_query_goes_down_and_key_across_on_numbers():
    layout = attention_figure(result()).layout
    assert layout.yaxis.autorange == "reversed"
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == ("attended token (key)", "attending token (query)")
    for axis in (layout.xaxis, layout.yaxis):
        assert list(axis.tickvals) == [0, 1, 2, 3], "equal labels keep a place each"
        assert list(axis.ticktext) == ["Once", "·&lt;b&gt;", "·a", "·a"]


@pytest.mark.parametrize("n", [24, 25, 64, 256])
def test_labels_thin_out(n: int):
    layout = attention_figure(long(n)).layout
    for axis in (layout.xaxis, layout.yaxis):
        assert len(axis.tickvals) <= 24
        assert len(axis.tickvals) > 10
        assert [axis.ticktext[i] for i in range(len(axis.tickvals))] == [f"token{v}" for v in axis.tickvals]


def test_above_128_tokens_it_is_an_image_of_one_byte_a_cell():
    assert attention_figure(long(128)).data[0].z.dtype == np.float32
    shown = result(tokens=long(129).tokens, grid=np.full((129, 129), 0.25, np.float32), view="rollout")
    (heat,) = attention_figure(shown).data
    assert heat.z.dtype == np.uint8
    assert_array_equal(heat.z, np.where(np.tri(129, dtype=bool), 128, 0))
    assert heat.customdata is heat.text is None
    assert heat.meta["select"] == "@{y}"
    assert heat.meta["words"] == "{y} → {x}: about {value} of the rollout"
    assert heat.meta["x"] == heat.meta["y"] == [f"token{n} ({n})" for n in range(129)]
    assert heat.meta["values"][128] == "25%"
    assert heat.meta["values"][255] == "100%"
    assert heat.colorbar.title.text == "share of rollout (square-root scale)"
    assert list(heat.colorbar.ticktext) == ["0%", "1%", "5%", "20%", "50%", "100%"]


@pytest.mark.long
@pytest.mark.parametrize("spread", [0.1, 0.5, 1.0, 10.0])
def test_whatever_is_attended_to_1024_tokens_and_25_heads_are_small(spread: float):
    """Noise is what compresses least: no head of a model looks like this. 0.1: at few keys; 10: at all alike."""
    shares = np.random.default_rng(0).gamma(spread, size=(1024, 1024)) * np.tri(1024)
    grid = (shares / np.maximum(shares.sum(1, keepdims=True), 1e-9)).astype(np.float32)
    small = grid.reshape(64, 16, 64, 16).max(axis=(1, 3))
    shown = result(
        tokens=long(1024).tokens, grid=grid, heads=np.stack([np.roll(small, n) for n in range(25)]), square=16
    )
    both = (attention_figure(shown), attention_heads_figure(shown))
    assert sum(gzipped(figure.to_json()) for figure in both) <= 500_000


def test_small_multiples_of_a_long_text_have_the_large_pictures_colours():
    heads = np.float32([[[0.25, np.nan], [0.01, 1]]])
    (heat,) = attention_heads_figure(result(heads=heads, square=16)).data
    assert heat.z.tolist() == [[128, 1], [26, 255]]
    assert (heat.zmin, heat.zmax) == (1, 255)
    assert "the largest share in 16 × 16 tokens" in heat.hovertemplate
    assert "each cell" not in attention_heads_figure(result()).data[0].hovertemplate


def test_markup_in_tokens_is_escaped():
    evil = tuple(Token(n, label, n, n) for n, label in enumerate(["<a href='x'>", "<br>", "&lt;", "<script>"]))
    for figure in (attention_figure(result(tokens=evil)), attention_heads_figure(result(tokens=evil))):
        read = json.loads(figure.to_json())
        for trace in read["data"]:
            trace.pop("meta", None)  # Plotly does not read it; the page's script shows it as text
        assert not re.search("<(?!/?b>|br>%|/?extra>)", json.dumps(read))


def test_the_selected_position_has_a_frame():
    (mark,) = attention_figure(result(position=2)).layout.shapes
    assert (mark.x0, mark.x1, mark.y0, mark.y1) == (-0.5, 3.5, 1.5, 2.5)
    assert mark.line.color == LIGHT.accent2


@pytest.mark.parametrize("n_heads", [1, 3, 8, 12, 25])
def test_small_multiples_are_one_byte_images_that_select_their_head(n_heads: int):
    figure = attention_heads_figure(result(n_heads))
    assert len(figure.data) == n_heads
    for head, heat in enumerate(figure.data):
        assert heat.z.dtype == np.uint8
        assert_array_equal(heat.z, np.round(GRID * 255))
        assert (heat.zmin, heat.zmax) == (0, 255)
        assert heat.meta == f"block.2.attention.head.{head}"
        assert str(head) in heat.hovertemplate
    assert [note.text for note in figure.layout.annotations] == [
        f"<b>{head}</b>" if head == 1 else str(head) for head in range(n_heads)
    ]


@pytest.mark.parametrize("n_heads", [1, 3, 8, 12, 25])
def test_small_multiples_do_not_overlap(n_heads: int):
    layout = attention_heads_figure(result(n_heads)).layout
    boxes = []
    for head in range(n_heads):
        suffix = str(head + 1) if head else ""
        x, y = layout[f"xaxis{suffix}"], layout[f"yaxis{suffix}"]
        assert y.autorange == "reversed"
        boxes.append((*x.domain, *y.domain))
    for n, (left, right, bottom, top) in enumerate(boxes):
        assert 0 <= left < right <= 1
        assert 0 <= bottom < top <= 1
        for other_left, other_right, other_bottom, other_top in boxes[n + 1 :]:
            assert right <= other_left or other_right <= left or top <= other_bottom or other_top <= bottom
    for (left, right, bottom, top), frame in zip(boxes, layout.shapes, strict=True):
        assert (frame.x0, frame.x1, frame.y0, frame.y1) == (left, right, bottom, top)


def test_undefined_shares_are_empty_in_small_multiples():
    heads = np.stack([GRID, GRID])
    heads[0, 0] = np.nan
    (first, second) = attention_heads_figure(result(heads=heads)).data
    assert first.z[0].tolist() == [0, 0, 0, 0]
    assert second.z[0].tolist() == [255, 0, 0, 0]


def test_the_selected_head_is_the_only_one_with_an_accent():
    figure = attention_heads_figure(result())
    assert [shape.line.color for shape in figure.layout.shapes] == [LIGHT.line, LIGHT.accent, LIGHT.line]
    none = attention_heads_figure(result(head=None))
    assert {shape.line.color for shape in none.layout.shapes} == {LIGHT.line}
    assert not any("<b>" in note.text for note in none.layout.annotations)


@pytest.mark.parametrize("draw", [attention_figure, attention_heads_figure])
def test_light_and_dark_differ_in_colours_only(draw: Any):
    light, dark = (readable(draw(result(), theme=theme)) for theme in (LIGHT, DARK))

    def without_colours(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: without_colours(v) for k, v in value.items() if "color" not in k or k == "colorbar"}
        return [without_colours(v) for v in value] if isinstance(value, list | tuple) else str(value)

    assert without_colours(light) == without_colours(dark)
    assert light["layout"]["font"]["color"] == LIGHT.text
    assert dark["layout"]["font"]["color"] == DARK.text


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda t: t.name)
def test_the_scale_is_the_themes(theme: Theme):
    (heat,) = attention_figure(result(), theme=theme).data
    assert [list(stop) for stop in heat.colorscale] == theme.probabilities
    assert heat.colorbar.title.text == "share of attention"
    assert heat.colorbar.tickformat == ".0%"


@pytest.mark.parametrize(
    ("view", "whole", "unit"),
    [
        ("raw", "of its attention", "share of attention"),
        ("rollout", "of the rollout", "share of rollout"),
    ],
)
def test_a_rollout_is_not_called_attention(view: str, whole: str, unit: str):
    (heat,) = attention_figure(result(view=view)).data
    assert heat.hovertemplate == f"%{{z:.1%}} {whole}<extra></extra>"
    assert heat.colorbar.title.text == unit


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"block": 2, "head": 1}, "block 2, head 1"),
        ({"block": 2, "head": None}, "block 2, mean of all heads"),
        ({"block": 2, "head": None, "view": "rollout"}, "rollout up to block 2"),
    ],
)
def test_the_label_names_the_heads(changes: dict[str, Any], place: str):
    assert attention_label(result(**changes)) == place


def test_long_labels_are_cut_beside_the_picture_only():
    figure = attention_figure(result(tokens=(Token(0, "<" + "x" * 20, 0, 0), *result().tokens[1:])))
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        assert axis.ticktext[0] == "&lt;" + "x" * 12 + "…"
    assert figure.data[0].meta["y"][0] == "<" + "x" * 20 + " (0)"
