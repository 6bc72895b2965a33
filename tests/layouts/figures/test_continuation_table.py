"""The table of a continued text, printed and in a notebook, from a hand-made result."""

import numpy as np

from analysis.generation.continuation import ContinuationResult
from analysis.generation.sampling import Sampling
from analysis.tokens import Piece, Token
from layouts.figures.continuation_table import ContinuationTable

RESULT = ContinuationResult(
    tokens=(Token(1, "The", 0, 0), Token(2, "·fox", 1, 1)),
    written=(Piece(3, "·<b>"), Piece(4, "·met")),
    probabilities=np.array([0.5, 0.031]),
    drawn_with=np.array([0.75, 0.25]),
    ranks=np.array([1, 1234]),
    sampling=Sampling(0.8, seed=3),
    end="planned",
)
TABLE = ContinuationTable("tiny · “The fox”", " <b> met", RESULT)


def test_the_printed_table() -> None:
    lines = str(TABLE).splitlines()
    assert repr(TABLE) == str(TABLE)
    assert lines[:2] == ["tiny · “The fox”", " <b> met"]
    assert [line.split() for line in lines if line[:1] == " " and "%" in line] == [
        ["2", "·<b>", "50%", "75%", "1"],
        ["3", "·met", "3.1%", "25%", "1,234"],
    ]
    assert lines[-1] == "Written: 2 tokens. Settings: temperature 0.8."


def test_the_notebook_s_table_is_escaped() -> None:
    html = TABLE._repr_html_()
    assert "<b>tiny · “The fox”</b>" in html
    assert "&lt;b&gt; met" in html
    assert "·&lt;b&gt;" in html
    assert "<b> met" not in html
    assert html.count("<tr>") == 3
