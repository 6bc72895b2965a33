"""Readings of attributions, from hand-made results."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.saliency import SaliencyResult
from analysis.tokens import Piece
from layouts.figures.saliency import saliency_legend, saliency_reading, saliency_words
from layouts.figures.text import signed
from layouts.theme import DARK
from tests.layouts.figures.test_saliency import DOUBTFUL, NORMS, RESULT, with_values

SHE = Piece(41, "·she")


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (
            RESULT,
            "‘·wolf’ (position 2) pushes ‘·ate’ up most (+2.00 of +2.50 logits); "
            "‘·<b>’ (position 1) pushes it down most (−0.25).",
        ),
        (
            replace(RESULT, against=SHE, method="input_gradient"),
            "‘·wolf’ (position 2) pushes ‘·ate’ minus ‘·she’ up most (+2.00 logits); "
            "‘·<b>’ (position 1) pushes it down most (−0.25).",
        ),
        (
            with_values(0.5, 0.004, value=1.0, base=0.5),
            "‘The’ (position 0) pushes ‘·ate’ up most (+0.50 of +0.50 logits); no token pushes it down.",
        ),
        (
            with_values(-3, 0.5, value=0.0, base=2.5),
            "‘·<b>’ (position 1) pushes ‘·ate’ up most (+0.50 of −2.50 logits); "
            "‘The’ (position 0) pushes it down most (−3.00).",
        ),
        (
            with_values(-0.5, -0.25, value=0.0),
            "No token pushes ‘·ate’ up; ‘The’ (position 0) pushes it down most (−0.50 of −0.75 logits).",
        ),
        (
            replace(RESULT, certificates=np.array([0.15])),
            "The attributions for ‘·ate’ are too uncertain to name a token.",
        ),
        (with_values(0, 0), "No token moves the logit of ‘·ate’: every attribution is 0."),
        (with_values(0.0021), "‘The’ (position 0) is the only token here; its attribution for ‘·ate’ is +0.0021 "
         "logits."),
        (
            replace(RESULT, position=0),
            "‘The’ (position 0) is the only token here; its attribution for ‘·ate’ is +0.50 logits.",
        ),
        (
            NORMS,
            "The logit of ‘·ate’ is most sensitive to ‘·wolf’ (position 2), 2.00 logits per unit of length, and "
            "least sensitive to ‘·<b>’ (position 1) (0.25).",
        ),
        (with_values(0, 0, method="gradient_norm"), "No token moves the logit of ‘·ate’: every gradient norm is 0."),
        (
            replace(RESULT, method="occlusion"),
            "Leaving out ‘·wolf’ (position 2) lowers the logit of ‘·ate’ most (by 2.00); "
            "leaving out ‘·<b>’ (position 1) raises it most (by 0.25).",
        ),
        (
            with_values(0.5, 0, method="occlusion", against=SHE),
            "Leaving out ‘The’ (position 0) lowers the logit of ‘·ate’ minus ‘·she’ most (by 0.50); "
            "no token raises it when left out.",
        ),
        (
            with_values(-0.5, 0, method="occlusion"),
            "No token lowers the logit of ‘·ate’ when left out; leaving out ‘The’ (position 0) raises it most "
            "(by 0.50).",
        ),
    ],
)  # fmt: skip
def test_the_reading(result: SaliencyResult, sentence: str) -> None:
    assert saliency_reading(result) == sentence


@pytest.mark.parametrize(
    ("value", "words"), [(2.306, "+2.31"), (-0.1, "−0.10"), (0.0213, "+0.021"), (-0.0, "0"), (120, "+120.00")]
)
def test_a_number_has_sensible_digits(value: float, words: str) -> None:
    assert signed(value) == words


def test_the_legend_has_zero_in_the_middle_or_at_its_low_end() -> None:
    assert saliency_legend(RESULT, theme=DARK) == (DARK.signed, "against −2.00", "+2.00 logits for")
    grey = [[0, DARK.line], [1, DARK.line]]
    assert saliency_legend(DOUBTFUL, theme=DARK) == (grey, "attributions", "not certain")
    scale, low, high = saliency_legend(NORMS, theme=DARK)
    assert (scale, low) == (DARK.probabilities, "gradient norm 0")
    assert high.startswith("2.00 ")


def test_words_of_one_token() -> None:
    assert saliency_words(RESULT, 1) == "attribution −0.25 logits"
    assert saliency_words(RESULT, 3) == "after the explained position"
    assert saliency_words(DOUBTFUL, 1) == "attribution not certain"
