from typing import Any

import numpy as np
import pytest
from dash import Dash, Input
from numpy.testing import assert_array_equal

import callbacks.attention
from analysis.errors import AnalysisError
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.attention import draw_attention
from callbacks.panel import Values
from dashboard.services import AppServices
from layouts.figures.text import percent
from layouts.theme import DARK


def draw(services: AppServices, prompt: Prompt, selection: str, **knobs: Any) -> Values:
    return draw_attention(services, prompt, Selection.parse(selection), **knobs)


def shown(figure: Any) -> np.ndarray:
    (heat,) = figure.data
    return np.nan_to_num(heat.z)


def test_a_head_is_shown_with_the_numbers_of_the_trace(services: AppServices, prompt: Prompt):
    drawn = draw(services, prompt, "block.1.attention.head.2@5")
    figure, heads = drawn["figure"], drawn["heads"]
    attention = services.trace(prompt).attention(1)
    assert_array_equal(shown(figure), attention[2])
    assert len(heads.data) == 4
    assert heads.data[3].meta == "block.1.attention.head.3"
    assert drawn["title"] == "Attention · block 1, head 2"
    assert f"{percent(attention[2, 5, 0])} of its attention goes to the first token" in drawn["reading"]
    assert figure.layout.shapes[0].y0 == 4.5


def test_without_a_position_it_is_the_last(services: AppServices, prompt: Prompt):
    drawn = draw(services, prompt, "block.1.attention.head.2")
    last = services.trace(prompt).n_positions - 1
    assert drawn["figure"].layout.shapes[0].y1 == last + 0.5
    assert drawn["reading"].startswith(f"‘{services.trace(prompt).tokens[-1].label}’")


@pytest.mark.parametrize("selection", ["block.1.attention@3", "block.1.mlp@3", "block.1.mlp.neuron.7@3"])
def test_without_a_head_it_is_the_mean_and_no_head_is_marked(services: AppServices, prompt: Prompt, selection: str):
    drawn = draw(services, prompt, selection)
    np.testing.assert_allclose(shown(drawn["figure"]), services.trace(prompt).attention(1).mean(axis=0), rtol=1e-6)
    assert drawn["title"] == "Attention · block 1, mean of all heads"
    assert not any("<b>" in note.text for note in drawn["heads"].layout.annotations)


@pytest.mark.parametrize("selection", ["embedding@2", "norm", "output~5"])
def test_a_part_without_attention_says_so(services: AppServices, prompt: Prompt, selection: str):
    drawn = draw(services, prompt, selection, theme="dark")
    figure = drawn["figure"]
    assert len(figure.data) == len(drawn["heads"].data) == 0
    assert figure.layout.annotations[0].text == "This part has no attention. Select a block."
    assert figure.layout.annotations[0].font.color == DARK.quiet
    assert (drawn["title"], drawn["reading"]) == ("Attention", "")


def test_views(services: AppServices, prompt: Prompt):
    drawn = draw(services, prompt, "block.2.attention.head.1@4", view="rollout")
    assert drawn["title"] == "Attention · rollout up to block 2"
    assert drawn["reading"].startswith("Through blocks 0 to 2, ")
    drawn = draw(services, prompt, "block.2.attention.head.1@4", view="without_first")
    assert drawn["title"] == "Attention · block 2, head 1"
    assert drawn["reading"].startswith("Without the first token, ")
    assert not shown(drawn["figure"])[:, 0].any()
    assert not drawn["heads"].data[0].z[:, 0].any()


def test_the_theme_is_the_figures(services: AppServices, prompt: Prompt):
    drawn = draw(services, prompt, "block.2.attention.head.1", theme="dark")
    assert drawn["figure"].layout.font.color == drawn["heads"].layout.font.color == DARK.text


def test_a_view_that_does_not_exist_is_the_askers_mistake(services: AppServices, prompt: Prompt):
    with pytest.raises(AnalysisError):
        draw(services, prompt, "block.2.attention.head.1", view="sideways")


def test_what_is_registered_draws_with_the_view(services: AppServices, prompt: Prompt):
    app = Dash("one")
    registered = callbacks.attention.register(app, services)
    assert not app._callback_list, "all panels are drawn by one callback"
    assert registered.choices == {"view": Input("attention-view", "value")}
    selection = Selection.parse("block.2.attention.head.1@4")
    drawn = registered.draw(prompt, selection, theme="light", view="rollout")
    assert drawn["title"] == "Attention · rollout up to block 2"
    assert drawn.keys() | {"selection", "drawn"} == registered.outputs.keys() | {"results"}


def test_value_weighted_attention(services: AppServices, prompt: Prompt):
    drawn = draw(services, prompt, "block.1.attention.head.2@5", view="value_weighted")
    norms = shown(drawn["figure"])
    assert drawn["title"] == "Attention · block 1, head 2, value-weighted"
    assert f"(norm {norms[5].max():.3g}, {percent(norms[5].max() / norms[5].sum())} of all norms" in drawn["reading"]
    assert len(drawn["heads"].data) == 4
