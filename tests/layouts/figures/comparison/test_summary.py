"""Differences of probabilities in words; the figure is tested with the panel."""

import pytest

from layouts.figures.comparison.summary import points


@pytest.mark.parametrize(
    ("difference", "words"),
    [(0, "0"), (0.0535, "+5.3 points"), (-0.5, "−50.0 points"), (1e-4, "+<0.1 points"), (-1e-4, "−<0.1 points")],
)
def test_points_of_a_percent(difference: float, words: str):
    assert points(difference) == words
