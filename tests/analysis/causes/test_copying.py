"""Copying scores: of hand-made circuits and heads, and against the whole circuit over the vocabulary."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import analysis.causes.copying
from analysis.causes.copying import compute_copying, copying_score
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model
from tests.analysis.parts import Parts
from tests.tiny import make_tiny


@pytest.mark.parametrize(
    ("circuit", "score"),
    [
        (np.eye(3), 1),
        (-np.eye(3), -1),
        (np.diag([3.0, -1, 0]), 0.5),
        ([[0, 1], [-1, 0]], 0),  # a rotation: eigenvalues ±i
        ([[1, 5], [0, 1]], 1),
        (np.zeros((2, 2)), np.nan),
        ([[np.nan, 0], [0, 1]], np.nan),
    ],
)
def test_hand_made_circuits(circuit: Any, score: float) -> None:
    assert copying_score(np.array(circuit, dtype=np.float32)) == pytest.approx(score, nan_ok=True)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("kind", ["gpt2", "llama", "gpt_neox"])
def test_heads_that_write_what_they_read_or_its_opposite(kind: str, sign: int) -> None:
    """The output map is the value map transposed, norms have equal gains, and the output head is the embedding."""
    network = make_tiny(kind, tie_word_embeddings=True, **{"num_key_value_heads": 4} if kind == "llama" else {}).network
    parts = Parts(network)
    with torch.no_grad():
        for block, attention in enumerate(parts.attention):
            values = parts.values(attention, torch.eye(32)).flatten(1)
            bias = parts.values(attention, torch.zeros(1, 32)).flatten()
            out = parts.attention_out[block].weight
            written = sign * (values - bias).T
            out.copy_(written if kind == "gpt2" else written.T)
        for name, weight in network.named_parameters():
            if any(norm in name for norm in ("ln_1.weight", "ln_f.weight", "norm.weight")):
                weight.fill_(0.5)
    model = prepare_model("made", network, make_tiny(kind).tokenizer)
    assert_allclose(compute_copying(model), sign, atol=1e-4)


def whole_circuit(model: LanguageModel, block: int, head: int) -> Any:
    """Over all tokens, (vocabulary, vocabulary), in float64, with the norms' gains written out."""
    parts = Parts(model.network)

    def linear(norm: Any, x: torch.Tensor) -> torch.Tensor:
        if norm is None:
            return x
        centred = "RMS" not in type(norm).__name__
        weight = getattr(norm, "weight", None)
        one_more = 1 if parts.gemma or parts.kind == "nemotron" else 0
        return (x - x.mean(-1, keepdim=True) if centred else x) * (1 if weight is None else weight.double() + one_more)

    first = model.family.norms[0]
    before = None if first == model.family.attention_norm else parts.blocks[block].get_submodule(first)
    embedded = linear(before, model.network.get_input_embeddings().weight.double())  # type: ignore[operator]
    attention = parts.attention[block]
    with pytest.MonkeyPatch.context() as patch:  # without a trace in the configuration, of which there is a fingerprint
        patch.setattr(parts.config, "clip_qkv", None, raising=False)
        values = parts.values(attention, torch.eye(32)) - parts.values(attention, torch.zeros(1, 32))
    groups = values.shape[1]
    weight = parts.attention_out[block].weight.double()
    weight = weight.T if isinstance(parts.attention_out[block], torch.nn.Linear) else weight
    d_head = model.info.d_head
    written = embedded @ values[:, head * groups // 4].double() @ weight[head * d_head : (head + 1) * d_head]
    logits = linear(parts.norm, linear(parts.norms_after[block][0], written)) @ parts.head.weight.double().T
    return logits.numpy()


@pytest.mark.long
def test_every_family(tiny_model: LanguageModel) -> None:
    with torch.no_grad():
        for block, head in ((0, 0), (1, 3), (2, 1)):
            eigenvalues = np.linalg.eigvals(whole_circuit(tiny_model, block, head))
            expected = eigenvalues.sum().real / np.abs(eigenvalues).sum()
            assert compute_copying(tiny_model)[block, head] == pytest.approx(expected, abs=2e-3)


def test_a_model_that_is_too_large_has_none(monkeypatch: pytest.MonkeyPatch, tiny_gpt2: LanguageModel) -> None:
    monkeypatch.setattr(analysis.causes.copying, "_MOST_WORK", 1e5)
    assert np.isnan(compute_copying(tiny_gpt2)).all()
