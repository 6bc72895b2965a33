"""The words and the table about a head's or a neuron's role, from hand-made results."""

import math
from dataclasses import replace
from typing import Any, get_args

from analysis.causes.head_scores import SCORES, AnyScore
from analysis.causes.role import RoleResult
from analysis.tokens import Piece, Token
from layouts.figures.head_scores import SCORE_NAMES, score_words
from layouts.role import role_words, score_table
from tests.layouts.texts import texts

HEAD = RoleResult(
    token=Token(5, "·Mary", 4, 4),
    keys=((Token(7, "·apple", 1, 1), 0.93), (Token(8, "<b>", 0, 0), 0.04)),
    value=None,
    raised=((Piece(11, "·pear"), 2.1),),
    lowered=((Piece(12, "·John"), -0.8), (Piece(13, "!"), -0.25)),
    scores={
        "previous": 0.1,
        "duplicate": 0.2,
        "induction": math.nan,
        "first": 0.5,
        "self": 0.004,
        "entropy": 1.25,
    },
)
PROBE = {"previous": 0.99, "duplicate": 0, "induction": 0.2, "first": 0, "self": 0, "entropy": 3, "copying": -0.5}


def words(role: RoleResult | None) -> list[str]:
    return ["".join(texts(line)) for line in role_words(role)]


def links(role: RoleResult) -> list[Any]:
    parts = [part for line in role_words(role) for part in line["props"]["children"] if isinstance(part, dict)]
    return [part["props"]["data-select"] for part in parts]


def test_a_head_in_words() -> None:
    assert words(HEAD) == [
        "Attends most to ‘·apple’ (93%), ‘<b>’ (4.0%).",
        "Raises the logits of ‘·pear’ (+2.10).",
        "Lowers the logits of ‘·John’ (−0.80), ‘!’ (−0.25).",
    ]


def test_its_keys_and_tokens_are_links() -> None:
    assert links(HEAD) == ["@1", "@0", "~11", "~12", "~13"]


def test_the_table_has_each_score_on_the_text_and_on_the_probe() -> None:
    (table,) = score_table(HEAD, PROBE)
    _, body = table["props"]["children"]
    rows = [["".join(texts(cell)) for cell in row["props"]["children"]] for row in body["props"]["children"]]
    assert [row[0] for row in rows] == list(SCORE_NAMES.values())
    assert rows[0][1:] == ["10%", "99%"]
    assert rows[2][1:] == ["–", "20%"]
    assert rows[5][1:] == ["1.25 bits", "3.00 bits"]
    assert rows[6][1:] == ["", "−0.50"]


def test_a_neuron_in_words() -> None:
    neuron = replace(HEAD, keys=(), value=-0.12345, raised=(), scores={})
    assert words(neuron) == [
        "Its value at ‘·Mary’ is −0.123.",
        "Lowers the logits of ‘·John’ (−0.80), ‘!’ (−0.25).",
    ]
    assert score_table(neuron, {}) == []


def test_other_parts_and_what_is_not_finite_have_no_words() -> None:
    assert role_words(None) == score_table(None, {}) == []
    assert words(replace(HEAD, keys=(), raised=(), lowered=(), scores={})) == []


def test_every_score_has_a_name() -> None:
    assert tuple(SCORE_NAMES) == (*SCORES, "copying") == get_args(AnyScore)
    assert score_words("copying", 1.0) == "+1.00"
    assert score_words("induction", 0.5) == "50%"
