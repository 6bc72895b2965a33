"""Weights that are not finite, one in each part of a network of every family: the part is named, and nothing that
depends on it has a number.
"""

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from analysis.activation import compute_activation
from analysis.architecture import compute_architecture
from analysis.attention import compute_attention, find_opening
from analysis.embedding import compute_embedding
from analysis.errors import SelectionError
from analysis.logit_lens import compute_lens_cells, compute_logit_lens
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model
from analysis.numerics.nonfinite import NonFinite, find_nonfinite, unreadable
from analysis.overview import compute_overview
from analysis.prediction import compute_prediction
from analysis.saliency import compute_saliency
from analysis.selection import Part, Selection
from analysis.strip import compute_strip
from analysis.trace import Prompt, Trace

TEXT = "the fox ate the crow"
NAN, INF = float("nan"), float("inf")


def broken(model: LanguageModel, change: Callable[[nn.Module], None]) -> tuple[LanguageModel, Trace]:
    """A copy of the model with other weights, and its trace."""
    network = deepcopy(model.network)
    for module in network.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    with torch.no_grad():
        change(network)
    changed = prepare_model("broken", network, model.tokenizer)
    return changed, compute_trace(changed, Prompt("broken", TEXT))


def spoil(path: str, value: float = NAN) -> Callable[[nn.Module], None]:
    """Put a value into the last number of a module's weight."""

    def change(network: nn.Module) -> None:
        weight: Any = network.get_submodule(path).weight
        weight.view(-1)[-1] = value

    return change


def first_of(model: LanguageModel, change: Callable[[nn.Module], None]) -> NonFinite | None:
    return find_nonfinite(*broken(model, change))


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_the_first_part_is_named_in_every_family(tiny_model: LanguageModel, value: float) -> None:
    family = tiny_model.family
    attention, mlp = (f"{family.blocks}.1.{path}" for path in (family.attention_out, family.mlp_out))
    n_positions = compute_trace(tiny_model, Prompt("fine", TEXT)).n_positions
    assert find_nonfinite(tiny_model, compute_trace(tiny_model, Prompt("fine", TEXT))) is None
    assert first_of(tiny_model, spoil(attention, value)) == NonFinite(Part.ATTENTION, 1, n_positions, n_positions)
    assert first_of(tiny_model, spoil(mlp, value)) == NonFinite(Part.MLP, 1, n_positions, n_positions)
    if hasattr(tiny_model.network.get_submodule(family.final_norm), "weight"):
        found = first_of(tiny_model, spoil(family.final_norm, value))
        assert found == NonFinite(Part.NORM, None, n_positions, n_positions)


def test_a_bias_is_found_too(tiny_gpt2: LanguageModel) -> None:
    def change(network: Any) -> None:
        network.transformer.h[2].attn.c_proj.bias[3] = NAN

    assert first_of(tiny_gpt2, change) == NonFinite(Part.ATTENTION, 2, 7, 7)


def test_a_tokens_embedding_spoils_the_text(tiny_gpt2: LanguageModel) -> None:
    """Attention carries it to all positions: a weight of 0 times not-a-number is not a number."""
    ids = [token.id for token in compute_trace(tiny_gpt2, Prompt("fine", TEXT)).tokens]

    def change(network: Any) -> None:
        network.lm_head.weight = nn.Parameter(network.lm_head.weight.clone())
        network.transformer.wte.weight[ids[4]] = NAN

    n_times = ids.count(ids[4])
    model, trace = broken(tiny_gpt2, change)
    found = find_nonfinite(model, trace)
    assert found == NonFinite(Part.EMBEDDING, None, n_times, len(ids))
    assert found.sentence == (
        f"From the start, the residual stream is not finite at {n_times} of {len(ids)} positions (not-a-number or "
        "infinite); first: the token embedding."
    )
    strip = compute_strip(model, trace)
    assert np.isnan(strip.surprisal).all()
    assert not strip.ranks.any()


def test_one_row_of_the_output_head_spoils_every_prediction(tiny_gpt2: LanguageModel) -> None:
    def change(network: Any) -> None:
        network.lm_head.weight = nn.Parameter(network.lm_head.weight.clone())
        network.lm_head.weight[299] = NAN

    found = first_of(tiny_gpt2, change)
    assert found
    assert (found.part, found.sentence) == (
        Part.OUTPUT,
        "The residual stream is finite, but the logits are not finite (not-a-number or infinite); first: the output "
        "head.",
    )


def test_a_logit_of_minus_infinity_is_a_probability_of_zero(tiny_model: LanguageModel) -> None:
    logits = np.array([[0.0, -INF, 1.0], [INF, 0, 0], [NAN, 1, 2], [-INF, -INF, -INF]], dtype=np.float32)
    assert unreadable(logits).tolist() == [False, True, True, False]


def test_the_entropy_counts_what_cannot_come_as_zero(tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("fine", TEXT))
    logits = np.full(300, -INF, dtype=np.float32)
    logits[[3, 7]] = 2.0, 2.0 + math.log(3)
    monkeypatch.setattr(Trace, "logits", lambda _self: np.tile(logits, (trace.n_positions, 1)))
    result = compute_prediction(tiny_gpt2, trace, Selection(Part.OUTPUT), 0)
    assert result.entropy == pytest.approx(-(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75)))
    assert [(piece.id, share) for piece, share in result.top[:2]] == [
        (7, pytest.approx(0.75)),
        (3, pytest.approx(0.25)),
    ]


@pytest.fixture(scope="module")
def diverged(tiny_gpt2: LanguageModel) -> tuple[LanguageModel, Trace]:
    """A GPT-2 whose MLP of block 1 writes not-a-number."""
    return broken(tiny_gpt2, spoil("transformer.h.1.mlp.c_proj"))


def test_the_sentence_names_block_and_part(diverged: tuple[LanguageModel, Trace]) -> None:
    found = find_nonfinite(*diverged)
    assert found
    assert found.sentence == (
        "From block 1 on, the residual stream is not finite (not-a-number or infinite); first: the MLP of block 1."
    )


def test_what_comes_before_is_as_it_was(diverged: tuple[LanguageModel, Trace], tiny_gpt2: LanguageModel) -> None:
    fine, (model, trace) = compute_trace(tiny_gpt2, Prompt("fine", TEXT)), diverged
    last = trace.n_positions - 1
    head = Selection.parse("block.1.attention.head.2")
    before, now = (compute_architecture(one, head, last) for one in (fine, trace))
    assert before.heads is not None
    assert now.heads is not None
    np.testing.assert_array_equal(now.heads[:2], before.heads[:2])
    assert np.isnan(now.heads[2]).all()
    assert now.residual_norms is not None
    assert np.isfinite(now.residual_norms).tolist() == [True, True, False, False]
    for color_by in ("entropy", "first"):
        shown = compute_architecture(trace, head, last, color_by=color_by)  # type: ignore[arg-type]
        assert shown.heads is not None
        assert np.isfinite(shown.heads).all(axis=1).tolist() == [True, True, False]
    assert compute_overview(trace, head, last).rank == 1 + (before.heads[:2] > before.heads[1, 2]).sum()
    assert compute_overview(trace, Selection.parse("block.2.attention.head.2"), last).rank is None
    cells, was = compute_lens_cells(model, trace), compute_lens_cells(tiny_gpt2, fine)
    np.testing.assert_array_equal(cells.top[:2], was.top[:2])
    np.testing.assert_array_equal(cells.next_ranks[:2], was.next_ranks[:2])
    assert (cells.top[2:] == -1).all()
    assert np.isnan(cells.probabilities[2:]).all()
    assert not cells.output_ranks.any()
    attention = compute_attention(trace, head, last)
    np.testing.assert_array_equal(attention.grid, compute_attention(fine, head, last).grid)
    opening = find_opening(trace)
    assert opening
    assert opening.block < 2
    activation = compute_activation(trace, Selection.parse("block.1.mlp"), last)
    assert activation.strongest == compute_activation(fine, Selection.parse("block.1.mlp"), last).strongest
    assert np.isfinite(activation.stream).all(axis=0).tolist() == [True, True, False, False]
    lens = Selection.parse("block.0.mlp")
    assert compute_prediction(model, trace, lens, 3).top == compute_prediction(tiny_gpt2, fine, lens, 3).top


def test_what_comes_after_has_no_number(diverged: tuple[LanguageModel, Trace]) -> None:
    model, trace = diverged
    last = trace.n_positions - 1
    output = compute_prediction(model, trace, Selection(Part.OUTPUT), last)
    assert (output.top, output.next, len(output.logits)) == ((), None, 0)
    assert np.isnan(output.entropy)
    late = compute_attention(trace, Selection.parse("block.2.attention.head.1"), last)
    assert np.isnan(late.first_share)
    assert late.sharpest is None
    rollout = compute_attention(trace, Selection.parse("block.1.attention"), last, view="rollout").grid
    np.testing.assert_allclose(rollout.sum(axis=1), 1, atol=1e-5)
    cells = compute_lens_cells(model, trace)
    result = compute_logit_lens(model, trace, cells, Selection.parse("block.2.attention"), last)
    assert result.followed == ()
    assert result.between
    assert np.isnan(result.between[1])
    pinned = compute_logit_lens(model, trace, cells, Selection(Part.OUTPUT), last, pins=(5, 7))
    assert (pinned.ranks[:2] > 0).all()
    assert not pinned.ranks[2:].any()
    assert np.isnan(pinned.probabilities[2:]).all()
    with pytest.raises(
        SelectionError, match=r"After ‘.*’ there is no logit to explain. From block 1 on, .* MLP of block 1"
    ):
        compute_saliency(model, trace, last, method="occlusion")


def test_vectors_that_are_not_finite_have_no_place_in_the_projection(diverged: tuple[LanguageModel, Trace]) -> None:
    _, trace = diverged
    early = compute_embedding(trace, Selection.parse("block.0.mlp"), 2)
    assert early.paths is not None
    assert np.isfinite(early.paths).all(axis=(1, 2)).tolist() == [True, True, False, False]
    vectors = np.concatenate([trace.residual(depth) for depth in range(2)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    _, sizes, axes = np.linalg.svd(vectors - vectors.mean(axis=0))
    places = (vectors - vectors.mean(axis=0)) @ axes[:2].T
    np.testing.assert_allclose(np.abs(early.paths[:2].reshape(-1, 2)), np.abs(places), atol=1e-4)
    assert early.explained is not None
    np.testing.assert_allclose(early.explained, sizes[:2] ** 2 / (sizes**2).sum(), atol=1e-5)
    late = compute_embedding(trace, Selection.parse("block.2.mlp"), 2, method="tsne")
    assert (late.asked, late.method, late.nearest) == ("tsne", "pca", None)
    assert np.isnan(late.points).all()


def test_nothing_at_all_is_finite(tiny_gpt2: LanguageModel) -> None:
    def change(network: Any) -> None:
        network.transformer.wpe.weight.fill_(NAN)

    model, trace = broken(tiny_gpt2, change)
    found = find_nonfinite(model, trace)
    assert found
    assert found.part is Part.EMBEDDING
    assert find_opening(trace) is None
    assert np.isnan(compute_embedding(trace, Selection(Part.EMBEDDING), 0).points).all()
    assert compute_activation(trace, Selection.parse("block.0.mlp"), 0).strongest == 0
