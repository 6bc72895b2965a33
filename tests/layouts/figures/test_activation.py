"""Figures of activations, from hand-made results."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.activation import ActivationResult
from analysis.tokens import Token
from layouts.figures.activation import (
    activation_figure,
    activation_neuron_figure,
    activation_neurons_figure,
    activation_reading,
)
from layouts.theme import DARK, LIGHT

LABELS = ["The", "·fox", "<b>", "·fox"]
STREAM = np.array([[2, 300, 400], [3, 10, 41], [2.5, 9, 50], [3, 12, 38]], dtype=np.float32)
NO_BLOCK = ActivationResult(
    tokens=tuple(Token(n, label, n, n) for n, label in enumerate(LABELS)),
    block=None,
    position=1,
    quantity="norm",
    listing="strongest",
    stream=STREAM,
)
RESULT = replace(
    NO_BLOCK,
    block=1,
    chosen=True,
    neuron=7,
    values=np.array([0.5, -1.25, 0, 2], dtype=np.float32),
    strongest=812,
    strongest_value=2.31,
    listed=np.array([812, 7, 30]),
    listed_values=np.array([2.31, -1.25, 0.125], dtype=np.float32),
)


def test_one_line_per_token_with_gaps_between() -> None:
    every, selected = activation_figure(RESULT).data
    assert len(every.y) == 4 * 4
    lines = np.asarray(every.y).reshape(4, 4)
    np.testing.assert_array_equal(lines[:, :3], STREAM)
    assert np.isnan(lines[:, 3]).all()
    assert every.y.dtype == np.float32
    np.testing.assert_array_equal(np.asarray(every.x).reshape(4, 4)[:, :3], [[0, 1, 2]] * 4)
    assert list(every.customdata) == [f"@{position}" for position in range(4) for _ in range(4)]
    np.testing.assert_array_equal(selected.y[:3], STREAM[1])
    assert set(selected.customdata) == {"@1"}


def test_of_many_tokens_some_lines_are_drawn_and_the_selected_one() -> None:
    tokens = tuple(Token(n, "a", n, n) for n in range(300))
    figure = activation_figure(replace(RESULT, tokens=tokens, stream=np.ones((300, 3), np.float32), position=7))
    others, selected = figure.data
    assert [*dict.fromkeys(others.customdata)] == [f"@{n}" for n in range(0, 300, 3)]
    assert set(selected.customdata) == {"@7"}
    assert figure.layout.title.text.endswith(" · 1 in 3 tokens shown")
    assert "tokens shown" not in activation_figure(RESULT).layout.title.text


def test_the_selected_position_is_emphasised() -> None:
    others, selected = activation_figure(RESULT, theme=DARK).data
    assert selected.line.color == DARK.accent2
    assert selected.line.width > others.line.width
    assert others.opacity < 0.5


def test_markup_in_tokens_is_escaped() -> None:
    lines = activation_figure(RESULT).data[0]
    assert lines.text[8] == "<b>&lt;b&gt;</b> (2)"
    bars = activation_neuron_figure(RESULT).data[0]
    assert bars.hovertext[2] == "<b>&lt;b&gt;</b> (2)<br>+0"
    here = replace(RESULT, position=2, chosen=False)
    assert activation_neurons_figure(here).layout.title.text.endswith("at &lt;b&gt;")
    assert "&lt;b&gt;" in activation_neuron_figure(here).layout.title.text


def test_long_labels_are_cut_before_they_are_escaped() -> None:
    tokens = (Token(0, "<" * 20, 0, 0), *RESULT.tokens[1:])
    ticks = activation_neuron_figure(replace(RESULT, tokens=tokens)).layout.xaxis.ticktext
    assert ticks[0] == "&lt;" * 7 + "…"


def test_the_axis_is_logarithmic_where_norms_span_more_than_ten_and_says_so() -> None:
    layout = activation_figure(RESULT).layout
    assert layout.yaxis.type == "log"
    assert "log scale" in layout.title.text
    assert {2, 5, 10, 20, 50, 100, 200}.issubset(layout.yaxis.tickvals)


def test_only_powers_of_ten_where_the_span_is_huge() -> None:
    layout = activation_figure(replace(RESULT, stream=STREAM * [1, 1, 100])).layout
    assert layout.yaxis.tickvals == (1, 10, 100, 1000, 10000, 100000)


@pytest.mark.parametrize("stream", [np.tile([10, 41, 90], (4, 1)), np.zeros((4, 3)), STREAM * [0, 1, 1]])
def test_else_it_is_linear(stream: np.ndarray) -> None:
    layout = activation_figure(replace(RESULT, stream=stream)).layout
    assert layout.yaxis.type is None
    assert "log" not in layout.title.text


def test_the_caption_of_the_mean() -> None:
    layout = activation_figure(replace(RESULT, quantity="mean")).layout
    assert layout.yaxis.type is None
    assert layout.title.text == "Mean over dimensions (removed by LayerNorm, not by RMSNorm)"


def test_the_selected_block_is_marked_between_its_ends() -> None:
    (band,) = activation_figure(RESULT).layout.shapes
    assert (band.x0, band.x1) == (1, 2)
    assert band.fillcolor == LIGHT.accent
    assert activation_figure(RESULT).layout.xaxis.tickvals == (0.5, 1.5)
    assert activation_figure(RESULT).layout.xaxis.ticktext == ("0", "1")


def test_a_part_outside_the_blocks_is_marked_on_the_line() -> None:
    figure = activation_figure(NO_BLOCK, edge=2)
    assert not figure.layout.shapes
    mark = figure.data[2]
    assert (list(mark.x), mark.y.tolist()) == ([2], [41])


def test_many_blocks_are_numbered_sparsely() -> None:
    axis = activation_figure(replace(RESULT, stream=np.ones((4, 49)))).layout.xaxis
    assert len(axis.tickvals) <= 13
    assert axis.ticktext[1] == str(int(axis.tickvals[1]))


def test_one_neuron_at_each_token() -> None:
    figure = activation_neuron_figure(RESULT)
    (bars,) = figure.data
    assert list(bars.y) == [0.5, -1.25, 0, 2]
    assert list(bars.customdata) == ["@0", "@1", "@2", "@3"]
    assert list(bars.marker.color) == [LIGHT.accent, LIGHT.accent2, LIGHT.accent, LIGHT.accent]
    assert bars.hovertext[1] == "<b>·fox</b> (1)<br>−1.25"
    assert figure.layout.title.text == "Neuron 7 at each token"
    assert figure.layout.xaxis.ticktext == ("The", "·fox", "&lt;b&gt;", "·fox")  # equal labels stay apart
    assert figure.layout.hovermode == "x"  # a bar of no height can be clicked, too
    assert [(band.x0, band.x1) for band in figure.layout.shapes] == [(0.5, 1.5)]


def test_a_default_neuron_is_called_the_strongest() -> None:
    assert "strongest at ·fox" in activation_neuron_figure(replace(RESULT, chosen=False)).layout.title.text


def test_labels_thin_out() -> None:
    tokens = tuple(Token(n, f"·token{n}", n, n) for n in range(200))
    figure = activation_neuron_figure(replace(RESULT, tokens=tokens, values=np.ones(200, dtype=np.float32)))
    assert len(figure.layout.xaxis.ticktext) <= 20


def test_the_listed_neurons_are_clickable_and_the_shown_one_is_emphasised() -> None:
    figure = activation_neurons_figure(RESULT)
    (bars,) = figure.data
    assert bars.y == pytest.approx([2.31, -1.25, 0.125])
    assert list(bars.customdata) == [f"block.1.mlp.neuron.{neuron}" for neuron in (812, 7, 30)]
    assert list(bars.marker.color) == [LIGHT.quiet, LIGHT.accent, LIGHT.quiet]
    assert figure.layout.xaxis.ticktext == ("812", "7", "30")
    assert figure.layout.title.text == "Strongest neurons of block 1 at ·fox"


def test_a_neuron_that_is_not_listed_marks_no_bar() -> None:
    figure = activation_neurons_figure(replace(RESULT, neuron=99))
    assert set(figure.data[0].marker.color) == {LIGHT.quiet}
    assert not figure.layout.shapes


def test_a_tile_is_named_by_its_neurons() -> None:
    figure = activation_neurons_figure(replace(RESULT, listing="tile", listed=np.array([6, 7, 8])))
    assert figure.layout.title.text == "Neurons 6–8 (one tile) of block 1 at ·fox"
    one = replace(RESULT, listing="tile", listed=np.array([7]), listed_values=np.array([-1.25], dtype=np.float32))
    figure = activation_neurons_figure(one)
    assert figure.layout.title.text == "Neuron 7 (one tile) of block 1 at ·fox"


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (NO_BLOCK, "The vector of ‘·fox’ grows from length 3 to 41 (L2 norm) through the blocks."),
        (
            replace(RESULT, chosen=False, neuron=812, values=np.array([0, 2.31, 0, 0])),
            "The vector of ‘·fox’ grows from length 3 to 41 (L2 norm) through the blocks; "
            "neuron 812 of block 1 is strongest here (+2.31).",
        ),
        (
            RESULT,
            "The vector of ‘·fox’ grows from length 3 to 41 (L2 norm) through the blocks; "
            "neuron 7 has the value −1.25 here, and the strongest is neuron 812 (+2.31).",
        ),
        (
            replace(RESULT, neuron=812, values=np.array([0, 2.31, 0, 0])),
            "The vector of ‘·fox’ grows from length 3 to 41 (L2 norm) through the blocks; "
            "neuron 812 is strongest here (+2.31).",
        ),
        (
            replace(NO_BLOCK, stream=STREAM[:, ::-1]),
            "The vector of ‘·fox’ shrinks from length 41 to 3 (L2 norm) through the blocks.",
        ),
        (
            replace(NO_BLOCK, quantity="mean", stream=STREAM * [1, 1, -0.01]),
            "The mean of the vector of ‘·fox’ goes from +3 to −0.41 through the blocks.",
        ),
    ],
)
def test_readings(result: ActivationResult, sentence: str) -> None:
    assert activation_reading(result) == sentence


def test_a_text_of_one_token() -> None:
    one = replace(
        RESULT, tokens=RESULT.tokens[:1], position=0, stream=STREAM[:1], values=np.array([1.0], dtype=np.float32)
    )
    for line in activation_figure(one).data:
        np.testing.assert_array_equal(line.y[:3], STREAM[0])
    assert len(activation_neuron_figure(one).data[0].y) == 1
