"""Values of the 3D scene, each computed a second time."""

import numpy as np
import pytest

from analysis.architecture import compute_architecture
from analysis.attribution import compute_attribution
from analysis.errors import SelectionError
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.selection import Part, Selection
from analysis.trace import Prompt, Trace

POSITION = 4


@pytest.fixture
def trace(tiny_model: LanguageModel) -> Trace:
    return compute_trace(tiny_model, Prompt("tiny", "The fox met a crow 🧀."))


def test_norms_are_those_of_the_trace(trace: Trace) -> None:
    result = compute_architecture(trace, Selection(Part.OUTPUT), POSITION)
    assert result.heads is not None
    assert result.tiles is not None
    assert result.heads.shape == (3, 4)
    assert result.tiles.shape == (3, trace.info.n_tiles)
    assert result.heads[2, 1] == trace.head_norms(2)[POSITION, 1]
    assert result.tiles[1, 3] == trace.tile_norms(1)[POSITION, 3]
    for i in range(4):
        assert result.residual_norms[i] == pytest.approx(np.sqrt((trace.residual(i)[POSITION] ** 2).sum()), rel=1e-5)


def test_entropy_and_share_of_the_first_token(trace: Trace) -> None:
    row = trace.attention(1)[2, POSITION].astype(np.float64)
    row = row[row > 0]
    entropy = compute_architecture(trace, Selection(Part.OUTPUT), POSITION, color_by="entropy")
    first = compute_architecture(trace, Selection(Part.OUTPUT), POSITION, color_by="first")
    assert entropy.heads is not None
    assert first.heads is not None
    assert entropy.heads[1, 2] == pytest.approx(-sum(p * np.log2(p) for p in row), abs=1e-5)
    assert first.heads[1, 2] == pytest.approx(row[0], abs=1e-7)
    assert entropy.tiles is None
    assert first.tiles is None


def test_the_strongest_neuron_of_a_tile_is_in_the_tile(trace: Trace) -> None:
    result = compute_architecture(trace, Selection(Part.OUTPUT), POSITION)
    width = trace.info.tile_width
    for block in range(3):
        neurons = np.abs(trace.neurons(block)[POSITION])
        for tile, neuron in enumerate(result.strongest[block]):
            members = neurons[tile * width : (tile + 1) * width]
            assert neuron == tile * width + int(np.argmax(members))


def test_kind_needs_no_numbers(trace: Trace) -> None:
    result = compute_architecture(trace, Selection(Part.OUTPUT), POSITION, color_by="kind")
    assert result.heads is None
    assert result.tiles is None


def test_attribution_is_that_of_heads_and_tiles(tiny_model: LanguageModel, trace: Trace) -> None:
    selection = Selection.parse("block.1.mlp~7")
    attribution = compute_attribution(tiny_model, trace, selection, POSITION, against=9)
    result = compute_architecture(trace, selection, POSITION, color_by="attribution", attribution=attribution)
    assert result.heads is not None
    assert result.tiles is not None
    assert result.heads == pytest.approx(attribution.heads, rel=1e-5)
    assert result.tiles == pytest.approx(attribution.tiles, rel=1e-5)
    assert (result.heads < 0).any()
    assert result.attribution is attribution
    with pytest.raises(SelectionError, match="needs the attribution"):
        compute_architecture(trace, selection, POSITION, color_by="attribution")


def test_an_unknown_colouring_is_refused(trace: Trace) -> None:
    with pytest.raises(SelectionError, match="no ‘age’ for the colouring"):
        compute_architecture(trace, Selection(Part.OUTPUT), POSITION, color_by="age")  # type: ignore[arg-type]
