"""Figure and reading of predictions, from hand-made ones."""

from dataclasses import replace

import numpy as np

from analysis.prediction import NextToken, PredictionResult
from analysis.selection import Part
from analysis.tokens import Piece, Token
from layouts.figures.summary import summary_figure, summary_reading
from layouts.theme import DARK

TOKENS = (Token(5, "·a", 0, 0), Token(9, "<b>", 1, 1))
LENS = PredictionResult(
    tokens=TOKENS,
    part=Part.MLP,
    block=3,
    position=0,
    lens=True,
    top=((Piece(4, "·time"), 0.42), (Piece(9, "<b>"), 0.031), (Piece(7, "·extraordinarily"), 0.0001)),
    logits=np.array([3.5, 1.25, -2], dtype=np.float32),
    entropy=4.26,
    next=NextToken(TOKENS[1], 0.031, 2, 5.01),
)
END = replace(
    LENS, part=Part.OUTPUT, block=None, lens=False, top=((Piece(8, "·little"), 0.31),), logits=LENS.logits[:1]
)


def test_one_bar_per_token_with_its_probability() -> None:
    figure = summary_figure(LENS)
    (bars,) = figure.data
    np.testing.assert_allclose(bars.x, [0.42, 0.031, 0.0001])
    assert bars.text == ("42%", "3.1% · next in the text", "<0.1%")
    assert figure.layout.yaxis.ticktext == ("·time", "&lt;b&gt;", "·extraordinar…")
    assert list(figure.layout.yaxis.tickvals) == [0, 1, 2]
    assert figure.layout.yaxis.autorange == "reversed"
    assert "<b>&lt;b&gt;</b> (token id 9)<br>logit 1.25" in bars.hovertext[1]
    assert figure.layout.xaxis.range == (0, 1.35)


def test_the_caption_names_the_source() -> None:
    assert summary_figure(LENS).layout.title.text == "Whole stream · logit lens after block 3 · entropy 4.3 bits"
    embedding = replace(LENS, part=Part.EMBEDDING, block=None)
    assert "logit lens before block 0" in summary_figure(embedding).layout.title.text
    assert "the model’s output" in summary_figure(END).layout.title.text


def test_dark_colours() -> None:
    assert summary_figure(LENS, theme=DARK).data[0].marker.color == DARK.accent


def test_the_reading_compares_the_lens_with_the_output() -> None:
    assert summary_reading(LENS, END) == (
        "Would predict ‘·time’ (42%) if stopped after block 3; its real prediction is ‘·little’ (31%); "
        "the text continues with ‘<b>’ (3.1%, rank 2, surprisal 5.0 bits)."
    )
    assert summary_reading(END, END).startswith("After ‘·a’, the model predicts ‘·little’ (31%); the text continues")


def test_reading_at_the_end_of_the_text() -> None:
    last = replace(END, position=1, next=None)
    assert summary_reading(last, last) == "After ‘<b>’, the model predicts ‘·little’ (31%)."
