"""How numbers and sentences are written."""

import pytest

from layouts.figures.text import lines, percent


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0%"), (1e-6, "<0.1%"), (0.0005, "0.1%"), (0.0994, "9.9%"), (0.0996, "10%"), (0.555, "56%"), (1, "100%")],
)
def test_percent_has_sensible_digits(share: float, words: str) -> None:
    assert percent(share) == words


def test_lines_are_short_and_no_markup() -> None:
    assert lines("a <b> & c", most=7) == ["a &lt;b&gt; &amp;", "c"]
    assert lines('‘it\'s’ "so"', most=99) == ['‘it\'s’ "so"']
    assert lines("", most=9) == []
