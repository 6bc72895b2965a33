"""Pictures and sentences of removals from hand-made results."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
from numpy.testing import assert_array_equal

from analysis.causes.intervention import Intervention
from analysis.causes.sweep import SweepResult
from analysis.effect import EffectResult, Outcome
from analysis.model_info import ModelInfo
from analysis.selection import Selection
from analysis.tokens import Piece, Token
from layouts.figures.effect import (
    effect_figure,
    effect_note,
    effect_numbers,
    effect_reading,
    effect_sweep_figure,
    effect_sweep_reading,
    intervention_words,
)
from layouts.theme import DARK, LIGHT

TOKENS = tuple(Token(n, label, n, n) for n, label in enumerate(("The", "·<b>", "·fox")))
A, B, C = Piece(4, "·Mary"), Piece(5, "<i>"), Piece(6, "·John")
RESULT = EffectResult(
    TOKENS, 2, A, None, (Intervention(1, "head", 0),),
    before=Outcome(12.5, 0.75, ((A, 0.75), (B, 0.125), (C, 0.0625))),
    after=Outcome(11.25, 0.25, ((C, 0.5), (A, 0.25), (B, 0.125))),
    divergence=0.75,
)  # fmt: skip
NAN = np.nan
SWEEP = SweepResult(
    TOKENS, 2, A, C, "mean", everywhere=True, base=3.0,
    effects=np.float32([[0.5, -0.25, 1], [-2, 0, 0.125]]),
    estimates=np.float32([[0.25, -0.25, 1], [-1, 0, 0.125]]),
)  # fmt: skip
PARTIAL = replace(SWEEP, effects=np.float32([[NAN, NAN, NAN], [-2, 0, 0.125]]))
INFO = ModelInfo("GPT-2", 3, 4, 32, 8, 130, 300, 64, 1, "0")


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_first_tokens_before_and_after_are_bars(theme):
    figure = effect_figure(RESULT, theme=theme)
    go.Figure(figure)  # Plotly validates it
    before, after = figure.data
    assert list(figure.layout.yaxis.ticktext) == [piece.short(14) for piece in (A, B, C)]
    assert before.x == (0.75, 0.125, 0.0625)
    assert after.x == (0.25, 0.125, 0.5)
    assert before.customdata == after.customdata == ("~4", "~5", "~6")
    assert before.hovertext[1] == "<b>&lt;i&gt;</b> before: 12%"
    assert after.hovertext[1] == "<b>&lt;i&gt;</b> after: 12%"


def test_without_removals_there_is_only_before():
    figure = effect_figure(replace(RESULT, interventions=(), after=RESULT.before, divergence=0))
    assert [trace.name for trace in figure.data] == ["before"]
    assert not figure.layout.showlegend


@pytest.mark.long
@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_grid_has_a_column_for_the_mlp(theme):
    figure = effect_sweep_figure(SWEEP, Selection.parse("block.1.mlp.neuron.3"), theme=theme)
    go.Figure(figure)
    (cells,) = figure.data
    assert_array_equal(cells.z, np.float32([[0.5, -0.25, NAN, 1], [-2, 0, NAN, 0.125]]))
    assert (cells.zmin, cells.zmax) == (-2, 2)
    assert list(cells.customdata[1]) == ["block.1.attention.head.0", "block.1.attention.head.1", "", "block.1.mlp"]
    assert cells.text[1][0] == "Without head 0 of block 1: −2.00 logits<br>estimated: −1.00"
    assert figure.layout.xaxis.tickvals == (0, 1, 3)
    (mark,) = figure.layout.shapes
    assert (mark.x0, mark.x1, mark.y0, mark.y1) == (2.5, 3.5, 0.5, 1.5)
    assert not effect_sweep_figure(SWEEP, Selection.parse("block.1.attention@1")).layout.shapes


def test_estimates_are_pale_and_only_where_there_is_no_effect():
    pale, full = effect_sweep_figure(PARTIAL, Selection.parse("output")).data
    assert pale.opacity < 1
    assert pale.zmax == full.zmax == 2
    assert_array_equal(pale.z, np.float32([[0.25, -0.25, NAN, 1], [NAN] * 4]))
    assert_array_equal(full.z[1], np.float32([-2, 0, NAN, 0.125]))
    assert "an estimate" in pale.text[0][0]


def test_the_reading_says_what_changes():
    assert effect_reading(RESULT) == (
        "With 1 part removed, the logit of ‘·Mary’ goes from 12.50 to 11.25 (−1.25), and its probability from 75% to "
        "25%."
    )
    both = effect_reading(replace(RESULT, against=C))
    assert "the logit of ‘·Mary’ minus that of ‘·John’ goes" in both
    assert "and the probability of ‘·Mary’ from" in both
    nothing = effect_reading(replace(RESULT, interventions=(), after=RESULT.before))
    assert nothing == "Nothing is removed: the logit of ‘·Mary’ is 12.50."


def test_the_sweeps_reading_names_the_part_that_matters_most():
    assert effect_sweep_reading(SWEEP) == (
        "Of all heads and MLPs, removing head 0 of block 1 changes the logit of ‘·Mary’ minus that of ‘·John’ most "
        "(−2.00). The estimates’ correlation with these effects was {:.2f} ({:.2f} for heads alone).".format(
            *SWEEP.correlations
        )
    )
    assert "1 of 6" not in effect_sweep_reading(PARTIAL)
    assert effect_sweep_reading(PARTIAL).startswith("3 of 6 removals are computed; the rest are estimates. So far, ")
    alike = replace(SWEEP, effects=np.zeros((2, 3), np.float32))
    assert effect_sweep_reading(alike).endswith("most (0).")
    mlp = replace(SWEEP, effects=np.float32([[0, 0, 9], [0, 0, 0]]), everywhere=False)
    assert "removing the MLP of block 0 at this position changes" in effect_sweep_reading(mlp)


def test_numbers_before_and_after():
    assert effect_numbers(RESULT) == [("logit", "12.50", "11.25"), ("probability", "75%", "25%")]
    assert effect_numbers(replace(RESULT, against=C))[0][0] == "difference of logits"


def test_the_note_says_by_what_parts_are_replaced_and_what_that_does_not_say():
    note = effect_note(["zero", "mean", "zero"], "reference")
    assert note.startswith(
        "What is removed is replaced by zero or its mean over this text. In the grid, each part is replaced by its "
        "mean over a reference text. A part"
    )
    assert effect_note([], None).startswith("A part whose")
    assert "not thereby unimportant" in note
    assert "A mean is a choice" in note


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("block.3.attention.head.5=zero", "head 5 of block 3"),
        ("block.3.attention@2=zero", "the attention of block 3 at position 2"),
        ("block.0.mlp=mean", "the MLP of block 0"),
        ("block.0.mlp.neuron.7=mean", "neuron 7 of block 0"),
        ("block.0.mlp.tile.2=mean", "neurons 6–8 of block 0"),
        ("block.0.mlp.tile.43=mean", "neuron 129 of block 0"),
        ("block.1.stream@4=mean", "the stream into block 1 at position 4"),
    ],
)
def test_parts_are_named(text: str, words: str):
    assert intervention_words(Intervention.parse(text), INFO) == words
