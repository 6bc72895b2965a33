"""What a head or a neuron reads and which tokens it raises, against formulas written out, on every family."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from analysis.causes.head_scores import compute_head_scores
from analysis.causes.role import compute_prediction_and_role, compute_role
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.prediction import compute_prediction
from analysis.selection import Selection
from analysis.trace import Prompt, Trace
from tests.analysis.parts import Parts, added

TEXT, POSITION = "The fox met a crow 🧀.", 4


@pytest.fixture
def trace(tiny_model: LanguageModel) -> Trace:
    return compute_trace(tiny_model, Prompt("tiny", TEXT))


def logits_of(model: LanguageModel, trace: Trace, *, module: Any, norm: Any, inputs: Any, units: slice) -> Any:
    """The change in all logits by some inputs of a last linear map, in float64."""
    parts = Parts(model.network)
    weight = module.weight.double()
    weight = weight.T if isinstance(module, torch.nn.Linear) else weight
    x = torch.tensor(inputs[POSITION].ravel()).double()
    whole = x @ weight + (0 if module.bias is None else module.bias)
    vector = added(norm, x[units] @ weight[units], whole)
    stream = torch.tensor(trace.residual(trace.info.n_blocks)[POSITION]).double()
    centred = "RMS" not in type(parts.norm).__name__
    if centred:
        vector, stream = vector - vector.mean(), stream - stream.mean()
    eps = 1e-5 if centred else parts.config.rms_norm_eps
    gains = getattr(parts.norm, "weight", torch.ones(1)).double() + (parts.gemma or parts.kind == "nemotron")
    return (parts.head.weight.double() @ (gains * vector / (stream.square().mean() + eps).sqrt())).detach().numpy()


def check(role: Any, expected: Any) -> None:
    """The extremes are those of the whole vocabulary; equal changes may stand in any order."""
    rise, fall = np.sort(expected)[::-1][:3], np.sort(expected)[:3]
    assert_allclose([change for _, change in role.raised], rise[rise > 0], rtol=1e-3, atol=1e-5)
    assert_allclose([change for _, change in role.lowered], fall[fall < 0], rtol=1e-3, atol=1e-5)
    for piece, change in (*role.raised, *role.lowered):
        assert change == pytest.approx(expected[piece.id], rel=1e-3, abs=1e-5)


def test_a_head(tiny_model: LanguageModel, trace: Trace) -> None:
    parts, head, width = Parts(tiny_model.network), 2, trace.info.d_head
    role = compute_role(tiny_model, trace, Selection.parse(f"block.1.attention.head.{head}"), POSITION)
    assert role is not None
    units = slice(head * width, (head + 1) * width)
    made = {"module": parts.attention_out[1], "norm": parts.norms_after[1][0], "inputs": trace.head_outputs(1)}
    check(role, logits_of(tiny_model, trace, units=units, **made))
    row = trace.attention(1)[head, POSITION]
    assert [share for _, share in role.keys] == sorted(row.tolist(), reverse=True)[:3]
    assert [row[token.position] for token, _ in role.keys] == [share for _, share in role.keys]
    for name, scores in compute_head_scores(trace).items():
        assert role.scores[name] == pytest.approx(scores[1, head], rel=1e-6, nan_ok=True)
    assert (role.value, role.token) == (None, trace.tokens[POSITION])


def test_a_neuron(tiny_model: LanguageModel, trace: Trace) -> None:
    parts, neuron = Parts(tiny_model.network), 7
    role = compute_role(tiny_model, trace, Selection.parse(f"block.2.mlp.neuron.{neuron}"), POSITION)
    assert role is not None
    made = {"module": parts.mlp_out[2], "norm": parts.norms_after[2][1], "inputs": trace.neurons(2)}
    check(role, logits_of(tiny_model, trace, units=slice(neuron, neuron + 1), **made))
    assert role.value == trace.neurons(2)[POSITION, neuron]
    assert (role.keys, role.scores) == ((), {})


@pytest.mark.parametrize("selection", ["embedding", "block.1.attention", "block.0.mlp", "norm", "output"])
def test_other_parts_have_none(tiny_gpt2: LanguageModel, selection: str) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    assert compute_role(tiny_gpt2, trace, Selection.parse(selection), POSITION) is None


def test_what_is_not_finite_is_left_out(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    broken = Trace(trace.prompt, trace.tokens, trace.info, lambda name: np.full_like(trace.array(name), np.nan))
    role = compute_role(tiny_gpt2, broken, Selection.parse("block.1.attention.head.0"), POSITION)
    assert role is not None
    assert (role.keys, role.raised, role.lowered) == ((), (), ())


@pytest.mark.parametrize("selection", ["block.1.attention.head.2", "block.2.mlp.neuron.7", "block.1.mlp", "output"])
def test_with_the_prediction_it_is_the_same(tiny_model: LanguageModel, trace: Trace, selection: str) -> None:
    selected = Selection.parse(selection)
    prediction, role = compute_prediction_and_role(tiny_model, trace, selected, POSITION)
    alone = compute_prediction(tiny_model, trace, selected, POSITION)
    assert (prediction.part, prediction.block, prediction.lens) == (alone.part, alone.block, alone.lens)
    assert [piece for piece, _ in prediction.top] == [piece for piece, _ in alone.top]
    assert_allclose(prediction.logits, alone.logits, rtol=1e-5, atol=1e-5)
    assert prediction.entropy == pytest.approx(alone.entropy, rel=1e-5)
    role_alone = compute_role(tiny_model, trace, selected, POSITION)
    if role_alone is None or role is None:
        assert role is role_alone
        return
    assert (role.keys, role.value) == (role_alone.keys, role_alone.value)
    for one, other in ((role.raised, role_alone.raised), (role.lowered, role_alone.lowered)):
        assert [piece for piece, _ in one] == [piece for piece, _ in other]
        assert_allclose([change for _, change in one], [change for _, change in other], rtol=1e-4, atol=1e-5)
