"""The opening selection, compared with a search through all attention weights."""

from typing import Any

import numpy as np
import pytest

from analysis.attention import find_opening
from analysis.model_info import ModelInfo
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.tokens import Token
from analysis.trace import Prompt, Trace
from tests.tiny import TEXT


def made(*blocks: Any) -> Trace:
    """A trace of the last rows of attention, (n_heads, key), of each block."""
    n_heads, n_positions = np.shape(blocks[0])
    tokens = tuple(Token(position, f"t{position}", position, position) for position in range(n_positions))
    info = ModelInfo("GPT-2", len(blocks), n_heads, 1, 1, 1, 3, 8, 1, "f")
    arrays = {}
    for block, rows in enumerate(blocks):
        arrays[f"attention.{block}"] = grid = np.ones((n_heads, n_positions, n_positions), dtype=np.float32)
        grid[:, -1] = rows
    return Trace(Prompt("m", "x"), tokens, info, lambda name: arrays[name])


def test_it_is_the_largest_weight_of_all_on_every_family(tiny_model: LanguageModel) -> None:
    trace = compute_trace(tiny_model, Prompt("tiny", TEXT[:50]))
    last = trace.n_positions - 1
    counted = {
        (block, head, key): float(trace.attention(block)[head, last, key])
        for block in range(trace.info.n_blocks)
        for head in range(trace.info.n_heads)
        for key in range(last + 1)
        if key not in (0, last - 1, last)
    }
    found = find_opening(trace)
    assert found
    assert found.share == max(counted.values()) == counted[found.block, found.head, found.key.position]
    assert found.query == trace.tokens[last]


def test_first_token_itself_and_the_one_before_do_not_count() -> None:
    found = find_opening(
        made(
            [[0.9, 0.02, 0.03, 0.03, 0.02], [0.0, 0.0, 0.1, 0.9, 0.0]],
            [[0.1, 0.2, 0.0, 0.0, 0.7], [0.5, 0.3, 0.15, 0.0, 0.05]],
        )
    )
    assert found
    assert (found.block, found.head, found.key.label, found.query.label) == (1, 1, "t1", "t4")
    assert found.share == pytest.approx(0.3)


def test_of_equal_weights_the_first_wins() -> None:
    row = [0.2, 0.2, 0.2, 0.2, 0.2]
    found = find_opening(made([row, row], [row, row]))
    assert found
    assert (found.block, found.head, found.key.position) == (0, 0, 1)


@pytest.mark.parametrize("n_positions", [1, 2, 3])
def test_short_texts_have_none(n_positions: int) -> None:
    assert find_opening(made(np.full((2, n_positions), 1 / n_positions))) is None


def test_four_tokens_have_one_that_counts() -> None:
    found = find_opening(made([[0.97, 0.01, 0.01, 0.01]]))
    assert found
    assert found.key.position == 1
