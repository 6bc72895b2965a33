"""Figures of attributions, from hand-made results."""

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from numpy.testing import assert_array_equal

from analysis.saliency import SaliencyResult
from analysis.tokens import Piece, Token
from layouts.figures.saliency import (
    saliency_depth_figure,
    saliency_figure,
    saliency_shades,
)
from layouts.figures.shade import contrast
from layouts.theme import DARK, LIGHT, THEMES, Theme

LABELS = ("The", "·<b>", "·wolf", "·a", "·a")
DEPTH = np.float32([[0.5, -0.25, 2, 0, 0], [0.125, 0, 4, 0, 0]])
RESULT = SaliencyResult(
    tokens=tuple(Token(n + 7, label, n, n) for n, label in enumerate(LABELS)),
    position=2,
    target=Piece(40, "·ate"),
    against=None,
    chosen=True,
    method="integrated",
    baseline="mean",
    attributions=np.float32([0.5, -0.25, 2, 0, 0]),
    depth=None,
    value=3.25,
    base=0.75,
    gradients=32,
    smallest=0.125,
    certificates=np.array([0.02]),
    path=np.array([[0, 0.25, 1], [0.75, 4, 3.25]]),
    precision="float32",
)
DEEP = replace(RESULT, method="depth", depth=DEPTH, certificates=np.array([0.02, 0.1]))
NORMS = replace(
    RESULT,
    method="gradient_norm",
    attributions=np.float32([0.5, 0.25, 2, 0, 0]),
    depth=np.abs(DEPTH),
    certificates=None,
    path=None,
)
DOUBTFUL = replace(RESULT, certificates=np.array([0.15]))  # of 2.5 logits
EACH = pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)


def with_values(*values: float, **changes: Any) -> SaliencyResult:
    """As many tokens as values; the last is explained."""
    return replace(
        RESULT,
        tokens=RESULT.tokens[: len(values)],
        position=len(values) - 1,
        attributions=np.float32(values),
        **changes,
    )


def colors_of_bars(result: SaliencyResult, theme: Theme = LIGHT) -> list[str]:
    return list(saliency_figure(result, theme=theme).data[0].marker.color)


def long(n: int) -> SaliencyResult:
    tokens = tuple(Token(n, f"token{n}", n, n) for n in range(n))
    return replace(
        DEEP,
        tokens=tokens,
        position=n - 1,
        attributions=np.ones(n, np.float32),
        depth=np.ones((48, n), np.float32),
        certificates=np.zeros(48),
    )


# A bar a token.


def test_one_bar_per_token_that_selects_its_position() -> None:
    (bars,) = saliency_figure(RESULT).data
    assert bars.type == "bar"
    assert_array_equal(bars.x, range(5))
    assert_array_equal(bars.y, RESULT.attributions)
    assert bars.y.dtype == np.float32
    assert list(bars.customdata) == ["@0", "@1", "@2", "@3", "@4"]
    assert saliency_figure(RESULT).layout.hovermode == "x"


@EACH
def test_colours_have_zero_in_their_middle(theme: Theme) -> None:
    low, _, middle, quite_high, high = (color for _, color in theme.signed)
    assert colors_of_bars(with_values(-3, 0, 3), theme) == [low, middle, high]
    assert colors_of_bars(with_values(-3, 0, 1.5), theme) == [low, middle, quite_high], "one scale for both sides"


def test_values_without_a_sign_have_a_sequential_scale_from_zero() -> None:
    first, _, _, middle, _, _, last = (color for _, color in LIGHT.probabilities)
    assert colors_of_bars(with_values(0, 1, 2, method="gradient_norm")) == [first, middle, last]
    (heat,) = saliency_depth_figure(NORMS, theme=DARK).data
    assert (heat.zmin, heat.zmax) == (0, 4)
    assert [list(stop) for stop in heat.colorscale] == DARK.probabilities


def test_zeros_alone_still_have_a_range() -> None:
    middle = LIGHT.signed[2][1]
    assert colors_of_bars(with_values(0, 0)) == [middle, middle]


def test_the_explained_position_is_marked() -> None:
    (band,) = saliency_figure(RESULT).layout.shapes
    assert (band.x0, band.x1, band.fillcolor, band.layer) == (1.5, 2.5, LIGHT.accent2, "below")
    assert (band.y0, band.y1, band.yref) == (0, 1, "paper")
    (mark,) = saliency_depth_figure(DEEP).layout.shapes
    assert (mark.x0, mark.x1, mark.fillcolor, mark.yref) == (1.5, 2.5, LIGHT.accent2, "paper")
    assert 1 < mark.y0 < mark.y1, "no cell is covered"


@pytest.mark.parametrize(
    ("result", "position", "text"),
    [
        (RESULT, 0, "<b>The</b> (0)<br>+0.50 logits<br>20.0% of F(x) − F(x′)"),
        (RESULT, 1, "<b>·&lt;b&gt;</b> (1)<br>−0.25 logits<br>−10.0% of F(x) − F(x′)"),
        (RESULT, 3, "<b>·a</b> (3)<br>after the explained position: exactly 0"),
        (replace(RESULT, value=0.75, certificates=np.zeros(1)), 0, "<b>The</b> (0)<br>+0.50 logits"),
        (replace(RESULT, method="occlusion"), 1, "<b>·&lt;b&gt;</b> (1)<br>−0.25 logits"),
        (NORMS, 1, "<b>·&lt;b&gt;</b> (1)<br>0.25 logits per unit of length"),
    ],
)
def test_hovers(result: SaliencyResult, position: int, text: str) -> None:
    assert saliency_figure(result).data[0].hovertext[position] == text


@pytest.mark.parametrize(
    ("method", "caption"),
    [
        ("integrated", "Each token’s attribution (logits)"),
        ("depth", "Each token’s attribution (logits)"),
        ("input_gradient", "Each token’s input × gradient (logits)"),
        ("gradient_norm", "Each token’s gradient norm (logits per unit of length)"),
        ("occlusion", "Each token’s drop when left out (logits)"),
    ],
)
def test_the_caption_says_quantity_and_unit(method: str, caption: str) -> None:
    result = replace(DEEP, method=method)
    assert saliency_figure(result).layout.title.text == caption
    bar = saliency_depth_figure(result).data[0].colorbar.title.text
    assert caption == f"Each token’s {bar}"


@pytest.mark.parametrize("n", [1, 24, 25, 256])
@pytest.mark.parametrize("draw", [saliency_figure, saliency_depth_figure])
def test_labels_thin_out_on_numbers(draw: Any, n: int) -> None:
    axis = draw(long(n)).layout.xaxis
    assert min(n, 11) <= len(axis.tickvals) <= 24
    assert [f"token{v}" for v in axis.tickvals] == list(axis.ticktext)
    assert tuple(axis.range) == (-0.5, n - 0.5)


def test_thin_bars_have_no_outline() -> None:
    assert saliency_figure(long(64)).data[0].marker.line.width == 1
    assert saliency_figure(long(65)).data[0].marker.line.width == 0


@EACH
def test_doubtful_attributions_are_hatched_without_colours(theme: Theme) -> None:
    (bars,) = saliency_figure(DOUBTFUL, theme=theme).data
    assert (bars.marker.color, bars.marker.pattern.shape) == (theme.surface, "/")
    assert saliency_figure(RESULT).data[0].marker.pattern.shape is None
    assert saliency_figure(DOUBTFUL).layout.title.text == "Each token’s attribution (logits): not certain"
    assert bars.hovertext[0] == "<b>The</b> (0)<br>not certain"
    assert saliency_shades(DOUBTFUL, theme=theme) == [("transparent", theme.quiet)] * 5


# Blocks × tokens.


def test_doubtful_rows_are_grey() -> None:
    figure = saliency_depth_figure(replace(DEEP, certificates=np.array([0.02, 0.15])))
    (heat,) = figure.data
    assert_array_equal(heat.z[0], DEPTH[0])
    assert np.isnan(heat.z[1]).all()
    _, row = figure.layout.shapes
    assert (row.x0, row.x1, row.y0, row.y1, row.fillcolor, row.layer) == (-0.5, 4.5, 0.5, 1.5, LIGHT.line, "below")


@EACH
def test_blocks_by_tokens(theme: Theme) -> None:
    figure = saliency_depth_figure(DEEP, theme=theme)
    (heat,) = figure.data
    assert heat.type == "heatmap"
    assert_array_equal(heat.z, DEPTH)
    assert heat.z.dtype == np.float32
    assert (heat.zmin, heat.zmax) == (-4, 4)
    assert [list(stop) for stop in heat.colorscale] == theme.signed
    assert heat.colorbar.title.text == "attribution (logits)"
    assert figure.layout.yaxis.title.text == "block"
    assert tuple(figure.layout.yaxis.range) == (-0.5, 1.5), "block 0 is at the bottom"
    assert tuple(figure.layout.yaxis.tickvals) == (0, 1)


def test_a_cell_selects_attention_and_position() -> None:
    (heat,) = saliency_depth_figure(DEEP).data
    assert [list(row) for row in heat.customdata] == [[f"block.{b}.attention@{p}" for p in range(5)] for b in (0, 1)]


def test_above_128_tokens_blocks_by_tokens_are_an_image() -> None:
    assert saliency_depth_figure(long(128)).data[0].z.dtype == np.float32
    given = long(129)
    given.depth[:2, 0] = (-4, np.nan)
    (heat,) = saliency_depth_figure(given).data
    assert heat.z.dtype == np.uint8
    assert heat.z[:3, :2].tolist() == [[1, 191], [0, 191], [191, 191]]
    assert heat.meta["select"] == "block.{y}.attention@{x}"
    assert heat.meta["words"] == "{x} at the input of {y}: about {value} logits"
    assert (heat.meta["x"][5], heat.meta["y"][47]) == ("token5 (5)", "block 47")
    assert (heat.meta["values"][1], heat.meta["values"][128], heat.meta["values"][255]) == ("−4.00", "0", "+4.00")
    norms = replace(given, method="gradient_norm", depth=np.full((48, 129), 2, np.float32))
    (heat,) = saliency_depth_figure(norms).data
    assert (heat.z == 255).all()
    assert heat.meta["values"][255] == "2.00"


def test_a_cell_says_where_it_is() -> None:
    (heat,) = saliency_depth_figure(DEEP).data
    assert heat.text[1][2] == "<b>·wolf</b> (2)<br>at the input of block 1<br>+4.00 logits<br>160.0% of F(x) − F(x′)"
    assert heat.text[1][4].endswith("at the input of block 1<br>after the explained position: exactly 0")


def test_rows_not_computed_yet_are_blank() -> None:
    depth = DEPTH.copy()
    depth[1] = np.nan
    (heat,) = saliency_depth_figure(replace(DEEP, depth=depth, certificates=np.array([0.02, np.nan]))).data
    assert np.isnan(heat.z[1]).all()
    assert (heat.zmin, heat.zmax, heat.hoverongaps) == (-2, 2, False)
    (none,) = saliency_depth_figure(replace(DEEP, depth=np.full((2, 5), np.nan, np.float32))).data
    assert (none.zmin, none.zmax) == (-1, 1)


def test_many_blocks_are_numbered_sparsely() -> None:
    ticks = saliency_depth_figure(long(5)).layout.yaxis.tickvals
    assert (len(ticks), ticks[:2]) == (12, (0, 4))


@pytest.mark.parametrize("draw", [saliency_figure, saliency_depth_figure])
def test_markup_in_tokens_is_escaped(draw: Any) -> None:
    evil = tuple(Token(n, label, n, n) for n, label in enumerate(["<a href='x'>", "<br>", "&lt;", "<script>", "<i>"]))
    figure: go.Figure = draw(replace(DEEP, tokens=evil))
    assert not re.search(
        "<(?!/?b>|br>(at|[+−]|after|[0-9])|/?extra>)", json.dumps(json.loads(figure.to_json()), ensure_ascii=False)
    )


@pytest.mark.parametrize("draw", [saliency_figure, saliency_depth_figure])
def test_light_and_dark_differ_in_colours_only(draw: Any) -> None:
    def without_colours(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: without_colours(v) for k, v in value.items() if "color" not in k or k == "colorbar"}
        return [without_colours(v) for v in value] if isinstance(value, list | tuple) else str(value)

    light, dark = (draw(DEEP, theme=theme).to_plotly_json() for theme in (LIGHT, DARK))
    assert without_colours(light) == without_colours(dark)
    assert (light["layout"]["font"]["color"], dark["layout"]["font"]["color"]) == (LIGHT.text, DARK.text)


# Shades.


@EACH
def test_shades_can_be_read(theme: Theme) -> None:
    result = replace(long(200), attributions=np.linspace(-3, 2, 200, dtype=np.float32))
    for made in (result, replace(result, method="gradient_norm", attributions=np.abs(result.attributions))):
        pairs = saliency_shades(made, theme=theme)
        assert len({background for background, _ in pairs}) > 60
        assert min(contrast(*pair) for pair in pairs) >= 4.5


@EACH
def test_shades_follow_the_scale(theme: Theme) -> None:
    low, _, middle, _, high = (color.upper() for _, color in theme.signed)
    assert [background for background, _ in saliency_shades(with_values(-2, 0, 2), theme=theme)] == [low, middle, high]
    assert saliency_shades(with_values(0, 0, 0), theme=theme)[0][0] == middle
    norms = [background for background, _ in saliency_shades(NORMS, theme=theme)]
    assert norms[2] == theme.probabilities[-1][1].upper()


@EACH
def test_later_tokens_are_not_shaded(theme: Theme) -> None:
    assert saliency_shades(RESULT, theme=theme)[3:] == [("transparent", theme.quiet)] * 2
    assert contrast(theme.quiet, theme.surface) >= 4.5
