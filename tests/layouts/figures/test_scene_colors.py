"""Colours of the 3D scene: lightness is the value, every box stands out from the page, and light does not lie."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from analysis.architecture import ColorBy
from analysis.selection import Selection
from layouts.figures.architecture import ENDS, HEADS, STREAM, TILES, architecture_changes
from layouts.figures.scene import AZIMUTH, ELEVATION
from layouts.figures.scene_colors import LIGHTING, visible
from layouts.theme import DARK, LIGHT, Theme
from tests.layouts.figures.test_architecture import RESULT

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
KIND = replace(RESULT, color_by="kind", heads=None, tiles=None)


def shares(boxes: Any) -> Any:
    """Where boxes are on the colour scale, 0 to 1; fails unless the vertices of a box have one colour."""
    vertices = ((boxes["intensity"] - boxes["cmin"]) / (boxes["cmax"] - boxes["cmin"])).reshape(-1, 8)
    assert (vertices == vertices[:, :1]).all()
    return vertices[:, 0]


def rgb(color: str) -> Any:
    return np.array([int(color[n : n + 2], 16) for n in (1, 3, 5)])


def luminance(channels: Any) -> float:
    """WCAG 2.1's relative luminance."""
    share = np.asarray(channels) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: Any, other: Any) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def light(view: Any, across: float) -> Any:
    """The shares of light on a box's sides (x, y, z) that are seen from this direction, by Plotly's shader.

    across: width of the picture by its height. Plotly's light is given in the picture's own coordinates: to the right,
    up, and away, where the depth of 1000 units has a length of 2. Tried with white boxes.
    """
    away = -np.asarray(view, dtype=float)
    right = np.cross(away, [0, 0, 1]) / np.linalg.norm(np.cross(away, [0, 0, 1]))
    up = np.cross(right, away)
    at = LIGHTING["lightposition"]
    direction = at["x"] * across * right + at["y"] * up + at["z"] * 500 * away
    outward = np.sign(view)[:, None] * np.eye(3)
    turned = np.maximum(0, outward @ direction / np.linalg.norm(direction))
    return np.minimum(1, LIGHTING["lighting"]["ambient"] + LIGHTING["lighting"]["diffuse"] * turned)


def test_a_side_of_every_box_shows_the_colour_bars_colour() -> None:
    numbers = np.random.default_rng(0)
    for across in (0.8, 1.3, 2):
        for view in numbers.normal(size=(300, 3)):
            assert light(view / np.linalg.norm(view), across).max() > 0.99


def test_the_opening_view_shows_the_front_of_the_walls_as_it_is_and_their_sides_darker() -> None:
    view = [-np.sin(AZIMUTH) * np.cos(ELEVATION), -np.cos(AZIMUTH) * np.cos(ELEVATION), np.sin(ELEVATION)]
    for across in (1, 1.5, 2):
        front, side, _ = light(np.array(view), across)
        assert front > 0.99
        assert side < 0.9


@THEMES
@pytest.mark.parametrize("color_by", get_args(ColorBy))
def test_every_box_stands_out_from_the_page_on_all_sides(theme: Theme, color_by: str) -> None:
    result = replace(KIND if color_by == "kind" else RESULT, color_by=color_by)
    changes, _ = architecture_changes(result if color_by == "norm" else replace(result, tiles=None), theme=theme)
    darkest = LIGHTING["lighting"]["ambient"]
    drawn = [color for index in (HEADS, TILES) for _, color in changes[index]["colorscale"]]
    for color in [*drawn, changes[ENDS]["color"], changes[STREAM]["color"]]:
        for share in (darkest, 1):
            assert contrast(share * rgb(color), rgb(theme.page)) >= 1.6


@THEMES
def test_scales_keep_their_upper_end_and_their_order(theme: Theme) -> None:
    for scale in (theme.norms, theme.probabilities):
        kept = visible(scale, theme)
        assert (kept[0][0], kept[-1]) == (0, [1, scale[-1][1]])
        lights = [luminance(rgb(color)) for _, color in kept]
        assert lights == sorted(lights, reverse=theme is LIGHT)


def test_colours_are_square_roots_of_norms_whatever_is_selected() -> None:
    heads = architecture_changes(RESULT)[0][HEADS]
    assert shares(heads) == pytest.approx([0, 0.5, 1, 0.25], abs=1e-3)
    for selection in ("output@3", "embedding", "block.0.mlp", "block.1.attention.head.1"):
        other = architecture_changes(replace(RESULT, selection=Selection.parse(selection)))[0][HEADS]
        assert np.array_equal(other["intensity"], heads["intensity"])
        assert other["colorscale"] == heads["colorscale"]


@THEMES
def test_signed_numbers_have_zero_in_the_middle_and_keep_the_ends_of_the_scale(theme: Theme) -> None:
    heads = np.array([[0, 1], [-4, 0.25]], dtype=np.float32)
    tiles = np.array([[-1, 0, 2, 0, 0, 0]] * 2, dtype=np.float32)
    changes, _ = architecture_changes(replace(RESULT, color_by="attribution", heads=heads, tiles=tiles), theme=theme)
    assert shares(changes[HEADS]) == pytest.approx([0.5, 0.75, 0, 0.625], abs=1e-3)
    assert shares(changes[TILES])[:3] == pytest.approx([0.25, 0.5, 0.5 + np.sqrt(0.5) / 2], abs=1e-3)
    scale = changes[HEADS]["colorscale"]
    assert scale == changes[TILES]["colorscale"]
    assert [color for stop, color in scale if stop != 0.5] == [color for stop, color in theme.signed if stop != 0.5]
    bar = changes[HEADS]["colorbar"]
    assert list(bar["ticktext"]) == ["−2", "−0.2", "0", "0.2", "2"]
    for place, label in zip(bar["tickvals"], bar["ticktext"], strict=True):
        value = float(label.replace("−", "-")) / 4
        assert 2 * place / changes[HEADS]["cmax"] - 1 == pytest.approx(np.sign(value) * np.sqrt(abs(value)))


def test_head_scores_have_the_whole_range_as_scale() -> None:
    heads = np.array([[0, 1], [0.5, np.nan]], dtype=np.float32)
    share = replace(RESULT, color_by="induction", heads=heads, tiles=None)
    changes, _ = architecture_changes(share)
    bar = changes[HEADS]["colorbar"]
    assert list(bar["ticktext"]) == ["0%", "20%", "40%", "60%", "80%", "100%"]
    assert "grey: not finite" in bar["title"]["text"]
    assert shares(changes[HEADS]) == pytest.approx([0.06, 1, 0.53, 0], abs=1e-3)
    signed = replace(RESULT, color_by="copying", heads=np.array([[-1, 1], [0.5, 0]], dtype=np.float32), tiles=None)
    changes, _ = architecture_changes(signed)
    assert shares(changes[HEADS]) == pytest.approx([0, 1, 0.75, 0.5], abs=1e-3)
    assert list(changes[HEADS]["colorbar"]["ticktext"]) == ["−1", "−0.5", "0", "0.5", "1"]


def test_heads_and_tiles_have_one_scale_and_the_boxes_carry_its_bar() -> None:
    changes, _ = architecture_changes(RESULT)
    heads, tiles = changes[HEADS], changes[TILES]
    assert (heads["colorscale"], heads["cmin"], heads["cmax"]) == (tiles["colorscale"], tiles["cmin"], tiles["cmax"])
    bar = heads["colorbar"]
    assert heads["showscale"]
    for place, label in zip(bar["tickvals"], bar["ticktext"], strict=True):
        assert place / heads["cmax"] == pytest.approx(np.sqrt(float(label) / 4))
    assert "L2 norm" in bar["title"]["text"]


@pytest.mark.parametrize("color_by", ["entropy", "first"])
def test_tiles_without_a_number_have_one_neutral_colour(color_by: str) -> None:
    result = replace(RESULT, color_by=color_by, tiles=None, heads=RESULT.heads / 4)
    changes, _ = architecture_changes(result)
    assert len({color for _, color in changes[TILES]["colorscale"]}) == 1
    assert changes[TILES]["meta"]["values"] == []
    assert shares(changes[HEADS]) == pytest.approx([0, 0.25, 1, 1 / 16], abs=1e-3), "no square roots"


@THEMES
def test_kinds_have_colours_of_their_own_and_a_legend_with_their_names(theme: Theme) -> None:
    changes, _ = architecture_changes(KIND, theme=theme)
    scale, bar = changes[HEADS]["colorscale"], changes[HEADS]["colorbar"]
    assert list(bar["ticktext"]) == ["attention heads", "MLP neurons", "residual stream"]

    def color_at(share: float) -> str:
        """In a scale of steps, the colour on both sides of a place."""
        below = [color for stop, color in scale if stop <= share][-1]
        above = next(color for stop, color in scale if stop >= share)
        assert below == above
        return str(below)

    named = [color_at(tick / changes[HEADS]["cmax"]) for tick in bar["tickvals"]]
    drawn = [color_at(set(shares(changes[index])).pop()) for index in (HEADS, TILES)]
    assert named == [*drawn, changes[STREAM]["color"]]
    assert len(set(named)) == 3


def test_zeros_alone_still_have_a_colour_scale() -> None:
    flat = replace(RESULT, heads=np.zeros((2, 2), np.float32), tiles=np.zeros((2, 6), np.float32))
    assert set(shares(architecture_changes(flat)[0][HEADS])) == {0}
