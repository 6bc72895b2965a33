"""The picture of the path, from a hand-made result."""

import numpy as np
import pytest

from layouts.figures.saliency_path import saliency_path_figure
from layouts.theme import THEMES, Theme
from tests.layouts.figures.test_saliency import RESULT


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_the_logit_by_the_share_of_the_path(theme: Theme) -> None:
    figure = saliency_path_figure(RESULT, theme=theme)
    (line,) = figure.data
    np.testing.assert_array_equal(line.x, [0, 0.25, 1])
    np.testing.assert_array_equal(line.y, [0.75, 4, 3.25])
    assert (line.mode, line.line.color) == ("lines+markers", theme.accent)
    assert list(figure.layout.xaxis.ticktext) == ["baseline", "halfway", "text"]
    low, high = figure.layout.xaxis.range
    assert low < 0, "the marks at the ends are not cut off"
    assert high > 1
    assert figure.layout.title.text == "Logit on the path"
