"""Saliency of particular families: parallel blocks, logit caps, precision."""

from typing import Any

import numpy as np
import pytest
import torch

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.saliency import SaliencyResult, compute_saliency
from analysis.saliency_methods.baselines import zero_is_singular
from analysis.trace import Prompt
from tests.tiny import make_tiny

pytestmark = pytest.mark.long

POSITION = 8
PROMPT = Prompt("tiny", "The fox met a crow. The fox ate")


def saliency(model: LanguageModel, **choices: Any) -> SaliencyResult:
    return compute_saliency(model, compute_trace(model, PROMPT), POSITION, **choices)


def test_gradients_are_those_of_the_plain_network(tiny_model: LanguageModel) -> None:
    """At the embeddings and at every block: without gates, without leaving out what the last MLP does elsewhere."""
    network: Any = tiny_model.network
    trace = compute_trace(tiny_model, PROMPT)
    entering: list[torch.Tensor] = []

    def enter(_block: Any, args: tuple[torch.Tensor, ...]) -> None:
        if torch.is_grad_enabled():
            args[0].retain_grad()
            entering.append(args[0])

    blocks = network.get_submodule(tiny_model.family.blocks)
    handles = [block.register_forward_pre_hook(enter) for block in blocks]
    try:
        text = network.get_input_embeddings()(torch.from_numpy(trace.token_ids)[None]).requires_grad_()
        network(inputs_embeds=text, use_cache=False).logits[0, POSITION, 7].backward()
    finally:
        for handle in handles:
            handle.remove()
    result = saliency(tiny_model, target=7, method="gradient_norm")
    norms = [vectors.grad[0].norm(dim=-1).numpy() for vectors in (text, *entering)]  # type: ignore[union-attr]
    assert result.depth is not None
    assert len(norms) == 1 + trace.info.n_blocks
    np.testing.assert_allclose([result.attributions, *result.depth], norms, rtol=1e-3, atol=1e-5 * np.max(norms))


def test_attributions_sum_from_the_end_of_text_token(tiny_model: LanguageModel) -> None:
    result = saliency(tiny_model, target=7, baseline="end", method="depth")
    assert result.depth is not None
    np.testing.assert_allclose(result.depth.sum(axis=1), result.value - result.base, rtol=0.01)
    logits = compute_trace(tiny_model, PROMPT).logits()
    assert result.value == pytest.approx(logits[POSITION, 7], abs=1e-5)


def test_zero_is_singular_where_norms_have_no_biases(tiny_model: LanguageModel) -> None:
    """By the families whose norms are LayerNorms with biases; the others' are RMSNorms, or have no parameters."""
    network: Any = tiny_model.network
    biased = ["gpt2", "gpt_neo", "gptj", "gpt_neox", "opt", "phi", "stablelm", "starcoder2", "jais2", "nemotron"]
    assert zero_is_singular(tiny_model) == (network.config.model_type not in biased)


def test_the_zero_baseline_is_the_zero_vector(tiny_model: LanguageModel) -> None:
    network: Any = tiny_model.network
    with torch.inference_mode():
        base = network(inputs_embeds=torch.zeros(1, POSITION + 1, 32), use_cache=False).logits[0, -1, 7]
    assert saliency(tiny_model, target=7, method="input_gradient", baseline="zero").base == pytest.approx(
        float(base), abs=1e-6
    )


@pytest.mark.parametrize("kind", ["gpt2", "gpt_neo", "gptj"])
def test_many_blocks_can_be_left_out(kind: str) -> None:
    """GPT-Neo and GPT-J take what a block gives apart, again and again."""
    layers = {"attention_types": [[["global", "local"], 3]]} if kind == "gpt_neo" else {}
    result = saliency(make_tiny(kind, num_hidden_layers=6, **layers), method="depth")
    assert result.depth is not None
    assert result.depth.shape[0] == 6
    assert result.converged


@pytest.mark.parametrize("kind", ["gpt_neo", "gptj", "gemma2", "gemma3_text"])
def test_bfloat16_gives_nearly_the_same_or_is_not_used(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caps and scores in bfloat16 are coarse; what does not sum up is computed again."""
    model = make_tiny(kind)
    monkeypatch.setattr("analysis.saliency_methods.methods.prefers_bfloat16", lambda _width: False)
    exact = saliency(model, baseline="mean")
    monkeypatch.setattr("analysis.saliency_methods.methods.prefers_bfloat16", lambda _width: True)
    fast = saliency(model, baseline="mean")
    assert exact.precision == "float32"
    assert exact.converged
    assert fast.converged
    largest = np.abs(exact.attributions).max()
    np.testing.assert_allclose(fast.attributions, exact.attributions, atol=0.05 * largest)


def test_where_logits_are_bent_most_bfloat16_is_exact_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """tanh is so near its end that bfloat16 holds only a few values of its slope."""
    model = make_tiny("gemma2", final_logit_softcapping=0.3)
    results = []
    for prefers in (True, False):
        monkeypatch.setattr("analysis.saliency_methods.methods.prefers_bfloat16", lambda _width, it=prefers: it)
        results.append(saliency(model, baseline="mean"))
    fast, exact = results
    assert 0.29 < exact.value < 0.3
    assert fast.converged
    largest = np.abs(exact.attributions).max()
    np.testing.assert_allclose(fast.attributions, exact.attributions, atol=0.01 * largest)
