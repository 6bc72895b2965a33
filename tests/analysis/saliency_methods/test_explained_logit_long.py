"""Gradients of texts of more than 256 tokens: recomputed blocks give the same result."""

from typing import Any

import numpy as np
import pytest
from torch import nn

import analysis.saliency_methods.explained_logit
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.saliency import SaliencyMethod, SaliencyResult, compute_saliency
from analysis.trace import Prompt
from tests.tiny import long_text, make_tiny

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", params=["gpt2", "llama", "gpt_neox"])
def model(request: pytest.FixtureRequest) -> LanguageModel:
    return make_tiny(request.param, max_position_embeddings=320)


def attributed(model: LanguageModel, n_tokens: int, method: SaliencyMethod) -> SaliencyResult:
    trace = compute_trace(model, Prompt("tiny", long_text(model, n_tokens)))
    budget = 9 if method in {"integrated", "depth"} else None
    return compute_saliency(model, trace, n_tokens - 2, target=7, method=method, budget=budget)


@pytest.mark.parametrize("method", ["integrated", "depth", "input_gradient", "gradient_norm"])
def test_attributions_are_the_same(
    model: LanguageModel, method: SaliencyMethod, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = attributed(model, 300, method)
    monkeypatch.setattr(analysis.saliency_methods.explained_logit, "RECOMPUTE_ABOVE", 10**6)
    plain = attributed(model, 300, method)
    most = float(np.abs(plain.attributions).max())
    assert most > 0
    np.testing.assert_allclose(again.attributions, plain.attributions, rtol=1e-4, atol=1e-5 * most)
    if plain.depth is not None and again.depth is not None:
        np.testing.assert_allclose(again.depth, plain.depth, rtol=1e-4, atol=1e-5 * float(np.abs(plain.depth).max()))


@pytest.mark.parametrize(("n_tokens", "passes"), [(256, 1), (300, 2)])
def test_each_block_is_computed_twice_above_256_tokens(n_tokens: int, passes: int) -> None:
    """So that what its gradient needs is not kept. One pass more reads the values."""
    model, seen = make_tiny("gpt2", max_position_embeddings=320), []

    class Counted(nn.Module):
        def __init__(self, part: Any) -> None:
            super().__init__()
            self.part = part

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            seen.append(1)
            return self.part(*args, **kwargs)

    block: Any = model.network.get_submodule(model.family.blocks)[1]  # type: ignore[index]
    block.ln_1 = Counted(block.ln_1)
    trace = compute_trace(model, Prompt("tiny", long_text(model, n_tokens)))
    seen.clear()
    compute_saliency(model, trace, n_tokens - 1, target=7, method="input_gradient")
    assert len(seen) == 1 + passes
