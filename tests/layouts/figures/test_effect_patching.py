"""The grid of patches and its sentences from a hand-made result."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
from numpy.testing import assert_allclose

from analysis.causes.intervention import Intervention
from analysis.causes.patching import PatchingResult
from analysis.effect import EffectResult, Outcome
from analysis.tokens import Piece, Token
from layouts.figures.effect_patching import (
    effect_patching_figure,
    effect_patching_note,
    effect_patching_reading,
)
from layouts.theme import DARK, LIGHT

A = tuple(Token(n, label, n, n) for n, label in enumerate(("The", "·<b>", "·fox")))
B = tuple(Token(n, label, k, k) for k, (n, label) in enumerate([(0, "The"), (9, "·hen"), (2, "·fox")]))
RESULT = PatchingResult(
    A, B, np.arange(3), "mlp", Piece(4, "·Mary"), None, clean=5.0, corrupted=1.0,
    values=np.float32([[1, 3, 1], [1, 0, 4]]),
)  # fmt: skip
HEADS = replace(RESULT, carried="heads", values=np.float32([[1, 3], [5, 0]]))
PATCH, OUTCOME = Intervention(0, "mlp", None, 1, "other"), Outcome(1.0, 0.5, ())
PATCHED = EffectResult(
    B, 2, Piece(4, "·Mary"), None, (PATCH,), OUTCOME, replace(OUTCOME, logit=3.0), 0.5
)  # fmt: skip


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_cells_are_on_the_scale_from_the_one_text_to_the_other(theme):
    figure = effect_patching_figure(RESULT, selected=(0, 1), theme=theme)
    go.Figure(figure)  # Plotly validates it
    (cells,) = figure.data
    assert_allclose(cells.z, [[0, 0.5, 0], [0, -0.25, 0.75]])
    assert (cells.zmin, cells.zmax) == (-1, 1)
    assert list(cells.customdata[1]) == ["block.1.mlp@0", "block.1.mlp@1", "block.1.mlp@2"]
    assert figure.layout.xaxis.ticktext[1] == "<b>·&lt;b&gt;</b>/·hen"
    assert "&lt;b&gt;" in cells.text[0][1]
    assert "3.00" in cells.text[0][1]


def test_the_cone_of_a_patch_is_later_blocks_at_the_same_and_later_positions():
    cell, cone = effect_patching_figure(RESULT, selected=(1, 1)).layout.shapes
    assert (cell.x0, cell.x1, cell.y0, cell.y1) == (0.5, 1.5, 0.5, 1.5)
    assert (cone.x0, cone.x1, cone.y0, cone.y1) == (0.5, 2.5, 0.5, 1.5)
    assert len(effect_patching_figure(HEADS, selected=(1, 1)).layout.shapes) == 1
    assert not effect_patching_figure(RESULT, selected=None).layout.shapes


@pytest.mark.parametrize(
    ("carried", "first"),
    [("stream", "block.0@0"), ("attention", "block.0.attention@0"), ("heads", "block.0.attention.head.0")],
)
def test_a_click_selects_the_cell(carried, first):
    figure = effect_patching_figure(replace(RESULT, carried=carried), selected=None)
    assert figure.data[0].customdata[0][0] == first


def test_a_long_text_is_an_image():
    n = 200
    tokens = tuple(Token(0, "·a", k, k) for k in range(n))
    long = replace(RESULT, tokens=tokens, others=tokens, aligned=np.arange(n), values=np.ones((2, n), np.float32))
    assert effect_patching_figure(long, selected=None).data[0].meta["select"] == "block.{y}.mlp@{x}"


def test_where_both_texts_give_the_same_logit_the_change_is_shown():
    figure = effect_patching_figure(replace(RESULT, clean=1.0), selected=None)
    assert_allclose(figure.data[0].z, [[0, 2, 0], [0, -1, 3]])
    assert figure.data[0].colorbar.title.text == "change of the logit"


def test_the_reading_is_about_the_selected_patch_or_the_furthest():
    assert effect_patching_reading(RESULT, PATCHED, 5.0) == (
        "With this value from A, the logit of ‘·Mary’ in B goes from 1.00 to 3.00: 50% of the way to A, where it is "
        "5.00."
    )
    assert effect_patching_reading(RESULT, None, 5.0) == (
        "On the scale from 0 (B as it is) to 1 (A), the value that goes furthest is the MLP of block 1 at ‘·fox’ "
        "(position 2) (0.75)."
    )
    assert "head 0 of block 1 (1.00)" in effect_patching_reading(HEADS, None, 5.0)
    partial = replace(RESULT, values=np.float32([[1, np.nan, np.nan], [1, 0, 4]]))
    assert effect_patching_reading(partial, None, 5.0).startswith("So far, on the scale")
    assert "Not computed" in effect_patching_reading(None, None, 5.0)
    assert "Nothing to carry over" in effect_patching_reading(replace(RESULT, clean=1.0), None, 1.0)
    assert "%" not in effect_patching_reading(RESULT, PATCHED, 1.0)


def test_the_note_says_how_the_texts_differ():
    note = effect_patching_note(RESULT)
    assert note.startswith("‘·<b>’ (position 1) is ‘·hen’ in B. ")
    assert "not which part is needed" in note
    missing = effect_patching_note(replace(RESULT, aligned=np.array([0, -1, 2])))
    assert "Without a counterpart in B: ‘·<b>’." in missing
    assert effect_patching_note(None).startswith("A patch shows")
