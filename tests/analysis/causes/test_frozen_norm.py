"""A norm with its scale held, measured on norms of several kinds."""

import numpy as np
import pytest
import torch
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.nemotron.modeling_nemotron import NemotronLayerNorm1P
from transformers.models.olmo.modeling_olmo import OlmoLayerNorm

from analysis.causes.frozen_norm import frozen_norm

NORMS = {
    "LayerNorm": torch.nn.LayerNorm,
    "large epsilon": lambda d: torch.nn.LayerNorm(d, eps=0.1),
    "Llama": LlamaRMSNorm,
    "Gemma": lambda d: GemmaRMSNorm(d, eps=0.1),
    "Nemotron": NemotronLayerNorm1P,
    "OLMo": OlmoLayerNorm,
}


@pytest.mark.parametrize("width", [8, 9])
@pytest.mark.parametrize("kind", NORMS)
def test_it_is_the_norm_at_the_vector_and_linear(kind: str, width: int) -> None:
    torch.manual_seed(0)
    norm = NORMS[kind](width)
    for weight in norm.parameters():
        weight.data += torch.randn(width)
        weight.requires_grad_(False)
    vector, direction = np.random.default_rng(0).normal(3, 1, (2, width)).astype(np.float32)
    frozen = frozen_norm(norm, vector)
    expected = norm(torch.from_numpy(vector)).numpy()
    product = frozen.pulled_back(direction) @ vector + frozen.bias @ direction
    assert product == pytest.approx(expected @ direction, rel=1e-4, abs=1e-5)
    assert frozen.centred == ("RMS" not in type(norm).__name__)
    # The scale stays when the vector changes: a part that is half of the vector has half of it.
    assert frozen.pulled_back(direction) @ (vector / 2) == pytest.approx(
        (expected - frozen.bias) @ direction / 2, rel=1e-4, abs=1e-5
    )


def test_a_norm_without_gains_writes_nothing() -> None:
    norm = torch.nn.LayerNorm(4).requires_grad_(False)
    norm.weight.zero_()
    assert not frozen_norm(norm, np.arange(4, dtype=np.float32)).gains.any()
