"""The table of head scores, from hand-made ones."""

import numpy as np

from layouts.figures.head_scores import HeadScoreTable, ranked, score_words

SCORES = {
    "induction": np.float32([[0.25, np.nan, 0.5], [0.75, 0.25, 0]]),
    "entropy": np.float32([[1, 2, 3], [4, 5, 6]]),
    "copying": np.float32([[1, -1, 0], [0.5, -0.25, 0]]),
}


def test_the_highest_come_first_and_last_those_without() -> None:
    assert ranked(SCORES["induction"]) == [(1, 0), (0, 2), (0, 0), (1, 1), (1, 2), (0, 1)]


def test_a_row_has_all_scores_of_a_head_with_their_units() -> None:
    title, rule, head, _, first, *others, last = str(HeadScoreTable("Heads of <x>", SCORES, "induction")).splitlines()
    assert title == "Heads of <x>"
    assert set(rule) == {"-"}
    assert head.split() == ["block", "head", "induction", "entropy", "copying"]
    assert first.split() == ["1", "0", "75%", "4.00", "bits", "+0.50"]
    assert last.split() == ["0", "1", "–", "2.00", "bits", "−1.00"]
    assert len(others) == 4


def test_a_notebook_shows_it_escaped() -> None:
    html = HeadScoreTable("Heads of <x>", SCORES, "copying")._repr_html_()
    assert "Heads of &lt;x&gt;" in html
    assert html.index("+1.00") < html.index("+0.50") < html.index("−0.25")


def test_only_the_highest_are_printed() -> None:
    many = np.arange(100, dtype=np.float32).reshape(10, 10) / 100
    lines = str(HeadScoreTable("x", {"first": many}, "first")).splitlines()
    assert len(lines) == 4 + 20
    assert lines[4].split() == ["9", "9", "99%"]
    assert score_words("first", 0.99) == "99%"
