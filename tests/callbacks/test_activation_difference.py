"""The activations panel of A minus B."""

from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from dash import Dash, Patch

import callbacks.activation
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from callbacks.activation import draw_activation, draw_activation_difference
from dashboard.services import AppServices
from tests.callbacks.comparisons import A, B, with_models
from tests.tiny import make_tiny

NEURON = Selection.parse("block.1.mlp.neuron.17@5")


def test_a_neuron_is_drawn_with_what_is_missing(services: AppServices):
    comparison = services.comparison(A, B)
    drawn = draw_activation_difference(services, comparison, NEURON, theme="dark", listing="strongest")
    (bars,) = drawn["neuron"].data
    assert (np.isnan(bars.y) == (comparison.aligned < 0)).all()
    assert drawn["title"] == "Activations · A − B · block 1, neuron 17"
    assert drawn["neurons"].data[0].customdata[0].startswith("block.1.mlp.neuron.")
    assert "neuron 17 differs by" in drawn["reading"]


def test_equal_questions_say_so(services: AppServices):
    drawn = draw_activation_difference(services, services.comparison(A, A), NEURON)
    assert drawn["reading"] == "A and B are equal here: every difference is 0."
    end = draw_activation_difference(services, services.comparison(A, A), Selection.parse("embedding"))
    assert end["title"] == "Activations · A − B · embedding"
    assert end["neuron"].layout.annotations[0].text == "This part has no neurons. Select a block."
    assert len(end["figure"].data) == 3


def test_a_token_without_a_counterpart_is_words(services: AppServices):
    comparison = services.comparison(A, B)
    missing = int(np.flatnonzero(comparison.aligned < 0)[0])
    drawn = draw_activation_difference(services, comparison, Selection.parse(f"block.1.mlp.neuron.3@{missing}"))
    assert "B has no counterpart" in drawn["neurons"].layout.annotations[0].text
    assert len(drawn["neuron"].data) == 1
    drawn = draw_activation_difference(services, comparison, Selection.parse(f"block.1.mlp@{missing}"))
    assert "B has no counterpart" in drawn["neuron"].layout.annotations[0].text


def test_models_that_cannot_be_compared_are_words(tmp_path: Path, tiny_gpt2: LanguageModel):
    for shape, words in [({"n_inner": 90}, "Neurons cannot"), ({"num_hidden_layers": 1}, "B has no block 1")]:
        services, comparison = with_models(tmp_path / words, tiny_gpt2, make_tiny("gpt2", **shape))
        drawn = draw_activation_difference(services, comparison, NEURON)
        assert words in drawn["neuron"].layout.annotations[0].text
        assert words in drawn["reading"]
        assert len(drawn["figure"].data) == 2


def test_it_is_registered(services: AppServices):
    registered = callbacks.activation.register(Dash("one"), services)
    assert registered.difference is not None
    drawn = registered.difference(services.comparison(A, B), NEURON, theme="light", quantity="mean", listing="tile")
    assert drawn.keys() | {"selection", "drawn"} == registered.outputs.keys() | {"results"}


def test_lines_of_a_are_not_taken_for_those_of_a_difference(services: AppServices):
    one = draw_activation(services, A, NEURON)
    compared = draw_activation_difference(services, services.comparison(A, B), NEURON, lines=one["lines"])
    other = draw_activation_difference(services, services.comparison(A, A), NEURON, lines=compared["lines"])
    assert isinstance(compared["figure"], go.Figure)
    assert isinstance(other["figure"], go.Figure)
    assert len({one["lines"], compared["lines"], other["lines"]}) == 3
    again = draw_activation_difference(services, services.comparison(A, B), NEURON, lines=compared["lines"])
    assert isinstance(again["figure"], Patch)
