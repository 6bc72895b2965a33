"""Traces of particular families: attention windows, caps, parallel blocks."""

from typing import Any

import numpy as np
import pytest
import torch

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt, Trace
from tests.analysis.parts import Parts
from tests.tiny import TEXT, TINY, make_tiny

_LATE = {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1}
_MIXED = ["sliding_attention", "full_attention", "sliding_attention"]

# Of each family with windows: its settings, and in which of its three blocks a token sees itself and 4 before it.
WINDOWS: dict[str, tuple[dict[str, Any], tuple[bool, bool, bool]]] = {
    "mistral": ({"sliding_window": 5}, (True, True, True)),
    "phi3": ({"sliding_window": 5}, (True, True, True)),
    "qwen2": (_LATE, (False, True, True)),
    "qwen3": (_LATE, (False, True, True)),
    "gpt_neo": ({"window_size": 5}, (False, True, False)),
    "gemma2": ({"sliding_window": 5}, (True, False, True)),
    "gemma3_text": ({"sliding_window": 5}, (True, False, True)),
    "vaultgemma": ({"layer_types": _MIXED}, (True, False, True)),
    "starcoder2": ({"sliding_window": 5}, (True, True, True)),
    "smollm3": ({"use_sliding_window": True, "sliding_window": 5, "no_rope_layers": [1, 0, 1]}, (False, True, False)),
    **dict.fromkeys(("olmo3", "ministral", "cwm", "exaone4"), ({}, (True, False, True))),
}


def traced(kind: str, text: str = TEXT[:50], **shape: Any) -> tuple[LanguageModel, Trace]:
    model = make_tiny(kind, **shape)
    return model, compute_trace(model, Prompt("any", text))


@pytest.mark.parametrize("kind", WINDOWS)
def test_a_sliding_window_is_seen(kind: str):
    shape, windowed = WINDOWS[kind]
    _, trace = traced(kind, **shape)
    assert trace.n_positions > 10
    causal = np.tri(trace.n_positions, dtype=bool)
    near = causal & ~np.tri(trace.n_positions, k=-5, dtype=bool)
    for block, has_window in enumerate(windowed):
        seen = near if has_window else causal
        assert np.all(trace.attention(block)[:, seen] > 0)
        assert np.all(trace.attention(block)[:, ~seen] == 0)


@pytest.mark.parametrize(
    "kind", sorted(kind for kind, shape in TINY.items() if "sliding_window" not in shape and kind != "gpt_neo")
)
def test_without_a_window_all_that_came_before_is_seen(kind: str):
    _, trace = traced(kind)
    causal = np.tri(trace.n_positions, dtype=bool)
    assert all(np.all(trace.attention(block)[:, causal] > 0) for block in range(3))


def test_a_cap_on_attention_scores_is_seen():
    """Scores within ±c: of two keys that one query sees, one is looked at at most exp(2c) times as much."""
    for cap, holds in ((0.05, True), (None, False)):
        _, trace = traced("gemma2", attn_logit_softcapping=cap, sliding_window=64)
        ratios = [row[row > 0].max() / row[row > 0].min() for row in trace.attention(1).reshape(-1, trace.n_positions)]
        assert (max(ratios) <= np.exp(2 * 0.05) + 1e-5) == holds


@pytest.mark.parametrize("kind", ["gemma2", "gemma3_text", "vaultgemma", "nanochat"])
def test_capped_logits_are_the_bent_products(kind: str):
    model, trace = traced(kind, final_logit_softcapping=0.5)
    plain, bare = traced(kind, final_logit_softcapping=None)
    np.testing.assert_allclose(trace.logits(), 0.5 * np.tanh(bare.logits() / 0.5), atol=1e-6)
    assert np.abs(trace.logits()).max() < 0.5 < np.abs(bare.logits()).max()
    residual = torch.tensor(trace.residual(3))
    with torch.no_grad():
        one, other = (each.head(each.final_norm(residual)).numpy() for each in (model, plain))
    np.testing.assert_allclose(one, 0.5 * np.tanh(other / 0.5), atol=1e-6)


@pytest.mark.parametrize("kind", ["gemma", "gemma2", "gemma3_text", "vaultgemma"])
def test_a_scaled_embedding_enters_the_first_block(kind: str):
    model, trace = traced(kind)
    table = model.network.model.embed_tokens.weight  # type: ignore[union-attr]
    rows = table.detach()[trace.token_ids].numpy() * np.sqrt(32)
    np.testing.assert_allclose(trace.residual(0), rows, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("gptj", {}),
        ("phi", {}),
        ("gpt_neox", {"use_parallel_residual": True}),
        ("stablelm", {"use_parallel_residual": True}),
    ],
)
def test_parallel_blocks_read_the_same_stream(kind: str, shape: dict[str, Any]):
    """The MLP does not read what the attention beside it wrote."""
    model, trace = traced(kind, **shape)
    parts, block = Parts(model.network), Parts(model.network).blocks[1]
    norm = {"gptj": "ln_1", "gpt_neox": "post_attention_layernorm"}.get(kind, "input_layernorm")
    with torch.no_grad():
        read = block.get_submodule(norm)(torch.tensor(trace.residual(1)))
        expected = parts.neurons(parts.mlp[1], read).numpy()
    np.testing.assert_allclose(trace.neurons(1), expected, atol=1e-5 * np.abs(expected).max())
