"""The lens of A and B: texts of cells, the colour scale and the sentence, of made-up readings."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.comparison.logit_lens import (
    LensDifference,
    compute_lens_cells_difference,
    compute_logit_lens_difference,
)
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from layouts.figures.comparison.logit_lens import (
    logit_lens_difference_depth_figure,
    logit_lens_difference_figure,
    logit_lens_difference_reading,
)
from tests.comparing import A, B, compared


@pytest.fixture(name="result")
def a_result(tiny_gpt2: LanguageModel) -> LensDifference:
    comparison = compared(tiny_gpt2, A, B)
    cells = compute_lens_cells_difference(comparison, tiny_gpt2, tiny_gpt2)
    selection = Selection.parse("block.1.mlp")
    return compute_logit_lens_difference(comparison, tiny_gpt2, tiny_gpt2, cells, selection, position=3, pins=(7,))


def with_divergences(result: LensDifference, values: Any) -> LensDifference:
    return replace(result, cells=replace(result.cells, divergences=np.float32(values)))


def test_the_scale_is_that_of_what_is_read_after_blocks(result: LensDifference):
    values = np.zeros((4, 5))
    values[0, 1], values[2, 1] = 40, 4
    bar = logit_lens_difference_figure(with_divergences(result, values)).data[0]
    assert (bar.zmin, bar.zmax, bar.z[2, 1]) == (0, 1, 1)
    assert bar.z[0, 1] > 1
    assert bar.colorbar.ticktext[-1] == "≥4.00"
    values[0, 1] = 4
    assert logit_lens_difference_figure(with_divergences(result, values)).data[0].colorbar.ticktext[-1] == "4.00"


def test_narrow_cells_have_a_mark_or_nothing(result: LensDifference):
    differs = result.cells.tops != result.cells.other_tops
    assert differs.any()
    for width, mark in ((1000, "|"), (200, "≠")):
        (heat,) = logit_lens_difference_figure(result, width=width).data
        assert [[mark in text for text in row] for row in heat.text] == differs.tolist()
    (heat,) = logit_lens_difference_figure(result, width=100).data
    assert {text for row in heat.text for text in row} == {""}


def test_the_sentence_says_from_where_on_they_differ(result: LensDifference):
    values = np.zeros((4, 5))
    values[2:, 3] = 0.25, 0.5
    words = logit_lens_difference_reading(with_divergences(result, values))
    assert "They differ after block 1 and not before, most at the model’s output (0.50 bits)." in words
    assert "KL(A‖B) is 0.25 bits" in words
    values[:, 3] = 0
    values[0, 0] = 1
    words = logit_lens_difference_reading(with_divergences(result, values))
    assert words.endswith("At this token, A and B are equal at every depth that both have.")


def test_ranks_are_drawn_with_1_at_the_top(result: LensDifference):
    figure = logit_lens_difference_depth_figure(result, quantity="rank")
    low, high = figure.layout.yaxis.range
    assert low > high
    np.testing.assert_array_equal([line.y for line in figure.data], result.ranks[:, :, 0])
    assert "rank" in figure.data[1].hovertext[0]
