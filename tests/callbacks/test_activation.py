"""The activations panel, drawn for a tiny model."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from analysis.errors import SelectionError
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.activation import draw_activation
from dashboard.drawing import plain
from layouts.theme import DARK


def test_a_neuron_is_shown_at_every_token(services: Any, prompt: Prompt) -> None:
    drawn = draw_activation(services, prompt, Selection.parse("block.1.mlp.neuron.17@5"))
    lines, one, many = drawn["figure"], drawn["neuron"], drawn["neurons"]
    trace = services.trace(prompt)
    norms = np.array([np.linalg.norm(trace.residual(i)[5]) for i in range(4)])
    np.testing.assert_allclose(lines.data[1].y[:4], norms, rtol=1e-6)
    np.testing.assert_array_equal(one.data[0].y, trace.neurons(1)[:, 17])
    width = trace.info.tile_width
    start = 17 // width * width
    assert list(many.data[0].customdata) == [f"block.1.mlp.neuron.{start + n}" for n in range(width)]
    assert f"Neurons {start}–{start + width - 1} (one tile) of block 1" in many.layout.title.text
    assert drawn["title"] == "Activations · block 1, neuron 17"
    assert f"‘{trace.tokens[5].label}’" in drawn["reading"]


@pytest.mark.parametrize("selection", ["block.2.attention.head.1@3", "block.2.mlp@3"])
def test_without_a_neuron_the_strongest_of_the_block_is_shown(services: Any, prompt: Prompt, selection: str) -> None:
    drawn = draw_activation(services, prompt, Selection.parse(selection))
    one, many = drawn["neuron"], drawn["neurons"]
    neurons = services.trace(prompt).neurons(2)
    strongest = int(np.abs(neurons[3]).argmax())
    np.testing.assert_array_equal(one.data[0].y, neurons[:, strongest])
    assert f"block.2.mlp.neuron.{strongest}" in many.data[0].customdata
    assert "(one tile) of block 2" in many.layout.title.text
    assert f"Neuron {strongest} at each token (strongest" in one.layout.title.text
    assert f"neuron {strongest} of block 2 is strongest" in drawn["reading"]
    assert drawn["title"] == "Activations · block 2"


@pytest.mark.parametrize(("part", "edge"), [("embedding", 0), ("norm", 3), ("output", 3)])
def test_a_part_outside_the_blocks_has_no_neurons(services: Any, prompt: Prompt, part: str, edge: int) -> None:
    drawn = draw_activation(services, prompt, Selection.parse(f"{part}@2"))
    assert list(drawn["figure"].data[2].x) == [edge]
    for figure in (drawn["neuron"], drawn["neurons"]):
        assert not figure.data
        assert "no neurons" in figure.layout.annotations[0].text
    assert drawn["title"] == f"Activations · {part}"
    assert "neuron" not in drawn["reading"]


def test_choices_and_look(services: Any, prompt: Prompt) -> None:
    selection = Selection.parse("block.1.mlp.neuron.17@5")
    drawn = draw_activation(services, prompt, selection, theme="dark", quantity="mean", listing="strongest")
    lines, many = drawn["figure"], drawn["neurons"]
    trace = services.trace(prompt)
    assert lines.data[1].line.color == DARK.accent2
    np.testing.assert_allclose(lines.data[1].y[:4], [trace.residual(i)[5].mean() for i in range(4)], atol=1e-6)
    strongest = np.abs(trace.neurons(1)[5]).argsort()[::-1][:3]
    assert list(many.data[0].customdata[:3]) == [f"block.1.mlp.neuron.{neuron}" for neuron in strongest]


def test_a_choice_that_does_not_exist_is_refused(services: Any, prompt: Prompt) -> None:
    with pytest.raises(SelectionError):
        draw_activation(services, prompt, Selection.parse("output"), quantity="sum")  # type: ignore[arg-type]


def test_after_a_click_the_lines_of_all_tokens_are_not_sent_again(services: Any, prompt: Prompt) -> None:
    first = draw_activation(services, prompt, Selection.parse("block.1.mlp@5"))
    selection = Selection.parse("block.2.attention.head.1@3")
    again = draw_activation(services, prompt, selection, lines=first["lines"])
    whole = draw_activation(services, prompt, selection)["figure"].to_plotly_json()
    steps = {tuple(step["location"]): step["params"]["value"] for step in plain(again["figure"])["operations"]}
    assert steps == {("data", 1): plain(whole["data"][1]), ("layout",): plain(whole["layout"])}
    assert again["lines"] == first["lines"]


@pytest.mark.parametrize(
    "changes",
    [{"theme": "dark"}, {"quantity": "mean"}, {"prompt": Prompt("tiny", "The crow had a fox")}, {"part": "output@3"}],
    ids=str,
)
def test_other_lines_are_sent(services: Any, prompt: Prompt, changes: dict[str, str]) -> None:
    first = draw_activation(services, prompt, Selection.parse("block.1.mlp@5"))
    given = {"prompt": prompt, "part": "block.2.mlp@3", **changes}
    part = Selection.parse(str(given.pop("part")))
    again = draw_activation(services, given.pop("prompt"), part, lines=first["lines"], **given)
    assert isinstance(again["figure"], go.Figure)
    assert again["lines"] != first["lines"]
