"""Ranks of the selected part among all, computed again by sorting, and the heads' patterns, cell by cell."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.architecture import ColorBy
from analysis.attribution import compute_attribution
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.overview import MOST_CELLS, MOST_SIDE, compute_overview, compute_patterns, overview_without_values
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


def test_of_attributions_the_rank_is_by_size(tiny_model: LanguageModel, trace: Trace) -> None:
    output = Selection.parse("output~7")
    attribution = compute_attribution(tiny_model, trace, output, POSITION, against=9)
    sizes = sorted(np.abs(attribution.heads.astype(np.float32)).ravel(), reverse=True)
    block, head = np.unravel_index(int(attribution.heads.argmin()), attribution.heads.shape)
    chosen = Selection.parse(f"block.{block}.attention.head.{head}~7")
    result = compute_overview(trace, chosen, POSITION, color_by="attribution", attribution=attribution)
    assert result.value == pytest.approx(attribution.heads.min(), rel=1e-5)
    assert result.rank == sizes.index(abs(np.float32(attribution.heads.min()))) + 1


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


def test_up_to_24_tokens_patterns_are_the_attention(trace: Trace) -> None:
    patterns = compute_patterns(trace)
    assert (patterns.square, patterns.n_positions) == (1, trace.n_positions)
    assert trace.n_positions <= MOST_SIDE
    for block in range(3):
        np.testing.assert_array_equal(patterns.heads[block], trace.attention(block))


def random_trace(n_blocks: int, n_heads: int, n_positions: int, trace: Trace) -> Trace:
    """Attention that is random numbers, which sum to anything."""
    info = replace(trace.info, n_blocks=n_blocks, n_heads=n_heads)
    attention = np.random.default_rng(1).random((n_blocks, n_heads, n_positions, n_positions), dtype=np.float32)

    def array(name: str) -> Any:
        return attention[int(name.split(".")[1])]

    return Trace(trace.prompt, trace.tokens[:1] * n_positions, info, array)


@pytest.mark.parametrize(("shape", "side"), [((2, 3, 25), 24), ((1, 2, 100), 24), ((30, 32, 40), 11)], ids=str)
def test_cells_of_longer_texts_are_the_largest_weights(
    shape: tuple[int, int, int], side: int, tiny_gpt2: LanguageModel
) -> None:
    """side: the most cells that a pattern may have, since all together are bounded."""
    made = random_trace(*shape, compute_trace(tiny_gpt2, Prompt("tiny", "The fox")))
    patterns = compute_patterns(made)
    n_blocks, n_heads, n_positions = shape
    square = patterns.square
    assert (square - 1) * side < n_positions <= square * side
    cells = -(-n_positions // square)
    assert patterns.heads.shape == (n_blocks, n_heads, cells, cells)
    assert patterns.heads.size <= MOST_CELLS
    for block, head, row, column in [(0, 0, 0, 0), (n_blocks - 1, 1, cells - 1, cells - 1), (0, 1, 3, 2)]:
        weights = [
            float(made.attention(block)[head, query, key])
            for query in range(row * square, min((row + 1) * square, n_positions))
            for key in range(column * square, min((column + 1) * square, n_positions))
        ]
        assert float(patterns.heads[block, head, row, column]) == max(weights)
