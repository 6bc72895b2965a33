"""Formatting of numbers and sentences."""

import pytest

from layouts.figures.text import counted, lines, neuron_range, number, percent, quoted, scientific


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


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (-2.61e-7, "−2.6·10⁻⁷"), (9.97e-12, "1.0·10⁻¹¹"), (0.5, "5.0·10⁻¹")]
)
def test_small_numbers_have_their_power_of_ten(value: float, text: str) -> None:
    assert scientific(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12.345, "+12.35"), (-0.1, "−0.10"), (0.0123, "+0.012"), (-1e-4, "−0.0001"), (7.3e-5, "+7.3·10⁻⁵")],
)
def test_numbers_have_sensible_digits(value: float, text: str) -> None:
    assert number(value, "+") == text


def test_long_labels_are_cut_at_the_end() -> None:
    assert quoted("·abcdefgh", most=9) == "‘·abcdefgh’"
    assert quoted("·abcdefghi", most=9) == "‘·abcdefg…’"
    isolated = "\u2068שלוםשלום\u2069"  # right to left
    assert quoted(isolated, most=8) == f"‘{isolated}’"
    assert quoted(isolated, most=5) == "‘\u2068שלום…\u2069’"
    assert quoted("ab’cdef", most=5) == "‘\u2068ab’c…\u2069’"
