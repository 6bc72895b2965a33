"""Attributions of A minus B, against gradients of Hugging Face's model in float64."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from transformers import AutoModelForCausalLM

from analysis.comparison.saliency import SaliencyDifference, compute_saliency_difference
from analysis.models.language_model import LanguageModel
from analysis.saliency import compute_saliency
from tests.comparing import LONGER, A, B, compared, without_head
from tests.tiny import make_tiny

METHODS = ("integrated", "depth", "input_gradient", "gradient_norm", "occlusion")
TARGET = 17


def minus(
    model: LanguageModel, a: str, b: str, other: LanguageModel | None = None, method: Any = "input_gradient"
) -> SaliencyDifference:
    comparison = compared(model, a, b, other)
    last = comparison.a.n_positions - 1
    results = [
        compute_saliency(one, trace, position, target=TARGET, method=method)
        for one, trace, position in (
            (model, comparison.a, last),
            (other or model, comparison.b, comparison.counterpart(last)),
        )
    ]
    return compute_saliency_difference(comparison, *results)


def input_gradients(model: LanguageModel, text: str) -> Any:
    """Gradient times embedding of the target's logit after the text, (n_positions,), in float64."""
    network = AutoModelForCausalLM.from_config(model.network.config, attn_implementation="eager")
    network.load_state_dict(model.network.state_dict())
    network = network.eval().double()
    embeddings = network.transformer.wte(torch.tensor([model.tokenize(text)])).detach().requires_grad_()
    network(inputs_embeds=embeddings).logits[0, -1, TARGET].backward()
    return (embeddings.grad * embeddings).sum(-1)[0].detach().numpy()


@pytest.mark.parametrize("method", METHODS)
def test_of_equals_every_difference_is_0(tiny_gpt2: LanguageModel, method: str):
    result = minus(tiny_gpt2, A, A, method=method)
    assert_array_equal(result.attributions, np.zeros(5))
    assert (result.depth is None) == (method not in ("depth", "input_gradient", "gradient_norm"))
    if result.depth is not None:
        assert_array_equal(result.depth, np.zeros((3, 5)))
    assert (result.value, result.base, result.doubtful, result.has_sign) == (0, 0, False, True)


def test_swapped_the_signs_change_exactly(tiny_gpt2: LanguageModel):
    here, there = minus(tiny_gpt2, A, B), minus(tiny_gpt2, B, A)
    assert here.attributions.any()
    assert_array_equal(here.attributions, -there.attributions)
    assert_array_equal(here.others, there.a.attributions)


@pytest.mark.parametrize(("a", "b"), [(A, B), (A, LONGER), (LONGER, A)])
def test_it_is_the_difference_of_the_networks_gradients(tiny_gpt2: LanguageModel, a: str, b: str):
    result = minus(tiny_gpt2, a, b)
    here, there = input_gradients(tiny_gpt2, a), input_gradients(tiny_gpt2, b)
    aligned = compared(tiny_gpt2, a, b).aligned
    for position, other in enumerate(aligned.tolist()):
        if other < 0:
            assert np.isnan(result.attributions[position])
        else:
            assert_allclose(result.attributions[position], here[position] - there[other], atol=1e-4)


def test_blocks_that_b_does_not_have_are_missing(tiny_gpt2: LanguageModel):
    result = minus(tiny_gpt2, A, A, make_tiny("gpt2", num_hidden_layers=2), method="depth")
    assert result.depth is not None
    assert_array_equal(np.isnan(result.depth).all(axis=1), [False, False, True])
    assert np.isfinite(result.depth[:2]).all()
    assert result.path is None


def test_at_the_inputs_of_later_blocks_a_missing_head_of_an_earlier_one_counts(tiny_gpt2: LanguageModel):
    result = minus(tiny_gpt2, A, A, without_head(tiny_gpt2), method="depth")
    assert result.depth is not None
    assert (np.abs(result.depth).sum(axis=1) > 0).all()
    assert_array_equal(result.depth[:, -1] == 0, False)


def test_it_is_as_doubtful_as_either(tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch):
    result = minus(tiny_gpt2, A, B, method="depth")
    assert (result.doubtful, result.doubtful_rows.size) == (False, 0)
    monkeypatch.setattr("analysis.saliency.DOUBTFUL", -1.0)
    assert result.doubtful
    assert result.doubtful_rows.tolist() == [0, 1, 2]
