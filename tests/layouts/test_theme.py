import re
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

import dashboard
from layouts.theme import DARK, LIGHT, MONOSPACE, THEMES, Theme, axis, base_layout, color_bar, token_axis

TOKENS = ("page", "surface", "line", "text", "quiet", "accent", "accent2")
SCALES = ("probabilities", "norms", "signed")
EACH = pytest.mark.parametrize("theme", THEMES.values(), ids=lambda t: t.name)


def css_variables(name: str) -> dict[str, str]:
    """The variables of the block whose selector names the theme."""
    css = (Path(dashboard.__file__).parent / "assets" / "theme.css").read_text()
    (block,) = re.findall(rf'\[data-bs-theme="?{name}"?\][^{{]*{{([^}}]*--page[^}}]*)}}', css)
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", block))


def luminance(color: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lightness(color: str) -> float:
    """CIE L*, 0 to 100."""
    y = luminance(color)
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def test_contrast_is_measured_as_wcag_does():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.01)


@EACH
def test_the_page_and_the_figures_have_the_same_colours(theme: Theme):
    css = css_variables(theme.name)
    assert {token: css[token].upper() for token in TOKENS} == {token: getattr(theme, token).upper() for token in TOKENS}


@EACH
@pytest.mark.parametrize("ground", ["page", "surface"])
@pytest.mark.parametrize("ink", ["text", "quiet", "accent", "accent2"])
def test_text_is_readable(theme: Theme, ground: str, ink: str):
    assert contrast(getattr(theme, ink), getattr(theme, ground)) >= 4.5


@EACH
def test_text_on_the_accent_is_readable(theme: Theme):
    assert contrast(css_variables(theme.name)["on-accent"], theme.accent) >= 4.5


@EACH
@pytest.mark.parametrize("name", SCALES)
def test_a_scale_goes_from_nought_to_one_in_hexadecimal_colours(theme: Theme, name: str):
    stops = getattr(theme, name)
    assert [stop for stop, _ in stops] == pytest.approx(np.linspace(0, 1, len(stops)))
    assert all(re.fullmatch("#[0-9A-Fa-f]{6}", color) for _, color in stops)


@EACH
@pytest.mark.parametrize("name", ["probabilities", "norms"])
def test_a_sequential_scale_is_even_in_lightness(theme: Theme, name: str):
    """Lightness alone tells the order, so it does for colour-blind people and in print; nothing is there at 0."""
    steps = np.diff([lightness(color) for _, color in getattr(theme, name)])
    assert (steps > 0).all() or (steps < 0).all()
    assert np.abs(steps).max() < 3 * np.abs(steps).min()
    high = getattr(theme, name)[-1][1]
    assert contrast(high, theme.surface) >= 3


@EACH
def test_a_probability_of_zero_has_the_colour_of_the_surface(theme: Theme):
    assert theme.probabilities[0][1] == theme.surface


@EACH
def test_the_signed_scale_has_zero_in_its_middle(theme: Theme):
    colors = [color for _, color in theme.signed]
    assert len(colors) % 2 == 1
    middle = colors[len(colors) // 2]
    assert contrast(middle, theme.surface) < 1.3, "zero is near the ground"
    for end in (colors[0], colors[-1]):
        assert contrast(end, theme.surface) >= 3
    red, _, blue = ([int(color[i : i + 2], 16) for color in (colors[0], colors[-1])] for i in (1, 3, 5))
    assert red[0] > red[1]
    assert blue[0] < blue[1], "orange below zero, blue above"


def test_there_are_two_themes():
    assert THEMES == {"light": LIGHT, "dark": DARK}
    assert LIGHT != DARK


def test_given_properties_override_the_shared_layout():
    layout = base_layout(DARK, showlegend=True, xaxis={"visible": False})
    assert layout["showlegend"] is True
    assert layout["xaxis"] == {"visible": False}
    assert layout["font"]["color"] == DARK.text
    assert layout["uirevision"] == "kept"
    assert len(go.Figure(layout=layout).to_json()) < 1500, "Plotly's own template is part of the figure"
    assert axis(LIGHT, fixedrange=False)["fixedrange"] is False
    assert color_bar(LIGHT, "bits", thickness=3) | {"title": 0} == color_bar(LIGHT, "", thickness=3) | {"title": 0}


@pytest.mark.parametrize(("n", "most", "step"), [(1, 24, 1), (24, 24, 1), (25, 24, 2), (64, 24, 3), (256, 24, 11)])
def test_a_token_axis_thins_its_labels(n: int, most: int, step: int):
    ticks = token_axis(LIGHT, [f"t{i}" for i in range(n)], most=most, title="key")
    assert ticks["tickvals"] == list(range(0, n, step))
    assert ticks["ticktext"] == [f"t{i}" for i in range(0, n, step)]
    assert ticks["tickfont"]["family"] == MONOSPACE
    assert ticks["title"]["text"] == "key"
