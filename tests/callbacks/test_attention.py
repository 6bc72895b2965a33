from typing import Any

import numpy as np
import pytest
from dash import Dash
from numpy.testing import assert_array_equal

import callbacks.attention
from analysis.errors import AnalysisError
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.attention import draw_attention
from dashboard.services import Services
from layouts.figures.text import percent
from layouts.theme import DARK


def draw(services: Services, prompt: Prompt, selection: str, **knobs: Any) -> tuple[Any, ...]:
    return draw_attention(services, prompt, Selection.parse(selection), **knobs)


def shown(figure: Any) -> np.ndarray:
    (heat,) = figure.data
    return np.nan_to_num(heat.z)


def test_a_head_is_shown_with_the_numbers_of_the_trace(services: Services, prompt: Prompt):
    figure, heads, title, reading, selected = draw(services, prompt, "block.1.attention.head.2@5")
    attention = services.trace(prompt).attention(1)
    assert_array_equal(shown(figure), attention[2])
    assert len(heads.data) == 4
    assert heads.data[3].meta == "block.1.attention.head.3"
    assert title == "Attention · block 1, head 2"
    assert f"{percent(attention[2, 5, 0])} of its attention goes to the first token" in reading
    assert figure.layout.shapes[0].y0 == 4.5
    assert selected == "block.1.attention.head.2@5"


def test_without_a_position_it_is_the_last(services: Services, prompt: Prompt):
    figure, _, _, reading, selected = draw(services, prompt, "block.1.attention.head.2")
    last = services.trace(prompt).n_positions - 1
    assert figure.layout.shapes[0].y1 == last + 0.5
    assert reading.startswith(f"‘{services.trace(prompt).tokens[-1].label}’")
    assert selected == "block.1.attention.head.2"


@pytest.mark.parametrize("selection", ["block.1.attention@3", "block.1.mlp@3", "block.1.mlp.neuron.7@3"])
def test_with_no_head_selected_it_is_the_mean_and_no_head_is_marked(services: Services, prompt: Prompt, selection: str):
    figure, heads, title, _, selected = draw(services, prompt, selection)
    np.testing.assert_allclose(shown(figure), services.trace(prompt).attention(1).mean(axis=0), rtol=1e-6)
    assert title == "Attention · block 1, mean of all heads"
    assert not any("<b>" in note.text for note in heads.layout.annotations)
    assert selected == selection


@pytest.mark.parametrize("selection", ["embedding@2", "norm", "output~5"])
def test_a_part_without_attention_says_so(services: Services, prompt: Prompt, selection: str):
    figure, heads, title, reading, selected = draw(services, prompt, selection, theme="dark")
    assert len(figure.data) == len(heads.data) == 0
    assert figure.layout.annotations[0].text == "This part has no attention. Select a block."
    assert figure.layout.annotations[0].font.color == DARK.quiet
    assert (title, reading, selected) == ("Attention", "", selection)


def test_views(services: Services, prompt: Prompt):
    _, _, title, reading, _ = draw(services, prompt, "block.2.attention.head.1@4", view="rollout")
    assert title == "Attention · rollout up to block 2"
    assert reading.startswith("Through blocks 0 to 2, rollout traces ")
    figure, heads, title, reading, _ = draw(services, prompt, "block.2.attention.head.1@4", view="without_first")
    assert title == "Attention · block 2, head 1"
    assert reading.startswith("Without the first token, ")
    assert not shown(figure)[:, 0].any()
    assert not heads.data[0].z[:, 0].any()


def test_the_theme_is_the_figures(services: Services, prompt: Prompt):
    figure, heads, *_ = draw(services, prompt, "block.2.attention.head.1", theme="dark")
    assert figure.layout.font.color == heads.layout.font.color == DARK.text


def test_a_view_that_does_not_exist_is_the_askers_mistake(services: Services, prompt: Prompt):
    with pytest.raises(AnalysisError):
        draw(services, prompt, "block.2.attention.head.1", view="sideways")


def test_is_registered_on_the_app_that_is_given(services: Services):
    app, other = Dash("one"), Dash("other")
    callbacks.attention.register(app, services)
    (wired,) = app._callback_list
    assert not other._callback_list
    assert {(i["id"], i["property"]) for i in wired["inputs"]} == {
        ("prompt", "data"),
        ("selection", "data"),
        ("theme", "data"),
        ("attention-view", "value"),
    }
