from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from numpy.testing import assert_array_equal

from layouts.figures.image import image, levels, values_of_levels
from layouts.theme import LIGHT


def drawn(values: Any, **changes: Any) -> Any:
    given: dict[str, Any] = {
        "most": 1,
        "scale": LIGHT.probabilities,
        "title": "share",
        "written": lambda value: f"{value:.3f}",
        "select": "@{y}",
        "words": "{y} → {x}: {value}",
        "columns": ["a", "b"],
        "rows": ["c"],
        "theme": LIGHT,
    }
    return go.Figure(data=[image(np.array(values), **given | changes)]).data[0]


def test_levels_are_even_steps_of_the_root():
    values = (np.arange(255) / 254) ** 2
    assert_array_equal(levels(values, 1), np.arange(1, 256))
    assert levels(np.array([0, 3, 12.0]), 12).tolist() == [1, 128, 255]
    assert levels(np.array([-12, -3, 0, 3, 12.0]), 12, signed=True).tolist() == [1, 65, 128, 191, 255]
    assert levels(np.array([np.nan, 0]), 1).tolist() == [0, 1]
    assert levels(values, 1).dtype == np.uint8


@pytest.mark.parametrize(("most", "signed"), [(1, False), (7.5, False), (0.02, True)])
def test_a_value_is_within_half_a_level_of_what_is_looked_up(most: float, signed: bool):
    values = np.random.default_rng(0).uniform(-most if signed else 0, most, 2000)
    found = levels(values, most, signed=signed)
    lookup = values_of_levels(most, signed=signed)
    assert_array_equal(levels(lookup, most, signed=signed), np.arange(256))
    roots, steps = np.sign(values) * np.sqrt(abs(values) / most), (2 if signed else 1) / 254
    looked_up = lookup[found]
    found_roots = np.sign(looked_up) * np.sqrt(abs(looked_up) / most)
    assert abs(found_roots - roots).max() <= steps / 2 * 1.001
    if signed:
        assert lookup[128] == 0
        assert_array_equal(np.sign(lookup[found]) * np.sign(values) >= 0, True)


def test_shares_from_a_fifth_of_a_percent_are_right_to_a_tenth():
    """As the attention panel's help says."""
    values = np.linspace(0.002, 1, 5000)
    looked_up = values_of_levels(1)[levels(values, 1)]
    assert (abs(looked_up - values) <= 0.1 * values).all()


def test_is_one_byte_a_cell_and_named_by_lookup():
    heat = drawn([[0.25, np.nan]])
    assert heat.z.dtype == np.uint8
    assert heat.z.tolist() == [[128, 0]]
    assert heat.customdata is heat.text is None
    assert heat.meta["values"][128] == "0.250"
    assert heat.meta["values"][0] == ""
    assert len(heat.meta["values"]) == 256
    assert (heat.meta["select"], heat.meta["words"]) == ("@{y}", "{y} → {x}: {value}")
    assert (heat.meta["x"], heat.meta["y"]) == (["a", "b"], ["c"])


def test_the_colour_bar_says_true_values_at_their_levels():
    bar = drawn([[0.25, 1]], most=2).colorbar
    for level, words in zip(bar.tickvals, bar.ticktext, strict=True):
        assert levels(np.array(float(words)), 2) == level
    assert (bar.tickvals[0], bar.tickvals[-1], bar.ticktext[-1]) == (1, 255, "2.000")
    assert "square-root scale" in bar.title.text
    signed = drawn([[-1, 1]], signed=True).colorbar
    assert signed.ticktext[0] == "-1.000"
    assert (signed.tickvals[3], signed.ticktext[3]) == (128, "0.000")


def test_the_scale_starts_at_the_first_level_and_nothing_is_below_it():
    scale = [list(stop) for stop in drawn([[0.25, 1]]).colorscale]
    assert scale[0] == [0, "rgba(0,0,0,0)"]
    assert scale[1] == [0.5 / 255, "rgba(0,0,0,0)"]
    assert scale[3] == [1 / 255, LIGHT.probabilities[0][1]]
    assert scale[-1] == [1, LIGHT.probabilities[-1][1]]
    places = [place for place, _ in scale]
    assert places == sorted(places)
