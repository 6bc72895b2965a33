"""Value-weighted attention against the vectors themselves, from plain modules' values, on every family."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from analysis.attention import compute_attention
from analysis.causes.value_weighted import compute_value_weighted
from analysis.errors import SelectionError
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.trace import Prompt, Trace
from tests.analysis.parts import Parts, added

TEXT, BLOCK = "The fox met a crow 🧀.", 1


@pytest.fixture
def trace(tiny_model: LanguageModel) -> Trace:
    return compute_trace(tiny_model, Prompt("tiny", TEXT))


def vectors(model: LanguageModel, trace: Trace, head: int) -> Any:
    """What the head adds to each query from each key, (query, key, d_model), in float64."""
    parts, seen = Parts(model.network), []
    attention = parts.attention[BLOCK]
    hook = attention.register_forward_pre_hook(
        lambda _module, args, kwargs: seen.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True
    )
    with torch.inference_mode():
        given = model.network(input_ids=torch.tensor(trace.token_ids[None]), output_attentions=True)
        hook.remove()
        values = parts.values(attention, seen[0][0]).double()
    values = values.repeat_interleave(trace.info.n_heads // values.shape[1], dim=1)[:, head]
    out, width = parts.attention_out[BLOCK], trace.info.d_head
    with torch.inference_mode():
        weight = out.weight.double().T if isinstance(out, torch.nn.Linear) else out.weight.double()
        inputs = torch.tensor(trace.head_outputs(BLOCK).reshape(trace.n_positions, -1)).double()
        whole = inputs @ weight + (0 if out.bias is None else out.bias.double())
        weights = given.attentions[BLOCK][0, head].double()
        pieces = weights[:, :, None] * (values @ weight[head * width : (head + 1) * width])
        return added(parts.norms_after[BLOCK][0], pieces, whole[:, None]).numpy()


def test_norms_are_those_of_the_vectors(tiny_model: LanguageModel, trace: Trace) -> None:
    for head in (1, 2):  # whose groups of keys and values differ
        selection = Selection.parse(f"block.{BLOCK}.attention.head.{head}")
        result = compute_value_weighted(tiny_model, trace, selection, 4)
        expected = vectors(tiny_model, trace, head)
        assert_allclose(result.grid, np.linalg.norm(expected, axis=2), rtol=1e-3, atol=1e-5)
        assert_array_equal(result.heads[head], result.grid)
        # What is moved sums to what the head adds, whose norm the trace has from the pass.
        total = np.linalg.norm(expected.sum(axis=1), axis=1)
        assert_allclose(trace.head_norms(BLOCK)[:, head], total, rtol=1e-3, atol=1e-5)
        assert result.strongest == result.grid[4].argmax()
        raw = compute_attention(trace, selection, 4)
        assert (result.view, result.first_share, result.sharpest) == ("value_weighted", raw.first_share, raw.sharpest)
        assert result.grid.dtype == result.heads.dtype == np.float32


def test_without_a_head_it_is_the_mean_of_the_norms(tiny_model: LanguageModel, trace: Trace) -> None:
    selection = Selection.parse(f"block.{BLOCK}.attention")
    result = compute_value_weighted(tiny_model, trace, selection, 4)
    assert_allclose(result.grid, result.heads.mean(axis=0), rtol=1e-5, atol=1e-7)


def test_a_part_outside_the_blocks_is_refused(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    with pytest.raises(SelectionError, match="has no attention"):
        compute_value_weighted(tiny_gpt2, trace, Selection.parse("output"), 0)
