"""The strip's colours, tooltips and readings, from hand-made results."""

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.strip import StripResult
from analysis.tokens import Token
from layouts.figures.shade import contrast
from layouts.figures.strip import (
    MOST_BITS,
    strip_arcs,
    strip_attention_reading,
    strip_colors,
    strip_hover,
    strip_legend,
    strip_reading,
)
from layouts.theme import DARK, LIGHT, Theme


def result(*bits: float) -> StripResult:
    labels = ["The", "·fox", "<b>", "·met"][: len(bits)]
    surprisal = np.array(bits, dtype=np.float32)
    return StripResult(
        tokens=tuple(Token(10 + n, label, n, n) for n, label in enumerate(labels)),
        surprisal=surprisal,
        probabilities=np.exp2(-surprisal),
        ranks=np.array([0, 2, 1500, 1])[: len(bits)],
        n_vocab=4096,
    )


RESULT = result(np.nan, 3.0, 14.0, 0.5)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_text_can_be_read_on_every_colour(theme: Theme) -> None:
    bits = np.linspace(0, MOST_BITS + 3, 400, dtype=np.float32)
    pairs = strip_colors(replace(result(np.nan), surprisal=bits), theme=theme)
    assert len({background for background, _ in pairs}) > 100
    assert min(contrast(*pair) for pair in pairs) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_colours_follow_the_scale(theme: Theme) -> None:
    pairs = strip_colors(result(np.nan, 0.0, MOST_BITS, MOST_BITS / 2), theme=theme)
    scale = [color.upper() for _, color in theme.probabilities]
    assert [background for background, _ in pairs] == ["transparent", scale[0], scale[-1], scale[len(scale) // 2]]
    assert pairs[0][1] == theme.text
    assert contrast(theme.text, theme.surface) >= 4.5


def test_values_above_the_scale_have_its_last_colour() -> None:
    assert strip_colors(result(np.nan, 99.0))[1] == strip_colors(result(np.nan, float(MOST_BITS)))[1]


def test_the_legend_is_the_scale() -> None:
    assert strip_legend(theme=DARK) == (DARK.probabilities, "0", "12 bits or more")


def test_tooltips() -> None:
    assert strip_hover(RESULT, 0) == "The · position 0 · token id 10 · no surprisal, since nothing comes before it"
    assert (
        strip_hover(RESULT, 1)
        == "·fox · position 1 · token id 11 · surprisal 3.0 bits · probability 12%, rank 2 of 4,096"
    )
    assert "surprisal 14.0 bits · probability <0.1%, rank 1,500 of 4,096" in strip_hover(RESULT, 2)


def test_readings() -> None:
    assert strip_reading(RESULT, 1) == (
        "The model gave ‘·fox’ 12% (rank 2 of 4,096, surprisal 3.0 bits). "
        "The text’s average is 5.8 bits; most surprising is ‘<b>’ (14.0 bits)."
    )
    assert strip_reading(RESULT, 2) == (
        "The model gave ‘<b>’ <0.1% (rank 1,500 of 4,096, surprisal 14.0 bits). "
        "The text’s average is 5.8 bits; no token is more surprising."
    )
    assert strip_reading(RESULT, 0).startswith(
        "‘The’ has no surprisal, since nothing comes before it. The text’s average"
    )
    assert "only token" in strip_reading(result(np.nan), 0)


def test_arcs_are_the_weights_from_two_percent_on() -> None:
    weights = np.array([0.61234, 0.0199, 0.02, 0.0, 0.34776], dtype=np.float32)
    assert json.loads(strip_arcs(weights)) == [[0, 0.612], [2, 0.02], [4, 0.348]]
    assert strip_arcs(None) == ""
    assert len(strip_arcs(np.full(1024, 1 / 50, dtype=np.float32)[:50])) < 800


def test_the_first_tokens_share_is_said() -> None:
    assert strip_attention_reading(np.array([0.612, 0.388])) == "Arcs: attention, 61% of it on the first token. "
    assert "only to itself" in strip_attention_reading(np.array([1.0]))
    assert strip_attention_reading(None) == ""
