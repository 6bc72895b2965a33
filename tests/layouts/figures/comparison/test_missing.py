"""What is missing in figures of A minus B."""

import numpy as np
import pytest

from layouts.figures.comparison.missing import missing_cells, missing_columns, missing_image
from layouts.figures.shade import contrast, missing_color, mixed
from layouts.figures.text import MISSING
from layouts.theme import THEMES, Theme

GAPS = np.array([[True, False], [False, False]])
NAMES = [["one", "two"], ["three", "four"]]


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_missing_is_neither_zero_nor_the_page(theme: Theme):
    for other in (mixed(theme.signed, 0.5), theme.surface, mixed(theme.signed, 0.55), mixed(theme.signed, 0.45)):
        assert contrast(missing_color(theme), other) > 1.2
    assert contrast(missing_color(theme), theme.text) > 4.5


def test_only_what_is_missing_is_grey_named_and_clicked():
    (trace,) = missing_cells(GAPS, NAMES, NAMES, THEMES["light"], y=[3, 4])
    np.testing.assert_array_equal(np.isfinite(trace["z"]), GAPS)
    assert trace["hovertext"] == [[f"one: {MISSING}", ""], ["", ""]]
    assert trace["customdata"] == [["one", ""], ["", ""]]
    assert trace["y"] == [3, 4]
    (image,) = missing_image(GAPS, THEMES["light"])
    np.testing.assert_array_equal(image["z"], GAPS)
    assert image["z"].dtype == np.uint8


def test_where_nothing_is_missing_nothing_is_drawn():
    assert missing_cells(~GAPS & False, NAMES, NAMES, THEMES["dark"]) == []
    assert missing_image(GAPS & False, THEMES["dark"]) == []
    assert missing_columns(np.zeros(4, dtype=bool), THEMES["dark"]) == []


def test_each_run_of_missing_columns_is_one_band():
    bands = missing_columns(np.array([True, False, True, True, False, True]), THEMES["dark"])
    assert [(band["x0"], band["x1"]) for band in bands] == [(-0.5, 0.5), (1.5, 3.5), (4.5, 5.5)]
