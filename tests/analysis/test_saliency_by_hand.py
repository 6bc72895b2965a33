"""Attributions of a real GPT-2 whose weights are set so that every number can be computed on paper.

Width 2; the embedding of a token is (a, −a) and positions are (0, 0). With ε = 144 the norm before attention makes
g(a) = a / √(a² + 144) of it: 5/13, 3/5, 4/5 and −4/5 for a = 5, 9, 16, −16. Attention is uniform (queries and keys are
zero) and writes 10·g. MLPs and the attention of the second block write nothing. ε of the final norm is so large that it
only divides; the head takes that back. So with w of the target
    logit = w · (a of the last token + 10 · mean of g over all tokens).
"""

from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model
from analysis.saliency import SaliencyResult, compute_saliency
from analysis.trace import Prompt
from tests.tiny import byte_level_tokenizer

SIZES = {"p": 5.0, "q": 9.0, "x": 16.0, "y": -16.0}
TEXT = "pqyx"
W, V = 3.0, -1.0  # the head's weight for "x" and for "y"
ID = {letter: byte_level_tokenizer().encode(letter)[0] for letter in SIZES}


@pytest.fixture(scope="module")
def by_hand() -> LanguageModel:
    config = GPT2Config(
        vocab_size=300,
        bos_token_id=0,
        eos_token_id=0,
        n_embd=2,
        n_layer=2,
        n_head=1,
        n_positions=8,
        layer_norm_epsilon=144.0,
        tie_word_embeddings=False,
    )
    network: Any = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.fill_(1.0 if name.endswith(("ln_1.weight", "ln_2.weight", "ln_f.weight")) else 0.0)
        for letter, size in SIZES.items():
            network.transformer.wte.weight[ID[letter]] = torch.tensor([size, -size])
        attention = network.transformer.h[0].attn
        attention.c_attn.weight[:, 4:] = torch.eye(2)  # values; queries and keys stay zero
        attention.c_proj.weight.copy_(10 * torch.eye(2))
        network.transformer.ln_f.eps = 1e12
        for letter, weight in (("x", W), ("y", V)):
            network.lm_head.weight[ID[letter]] = torch.tensor([5e5, -5e5]) * weight
    return prepare_model("by hand", network, byte_level_tokenizer())


def saliency(model: LanguageModel, position: int, **choices: Any) -> SaliencyResult:
    trace = compute_trace(model, Prompt("by hand", TEXT))
    assert [token.id for token in trace.tokens] == [ID[letter] for letter in TEXT]
    return compute_saliency(model, trace, position, **{"baseline": "zero", **choices})


def test_integrated_gradients(by_hand: LanguageModel) -> None:
    """g is odd and each token's path is its own, so a token's share is what it writes, exactly."""
    result = saliency(by_hand, 3, target=ID["x"])
    expected = [W * 10 / 4 * 5 / 13, W * 10 / 4 * 3 / 5, W * 10 / 4 * -4 / 5, W * (10 / 4 * 4 / 5 + 16)]
    np.testing.assert_allclose(result.attributions, expected, rtol=1e-5)
    assert result.value == pytest.approx(sum(expected), rel=1e-5)
    assert result.base == 0
    assert result.error < 1e-5
    assert result.converged


def test_an_earlier_position(by_hand: LanguageModel) -> None:
    result = saliency(by_hand, 1, target=ID["x"])
    np.testing.assert_allclose(result.attributions, [W * 10 / 2 * 5 / 13, W * (10 / 2 * 3 / 5 + 9), 0, 0], rtol=1e-5)


def test_a_difference_of_two_logits(by_hand: LanguageModel) -> None:
    alone, minus = saliency(by_hand, 3, target=ID["x"]), saliency(by_hand, 3, target=ID["x"], against=ID["y"])
    np.testing.assert_allclose(minus.attributions, alone.attributions * (W - V) / W, rtol=1e-5)
    assert minus.value == pytest.approx(alone.value * (W - V) / W, rel=1e-5)


def test_from_the_mean_embedding(by_hand: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.saliency_methods.segments.TOLERANCE", 1e-6)
    mean = (5 + 9 + 16 - 16) / 300
    start = mean / np.sqrt(mean**2 + 144)
    result = saliency(by_hand, 3, target=ID["x"], baseline="mean")
    expected = [W * 10 / 4 * (g - start) for g in (5 / 13, 3 / 5, -4 / 5, 4 / 5)]
    np.testing.assert_allclose(result.attributions, expected + np.array([0, 0, 0, W * (16 - mean)]), rtol=1e-5)
    assert result.base == pytest.approx(W * (mean + 10 * start), rel=1e-4)


def test_depth(by_hand: LanguageModel) -> None:
    """After the first block only the last position's stream is read, and it is read linearly."""
    result = saliency(by_hand, 3, target=ID["x"], method="depth")
    assert result.depth is not None
    np.testing.assert_allclose(result.depth[0], result.attributions, rtol=1e-6)
    np.testing.assert_allclose(result.depth[1], [0, 0, 0, result.value], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(result.attributions, saliency(by_hand, 3, target=ID["x"]).attributions)


SLOPES = np.array([144 / 13**3, 144 / 15**3, 144 / 20**3, 144 / 20**3])  # g′(a) = 144 / √(a² + 144)³


def test_input_times_gradient(by_hand: LanguageModel) -> None:
    result = saliency(by_hand, 3, target=ID["x"], method="input_gradient")
    sizes = np.array([5, 9, -16, 16])
    np.testing.assert_allclose(result.attributions, W * sizes * (10 / 4 * SLOPES + np.array([0, 0, 0, 1])), rtol=1e-5)
    assert result.depth is not None
    np.testing.assert_allclose(result.depth, [result.attributions, [0, 0, 0, result.value]], rtol=1e-5, atol=1e-5)


def test_the_gradients_norm(by_hand: LanguageModel) -> None:
    """(a, −a) grows by √2 where a grows by 1, so the gradient is 1/√2 of that by a."""
    result = saliency(by_hand, 3, target=ID["x"], method="gradient_norm")
    expected = W * (10 / 4 * SLOPES + np.array([0, 0, 0, 1])) / np.sqrt(2)
    np.testing.assert_allclose(result.attributions, expected, rtol=1e-5)


def test_occlusion(by_hand: LanguageModel) -> None:
    """No token's share depends on another, so what is lost without one is its integrated gradient."""
    result = saliency(by_hand, 3, target=ID["x"], method="occlusion")
    np.testing.assert_allclose(result.attributions, saliency(by_hand, 3, target=ID["x"]).attributions, rtol=1e-5)
    assert (result.depth, result.certificates, result.gradients) == (None, None, 0)
