"""Formatting of numbers and sentences."""

import pytest

from layouts.figures.text import counted, lines, neuron_range, percent, quoted


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0%"), (1e-6, "<0.1%"), (0.0005, "0.1%"), (0.0994, "9.9%"), (0.0996, "10%"), (0.555, "56%"), (1, "100%")],
)
def test_percent_has_sensible_digits(share: float, words: str) -> None:
    assert percent(share) == words


def test_counts_agree_with_their_noun() -> None:
    assert [counted(n, "head") for n in (0, 1, 1024)] == ["0 heads", "1 head", "1,024 heads"]


def test_a_range_of_one_neuron_is_singular() -> None:
    assert (neuron_range(5, 5), neuron_range(5, 9)) == ("neuron 5", "neurons 5–9")


def test_lines_are_short_and_escaped() -> None:
    assert lines("a <b> & c", most=7) == ["a &lt;b&gt; &amp;", "c"]
    assert lines('‘it\'s’ "so"', most=99) == ['‘it\'s’ "so"']
    assert lines("", most=9) == []


def test_long_labels_are_cut_at_the_end() -> None:
    assert quoted("·abcdefgh", most=9) == "‘·abcdefgh’"
    assert quoted("·abcdefghi", most=9) == "‘·abcdefg…’"
    isolated = "\u2068שלוםשלום\u2069"  # right to left
    assert quoted(isolated, most=8) == f"‘{isolated}’"
    assert quoted(isolated, most=5) == "‘\u2068שלום…\u2069’"
    assert quoted("ab’cdef", most=5) == "‘\u2068ab’c…\u2069’"
