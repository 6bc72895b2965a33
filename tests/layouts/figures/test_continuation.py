"""Bars and sentences about the distribution that a token was drawn from, from hand-made results."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.generation.alternatives import Alternative, AlternativesResult
from analysis.generation.continuation import ContinuationResult
from analysis.generation.sampling import Sampling
from analysis.tokens import Piece, Token
from layouts.figures.continuation import (
    continuation_figure,
    continuation_reading,
    settings_words,
    written_hover,
    written_reading,
)
from layouts.theme import DARK, LIGHT

OWN = Alternative(Piece(9, "<b>"), 0.25, 0.4, 2)
TOP = (Alternative(Piece(4, "·the"), 0.5, 0.6, 1), OWN, Alternative(Piece(7, "·extraordinarily"), 0.01, 0.0, 3))
RESULT = AlternativesResult(
    token=Token(9, "<b>", 3, 3, written=True), own=OWN, top=TOP, n_kept=2, n_vocab=300, sampling=Sampling(0.8, 40, 0.9)
)
RARE = replace(
    RESULT, token=Token(8, "·x", 3, 3), own=(rare := Alternative(Piece(8, "·x"), 0.0001, 0.0, 57)), top=(*TOP, rare)
)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_two_bars_for_each_token(theme) -> None:  # type: ignore[no-untyped-def]
    figure = continuation_figure(RESULT, theme=theme)
    before, after = figure.data
    np.testing.assert_allclose(before.x, [0.5, 0.25, 0.01])
    np.testing.assert_allclose(after.x, [0.6, 0.4, 0.0])
    assert (before.name, after.name) == ("before truncation", "after")
    assert before.marker.color != after.marker.color
    assert figure.layout.barmode == "group"
    first, own, last = figure.layout.yaxis.ticktext
    assert (first, last) == ("·the", "·extraordinar…")
    assert own == f'<span style="color:{theme.accent2}"><b>&lt;b&gt;</b></span>'
    assert figure.layout.yaxis.range == (2.5, -0.5)
    assert before.hovertext[1] == "<b>&lt;b&gt;</b> (rank 2)<br>25% before, 40% after truncation"
    assert before.hovertext[2].endswith("1.0% before, cut off by truncation")


def test_a_rare_token_of_the_text_comes_first() -> None:
    figure = continuation_figure(RARE)
    assert "·x" in figure.layout.yaxis.ticktext[0]
    assert figure.layout.yaxis.ticktext[1] == "·the"
    np.testing.assert_allclose(figure.data[0].x, [0.0001, 0.5, 0.25, 0.01])


def test_the_reading_has_rank_and_probability() -> None:
    assert continuation_reading(RESULT) == (
        "‘<b>’ had 25%, rank 2 of 300. With temperature 0.8, top-k 40, top-p 0.9, 2 tokens are kept, and it has 40%."
    )
    assert continuation_reading(RARE).endswith("2 tokens are kept, and it is not among them.")
    assert continuation_reading(RARE).startswith("‘·x’ had <0.1%, rank 57 of 300.")
    every = replace(RESULT, n_kept=300, sampling=Sampling(1.0))
    assert "With temperature 1, all tokens are kept, and it has 40%." in continuation_reading(every)
    greedy = replace(RESULT, own=replace(OWN, after=0.0), sampling=Sampling())
    assert continuation_reading(greedy).endswith("Greedy always takes the first, ‘·the’.")
    assert continuation_reading(replace(RESULT, own=replace(OWN, after=1.0), sampling=Sampling())).endswith(
        "Greedy takes it."
    )


def test_settings_in_words() -> None:
    assert settings_words(Sampling()) == "greedy"
    assert settings_words(Sampling(1.25)) == "temperature 1.25"


@pytest.mark.parametrize(
    ("n", "end", "words"),
    [
        (1, "", "Written: 1 token."),
        (3, "planned", "Written: 3 tokens."),
        (3, "end token", "Written: 3 tokens, up to the end of the text, which the model has written itself."),
        (3, "limit", "Written: 3 tokens, up to the longest text that is read here."),
    ],
)
def test_what_was_written_is_counted(n: int, end: str, words: str) -> None:
    numbers = np.zeros(n)
    result = ContinuationResult(
        (),
        (Piece(1, "a"),) * n,
        numbers,
        numbers,
        np.ones(n, dtype=np.int64),
        Sampling(),
        end,  # type: ignore[arg-type]
    )
    assert written_reading(result) == words
    assert written_hover("·a", 0.031, 1234) == "·a · probability 3.1%, rank 1,234"
