"""Own numbers in scene and overview: a scale that fits their sign, grey where there is none, and the sentence."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.numerics.own_numbers import OwnNumbers
from layouts.figures.architecture import HEADS, TILES, architecture_changes, architecture_reading
from layouts.figures.own_numbers import own_scale
from layouts.figures.scene_colors import diverging, visible
from layouts.figures.shade import contrast, no_number
from layouts.theme import DARK, LIGHT, Theme
from tests.layouts.figures.test_architecture import RESULT
from tests.layouts.figures.test_scene_colors import shares

NAN = float("nan")
THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)


def of_heads(heads: list[list[float]]) -> Any:
    values = np.array(heads, dtype=np.float32)
    own = OwnNumbers("head", int(np.isfinite(values).sum()), values.size, values, None, None)
    return replace(RESULT, color_by="own", heads=values, tiles=None, own=own)


def of_neurons(tiles: list[list[float]]) -> Any:
    values, none = np.array(tiles, dtype=np.float32), np.full((2, 2), np.nan, dtype=np.float32)
    own = OwnNumbers("neuron", 3, 12, none, values, np.where(np.isnan(values), -1, np.arange(6)))
    return replace(RESULT, color_by="own", heads=none, tiles=values, own=own)


@pytest.mark.parametrize(
    ("numbers", "where"),
    [
        ([[0.5, 0.75], [1, 0.5]], [0, 0.5, 1, 0]),
        ([[0, 1], [4, 2]], [0, 0.25, 1, 0.5]),
        ([[-1, -2], [-5, -3]], [0, 0.25, 1, 0.5]),
        ([[-1, 0], [2, 4]], [0.375, 0.5, 0.75, 1]),
        ([[7, 7], [7, 7]], [1, 1, 1, 1]),
        ([[0, 0], [0, 0]], [0, 0, 0, 0]),
    ],
    ids=["positive", "from zero", "negative", "both signs", "all equal", "all zero"],
)
@THEMES
def test_the_scale_fits_the_sign(theme: Theme, numbers: Any, where: list[float]) -> None:
    heads = architecture_changes(of_heads(numbers), theme=theme)[0][HEADS]
    assert shares(heads) == pytest.approx(where, abs=1e-3)
    both = np.min(numbers) < 0 < np.max(numbers)
    assert heads["colorscale"] == (diverging(theme) if both else visible(theme.norms, theme))
    bar = heads["colorbar"]
    assert bar["title"]["text"] == "your own numbers"
    low, high = np.min(numbers), np.max(numbers)
    for place, label in zip(bar["tickvals"], bar["ticktext"], strict=True):
        value, share = float(label.replace("−", "-")), place / heads["cmax"]
        if both:
            assert 2 * share - 1 == pytest.approx(value / 4)
        elif low < high:
            first, last = (high, low) if high <= 0 else (low, high)
            assert share == pytest.approx((value - first) / (last - first))
    assert len(bar["tickvals"]) >= (3 if low < high else 1)


@THEMES
def test_a_part_without_a_number_is_grey_and_not_zero(theme: Theme) -> None:
    heads = architecture_changes(of_heads([[-1, 0], [NAN, 1]]), theme=theme)[0][HEADS]
    assert shares(heads) == pytest.approx([0.06, 0.53, 0, 1], abs=1e-3)
    assert [color for _, color in heads["colorscale"][:2]] == [no_number(theme)] * 2
    assert contrast(no_number(theme), diverging(theme)[2][1]) > 2
    assert "grey: no number" in heads["colorbar"]["title"]["text"]
    assert heads["meta"] == {"values": [-1, 0, "no number", 1], "unit": "(your numbers)"}


def test_numbers_of_neurons_colour_the_tiles_and_leave_the_heads_grey() -> None:
    result = of_neurons([[0, NAN, NAN, NAN, NAN, NAN], [NAN, 3, NAN, NAN, -3, NAN]])
    changes, _ = architecture_changes(result)
    assert set(shares(changes[HEADS])) == {0}
    assert shares(changes[TILES])[[0, 1, 7, 10]] == pytest.approx([0.53, 0, 1, 0.06], abs=1e-3)
    assert "strongest neuron" in changes[TILES]["meta"]["unit"]


@pytest.mark.parametrize("ends", [(0, 1), (-3, 5), (1e-30, 3e-30), (-3e38, 3e38), (99.5, 100.5), (-7, -2e-5)])
def test_ticks_are_a_few_round_numbers_within_the_scale(ends: tuple[float, float]) -> None:
    scale = own_scale([np.array(ends, dtype=np.float32)])
    ticks = scale.ticks()
    assert 3 <= len(ticks) <= 7
    room = 1e-5 * (scale.high - scale.low)
    assert ((ticks >= scale.low - room) & (ticks <= scale.high + room)).all()
    steps = np.diff(ticks)
    assert steps == pytest.approx(steps[0])
    assert f"{steps[0]:.0e}"[0] in "125"


def test_the_sentence_names_the_strongest_and_counts_the_numbers() -> None:
    assert architecture_reading(of_heads([[-1.5, 0], [NAN, 1]]), "·fox") == (
        "Your own numbers: the strongest is at block 0 head 0 (−1.5); 3 of 4 heads have one."
    )
    one = architecture_reading(of_heads([[NAN, 0], [NAN, NAN]]), "·fox")
    assert one.endswith("block 0 head 1 (0); 1 of 4 heads has one.")
    neurons = architecture_reading(of_neurons([[NAN] * 6, [NAN, 3, NAN, NAN, -3.25, NAN]]), "·fox")
    assert neurons == "Your own numbers: the strongest is at block 1 neuron 4 (−3.25); 3 of 12 neurons have one."
