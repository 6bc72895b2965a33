"""Ranks of the selected part among all, each computed a second time by sorting."""

import pytest

from analysis.architecture import ColorBy
from analysis.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.overview import compute_overview, overview_without_values
from analysis.selection import Selection
from analysis.trace import Prompt, Trace

POSITION = 4


@pytest.fixture
def trace(tiny_model: LanguageModel) -> Trace:
    return compute_trace(tiny_model, Prompt("tiny", "The fox met a crow 🧀."))


def test_a_heads_rank_is_its_place_among_all_heads(trace: Trace) -> None:
    norms = [(float(trace.head_norms(block)[POSITION, head]), block, head) for block in range(3) for head in range(4)]
    for place, (norm, block, head) in enumerate(sorted(norms, reverse=True), start=1):
        result = compute_overview(trace, Selection.parse(f"block.{block}.attention.head.{head}"), POSITION)
        assert (result.rank, result.value) == (place, pytest.approx(norm))


def test_a_neurons_rank_is_that_of_its_tile(trace: Trace) -> None:
    width, last = trace.info.tile_width, trace.info.n_neurons - 1
    norms = [float(norm) for block in range(3) for norm in trace.tile_norms(block)[POSITION]]
    for block, neuron in [(0, 0), (1, width), (2, last)]:
        result = compute_overview(trace, Selection.parse(f"block.{block}.mlp.neuron.{neuron}"), POSITION)
        own = float(trace.tile_norms(block)[POSITION, neuron // width])
        assert result.value == pytest.approx(own)
        assert result.rank == sorted(norms, reverse=True).index(own) + 1


@pytest.mark.parametrize(
    ("selection", "color_by"),
    [
        ("block.1.attention", "norm"),
        ("block.1.mlp", "norm"),
        ("output", "norm"),
        ("block.1.mlp.neuron.3", "entropy"),
        ("block.1.attention.head.2", "kind"),
    ],
)
def test_what_has_no_number_has_no_rank(trace: Trace, selection: str, color_by: ColorBy) -> None:
    result = compute_overview(trace, Selection.parse(selection), POSITION, color_by=color_by)
    assert (result.value, result.rank) == (None, None)


def test_without_weights_there_are_kinds(trace: Trace) -> None:
    result = overview_without_values(trace.info, Selection.parse("block.1.attention.head.2"))
    assert (result.parts.color_by, result.value, result.rank) == ("kind", None, None)
