"""Background colours: text on them has enough contrast."""

import numpy as np
import pytest

from layouts.figures.shade import contrast, gradient, shade
from layouts.theme import DARK, LIGHT, Theme


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("name", ["probabilities", "norms", "signed"])
def test_text_can_be_read_on_every_shade(theme: Theme, name: str) -> None:
    pairs = [shade(getattr(theme, name), share, theme) for share in np.linspace(0, 1, 300)]
    assert len({background for background, _ in pairs}) > 100
    assert min(contrast(*pair) for pair in pairs) >= 4.5


def test_a_shade_lies_on_the_scale_and_ends_with_it() -> None:
    scale = [[0, "#000000"], [0.5, "#204060"], [1, "#FFFFFF"]]
    shades = [shade(scale, share, LIGHT)[0] for share in (-1, 0, 0.25, 0.5, 1, 7)]
    assert shades == ["#000000", "#000000", "#102030", "#204060", "#FFFFFF", "#FFFFFF"]


def test_the_gradient_is_the_scale() -> None:
    assert gradient([[0, "#000000"], [1, "#FFFFFF"]]) == "linear-gradient(90deg, #000000, #FFFFFF)"


def test_the_pages_own_colours_come_first() -> None:
    assert shade([[0, "#FFFFFF"], [1, "#000000"]], 0, LIGHT)[1] == LIGHT.text
    assert shade([[0, "#FFFFFF"], [1, "#000000"]], 1, LIGHT)[1] == LIGHT.page


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [("#000000", "#FFFFFF", 21), ("#777777", "#FFFFFF", 4.48), ("#FF0000", "#0000FF", 2.15)]
)
def test_contrast_is_that_of_the_guideline(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(other, one) == contrast(one, other)
