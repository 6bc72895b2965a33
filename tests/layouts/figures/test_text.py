"""How numbers are written."""

import pytest

from layouts.figures.text import percent


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0%"), (1e-6, "<0.1%"), (0.0005, "0.1%"), (0.0994, "9.9%"), (0.0996, "10%"), (0.555, "56%"), (1, "100%")],
)
def test_percent_has_sensible_digits(share: float, words: str) -> None:
    assert percent(share) == words
