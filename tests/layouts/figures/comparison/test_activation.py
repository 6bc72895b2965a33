"""Figures of the activations of A minus those of B, from hand-made results."""

from dataclasses import replace

import numpy as np
import pytest

from layouts.figures.activation import activation_figure, activation_neuron_figure, activation_neurons_figure
from layouts.figures.comparison.activation import activation_difference_reading
from layouts.figures.shade import neutral
from layouts.theme import THEMES, Theme
from tests.layouts.figures.test_activation import RESULT as PLAIN

NONE = np.nan
RESULT = replace(
    PLAIN,
    stream=np.float32([[0, 0, 0], [0.5, -2, 1], [NONE, NONE, NONE], [0, 1, 2]]),
    values=np.float32([0.5, -1.25, NONE, 0]),
    compared=np.array([True, True, False, True]),
)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES.keys())
def test_bars_are_coloured_by_sign_and_what_is_missing_is_grey(theme: Theme):
    figure = activation_neuron_figure(RESULT, theme=theme)
    (bars,) = figure.data
    blue, orange = theme.signed[3][1], theme.signed[1][1]
    assert [*bars.marker.color][:2] == [blue, orange]
    assert bars.hovertext[2].endswith("no counterpart in B")
    assert bars.hovertext[3].endswith("+0")
    grey, selected = figure.layout.shapes
    assert (grey.x0, grey.x1, grey.fillcolor) == (1.5, 2.5, neutral(theme))
    assert selected.x0 == 0.5
    assert figure.layout.title.text == "A − B: Neuron 7 at each token · grey: no counterpart in B"
    assert [*activation_neurons_figure(RESULT, theme=theme).data[0].marker.color] == [blue, orange, blue]
    unchosen = activation_neurons_figure(replace(RESULT, chosen=False)).layout.title.text
    assert unchosen.startswith("A − B: Largest differences of neurons of block 1 at ")


def test_adjacent_tokens_are_one_grey_area():
    figure = activation_neuron_figure(replace(RESULT, compared=np.array([False, False, True, False])))
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes[:2]] == [(-0.5, 1.5), (2.5, 3.5)]


def test_lines_are_of_differences_and_name_what_is_missing():
    figure = activation_figure(RESULT)
    assert figure.layout.title.text == "A − B: stream’s length (L2 norm) · no line: no counterpart in B"
    assert figure.layout.yaxis.type != "log"
    assert "A − B: %{y:+.3g}" in figure.data[0].hovertemplate
    np.testing.assert_array_equal(figure.data[1].y[:3], RESULT.stream[1])
    assert len(figure.layout.shapes) == 1
    fewer_blocks = replace(RESULT, stream=np.where(np.arange(3) == 2, np.float32(NONE), RESULT.stream))
    grey = activation_figure(fewer_blocks).layout.shapes[1]
    assert (grey.x0, grey.x1) == (1, 2)


def test_the_sentence():
    assert activation_difference_reading(RESULT) == (
        "The length of the vector of ‘·fox’ differs most after block 0 (L2 norm −2, A − B); neuron 7 differs by −1.25 "
        "here, and neuron 812 of block 1 differs most (+2.31)."
    )
    unchosen = activation_difference_reading(replace(RESULT, chosen=False, quantity="mean"))
    assert unchosen.startswith("The mean of the vector of ‘·fox’ differs most after block 0 (−2, A − B); neuron 812")
    missing = activation_difference_reading(replace(RESULT, position=2))
    assert missing == "B has no counterpart of ‘<b>’. Select another token to compare its activations."
    equal = replace(RESULT, stream=0 * RESULT.stream, values=0 * RESULT.values, listed_values=np.zeros(3))
    assert activation_difference_reading(equal) == "A and B are equal here: every difference is 0."
    same = activation_difference_reading(replace(RESULT, stream=0 * RESULT.stream, strongest_value=0.0))
    assert "the same norm in A and in B at every depth; no neuron of the block differs here." in same
    assert "not finite in A or in B" in activation_difference_reading(replace(RESULT, stream=NONE * RESULT.stream))
    assert activation_difference_reading(replace(RESULT, values=None, listed_values=None)).endswith(
        "(L2 norm −2, A − B)."
    )
