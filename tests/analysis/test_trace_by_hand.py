"""GPT-2 written out in numpy and float64, against a Trace."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from analysis.models.forward import compute_trace
from analysis.trace import Prompt
from tests.tiny import TEXT, make_tiny


def gpt2_forward(weights: dict[str, np.ndarray], ids: np.ndarray, n_blocks: int, n_heads: int) -> dict[str, np.ndarray]:
    def norm(x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ weights[f"{name}.weight"] + weights[f"{name}.bias"]

    out: dict[str, np.ndarray] = {}
    n = len(ids)
    x = weights["transformer.wte.weight"][ids] + weights["transformer.wpe.weight"][:n]
    for b in range(n_blocks):
        block = f"transformer.h.{b}"
        out[f"residual.{b}"] = x
        qkv = linear(norm(x, f"{block}.ln_1"), f"{block}.attn.c_attn")
        query, key, value = (part.reshape(n, n_heads, -1).transpose(1, 0, 2) for part in np.split(qkv, 3, axis=-1))
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1])
        scores = np.where(np.tri(n, dtype=bool), scores, -np.inf)
        attention = np.exp(scores - scores.max(-1, keepdims=True))
        attention /= attention.sum(-1, keepdims=True)
        out[f"attention.{b}"] = attention
        x = x + linear((attention @ value).transpose(1, 0, 2).reshape(n, -1), f"{block}.attn.c_proj")
        inner = linear(norm(x, f"{block}.ln_2"), f"{block}.mlp.c_fc")
        neurons = 0.5 * inner * (1 + np.tanh(np.sqrt(2 / np.pi) * (inner + 0.044715 * inner**3)))
        out[f"neurons.{b}"] = neurons
        x = x + linear(neurons, f"{block}.mlp.c_proj")
    out[f"residual.{n_blocks}"] = x
    out["logits"] = norm(x, "transformer.ln_f") @ weights["lm_head.weight"].T
    return out


@pytest.mark.parametrize("kind", ["tiny", "bundled"])
def test_gpt2_equals_a_forward_pass_by_hand(kind: str, request: pytest.FixtureRequest):
    model = make_tiny("gpt2") if kind == "tiny" else request.getfixturevalue("bundled_model")
    trace = compute_trace(model, Prompt("any", TEXT))
    weights = {name: tensor.double().numpy() for name, tensor in model.network.state_dict().items()}
    for name, expected in gpt2_forward(weights, trace.token_ids, model.info.n_blocks, model.info.n_heads).items():
        assert_allclose(trace.array(name), expected, rtol=0, atol=2e-5 * np.abs(expected).max())
