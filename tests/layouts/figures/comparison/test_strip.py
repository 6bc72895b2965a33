"""The token strip for A − B: its colours and words, from numbers made by hand."""

import numpy as np
import pytest

from analysis.comparison.strip import StripDifference
from analysis.tokens import Token
from layouts.figures.comparison.strip import (
    strip_difference_colors,
    strip_difference_hover,
    strip_difference_legend,
    strip_difference_reading,
)
from layouts.theme import LIGHT

TOKENS = tuple(Token(n, label, n, n) for n, label in enumerate(["a", "·fox", "·met", "·me"]))
NAN = float("nan")


def result(b: list[float]) -> StripDifference:
    there = tuple(None if n == 2 else token for n, token in enumerate(TOKENS))
    return StripDifference(TOKENS, there, np.array([NAN, 5, 3, 2], np.float32), np.array(b, np.float32))


def test_colours_are_zero_in_the_middle_and_missing_ones_have_none():
    colors = strip_difference_colors(result([NAN, 2, NAN, 2]), theme=LIGHT)
    assert colors[0] == colors[2] == ("transparent", LIGHT.text)
    assert colors[3][0] == LIGHT.signed[2][1]  # zero
    assert colors[1][0] == LIGHT.signed[3][1]  # three of six bits
    assert strip_difference_legend(theme=LIGHT)[0] == LIGHT.signed


def test_a_tooltip_names_both_tokens_and_their_numbers():
    shown = result([NAN, 2, NAN, 2])
    words = strip_difference_hover(shown, 1)
    assert "5.0 bits in A, 2.0 bits in B: A − B is +3.00 bits" in words
    assert "no counterpart in B" in strip_difference_hover(shown, 2)
    assert "no surprisal" in strip_difference_hover(shown, 0)


@pytest.mark.parametrize(
    ("position", "words"), [(1, "is 5.0 bits in A and 2.0"), (2, "B has no counterpart of ‘·met’"), (0, "no surprisal")]
)
def test_the_reading_is_about_the_selected_token_and_the_largest_difference(position: int, words: str):
    reading = strip_difference_reading(result([NAN, 2, NAN, 2]), position)
    assert words in reading
    assert "+3.00 bits (A − B), is at ‘·fox’" in reading


def test_equal_texts_are_called_equal():
    assert "every difference of surprisal is 0" in strip_difference_reading(result([NAN, 5, NAN, 2]), 1)
    assert "No token" in strip_difference_reading(result([NAN] * 4), 1)
