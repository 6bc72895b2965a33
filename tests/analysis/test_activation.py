"""Norms, means and neurons, computed a second time from plain transformers outputs."""

import numpy as np
import pytest
import torch

from analysis.activation import N_STRONGEST, compute_activation
from analysis.errors import SelectionError
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.selection import Part, Selection
from analysis.trace import Prompt, Trace
from tests.tiny import TEXT

POSITION = 4


def mlp(block: int, neuron: int | None = None) -> Selection:
    return Selection(Part.MLP, block=block, neuron=neuron)


@pytest.fixture
def trace(tiny_model: LanguageModel) -> Trace:
    return compute_trace(tiny_model, Prompt("tiny", TEXT[:50]))


def test_norm_and_mean_of_the_stream(tiny_model: LanguageModel, trace: Trace) -> None:
    with torch.inference_mode():
        states = tiny_model.network(
            input_ids=torch.from_numpy(trace.token_ids)[None], output_hidden_states=True
        ).hidden_states
    norms, means = (
        compute_activation(trace, Selection(Part.NORM), POSITION, quantity=quantity).stream
        for quantity in ("norm", "mean")
    )
    assert norms.shape == means.shape == (trace.n_positions, 4)
    for i, state in enumerate(states[:-1]):  # the last one went through the final norm
        np.testing.assert_allclose(norms[:, i], state[0].double().square().sum(-1).sqrt(), rtol=1e-5)
        np.testing.assert_allclose(means[:, i], state[0].double().mean(-1), rtol=1e-3, atol=1e-6)
    last = trace.residual(3).astype(np.float64)
    np.testing.assert_allclose(norms[:, 3], np.sqrt((last**2).sum(1)), rtol=1e-5)
    np.testing.assert_allclose(means[:, 3], last.sum(1) / 32, rtol=1e-3, atol=1e-6)


def test_a_chosen_neuron_across_the_tokens(trace: Trace) -> None:
    result = compute_activation(trace, mlp(1, 17), POSITION)
    assert result.chosen
    assert result.neuron == 17
    assert result.values is not None
    assert result.values.tolist() == [trace.neurons(1)[p, 17] for p in range(trace.n_positions)]


def test_without_a_neuron_the_strongest_is_shown(trace: Trace) -> None:
    result = compute_activation(trace, mlp(2), POSITION)
    here = trace.neurons(2)[POSITION].tolist()
    best = max(range(len(here)), key=lambda neuron: abs(here[neuron]))
    assert not result.chosen
    assert result.neuron == result.strongest == best
    assert result.strongest_value == here[best]
    assert result.values is not None
    assert result.values[POSITION] == here[best]


def test_the_strongest_come_by_absolute_value_and_keep_their_sign(trace: Trace) -> None:
    result = compute_activation(trace, mlp(0, 3), POSITION, listing="strongest")
    here = trace.neurons(0)[POSITION].tolist()
    assert result.listed is not None
    assert result.listed_values is not None
    by_size = sorted(range(len(here)), key=lambda neuron: -abs(here[neuron]))
    assert result.listed.tolist() == by_size[:N_STRONGEST]
    assert result.listed_values.tolist() == [here[neuron] for neuron in by_size[:N_STRONGEST]]


def test_the_tile_of_a_neuron(trace: Trace) -> None:
    width, count = trace.info.tile_width, trace.info.n_neurons
    tiles: dict[int, list[int]] = {}
    for neuron in range(count):
        listed = compute_activation(trace, mlp(1, neuron), POSITION).listed
        assert listed is not None
        assert neuron in listed
        tiles[listed[0]] = listed.tolist()
    # Every neuron is in one tile, and none is beyond the last.
    assert [neuron for tile in tiles.values() for neuron in tile] == list(range(count))
    assert {len(tile) for tile in list(tiles.values())[:-1]} == {width}


def test_without_a_neuron_the_tile_is_that_of_the_strongest(trace: Trace) -> None:
    strongest = int(np.abs(trace.neurons(1)[POSITION]).argmax())
    chosen, default = (compute_activation(trace, mlp(1, neuron), POSITION) for neuron in (strongest, None))
    assert chosen.listed is not None
    assert default.listed is not None
    assert default.listing == "tile"
    assert default.listed.tolist() == chosen.listed.tolist()


def test_the_strongest_is_told_although_a_tile_is_listed(trace: Trace) -> None:
    listed, tile = (
        compute_activation(trace, mlp(1, 0), POSITION, listing=listing) for listing in ("strongest", "tile")
    )
    assert listed.strongest == tile.strongest
    assert listed.strongest_value == tile.strongest_value


def test_no_neurons_without_a_block(trace: Trace) -> None:
    result = compute_activation(trace, Selection(Part.NORM), POSITION)
    assert result.block is result.neuron is result.values is result.listed is None


def test_unknown_choices_are_refused(trace: Trace) -> None:
    with pytest.raises(SelectionError, match="median"):
        compute_activation(trace, mlp(0), 0, quantity="median")  # type: ignore[arg-type]
    with pytest.raises(SelectionError, match="weakest"):
        compute_activation(trace, mlp(0), 0, listing="weakest")  # type: ignore[arg-type]
