"""Integrated gradients of a trained model: against an own quadrature, and how many points they take."""

import re
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.saliency import SaliencyResult, compute_saliency
from analysis.saliency_methods.baselines import embeddings
from analysis.saliency_methods.explained_logit import ExplainedLogit
from analysis.trace import Float, Prompt, Trace
from tests.tiny import BUNDLED

pytestmark = pytest.mark.long

SENTENCES = [
    sentence
    for sentence in re.split(r"(?<=[.!?])\s+", (BUNDLED / "heldout.txt").read_text(encoding="utf-8"))
    if len(sentence) > 20
][:50]


def explained(
    model: LanguageModel, text: str = SENTENCES[0], position: int | None = None, **choices: Any
) -> tuple[Trace, SaliencyResult]:
    trace = compute_trace(model, Prompt("bundled", text))
    result = compute_saliency(model, trace, trace.n_positions - 1 if position is None else position, **choices)
    return trace, result


def own_quadrature(
    network: Any, start: torch.Tensor, end: torch.Tensor, *, target: int, against: int | None, points: int
) -> tuple[NDArray[np.float64], float]:
    """Attributions and the change of the logit in float64, one point after another, from the whole output."""

    def logit(embeddings: torch.Tensor) -> torch.Tensor:
        logits = network(inputs_embeds=embeddings[None], use_cache=False).logits[0, -1]
        value: torch.Tensor = logits[target] - (logits[against] if against is not None else 0)
        return value

    nodes, weights = np.polynomial.legendre.leggauss(points)
    attributions = torch.zeros(len(end), dtype=torch.float64)
    for node, weight in zip(nodes, weights, strict=True):
        at = (start + (node + 1) / 2 * (end - start)).requires_grad_()
        (slope,) = torch.autograd.grad(logit(at), at)
        attributions += weight / 2 * (slope * (end - start)).sum(-1)
    with torch.no_grad():
        return attributions.numpy(), float(logit(end) - logit(start))


@pytest.mark.parametrize(
    ("baseline", "against", "position"),
    [
        pytest.param("zero", None, 20, marks=pytest.mark.slow),
        ("end", 300, 20),
        pytest.param("mean", None, 11, marks=pytest.mark.slow),
    ],
)
def test_captum_equals_an_own_quadrature(
    bundled_model: LanguageModel, baseline: Any, against: int | None, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quadrature in float64 with so many points that only rounding is left; captum gets segments as fine as that."""
    monkeypatch.setattr("analysis.saliency_methods.segments.TOLERANCE", 1e-5)
    trace, result = explained(bundled_model, position=position, baseline=baseline, against=against)
    network = deepcopy(bundled_model.network).double()
    table = network.get_input_embeddings().weight.detach()
    end = table[torch.from_numpy(trace.token_ids[: position + 1])]
    row = {"zero": 0 * table[0], "end": table[bundled_model.start_id], "mean": table.mean(0)}[baseline]
    own, change = own_quadrature(network, row.expand_as(end), end, target=result.target.id, against=against, points=128)
    assert own.sum() == pytest.approx(change, rel=1e-6)
    np.testing.assert_allclose(result.attributions[: position + 1], own, rtol=1e-4, atol=1e-4 * np.abs(own).max())
    assert not result.attributions[position + 1 :].any()
    assert result.value - result.base == pytest.approx(change, rel=1e-4)
    assert result.delta == pytest.approx(result.total - change, abs=1e-4 * abs(change))
    assert result.certificates is not None
    assert abs(result.delta) <= result.certificates[0] + 1e-4 * abs(change)
    assert result.converged


def test_depth_equals_an_own_quadrature(bundled_model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 3 on the straight path between what the two texts give before block 3, with the blocks from there on."""
    monkeypatch.setattr("analysis.saliency_methods.segments.TOLERANCE", 1e-5)
    position = 12
    trace, result = explained(bundled_model, position=position, method="depth")
    network: Any = deepcopy(bundled_model.network).double()
    table = network.get_input_embeddings().weight
    end = table[torch.from_numpy(trace.token_ids[: position + 1])]
    with torch.no_grad():
        run = network.transformer(
            inputs_embeds=torch.stack([table.mean(0).expand_as(end), end]), output_hidden_states=True, use_cache=False
        )
    start, stop = run.hidden_states[3]
    mask = torch.full((position + 1, position + 1), -torch.inf, dtype=torch.float64).triu(1)[None, None]
    attributions = torch.zeros(position + 1, dtype=torch.float64)
    for node, weight in zip(*np.polynomial.legendre.leggauss(64), strict=True):
        at = (start + (node + 1) / 2 * (stop - start)).requires_grad_()
        stream = at[None]
        for block in network.transformer.h[3:]:
            stream = block(stream, attention_mask=mask)
        logit = network.lm_head(network.transformer.ln_f(stream))[0, -1, result.target.id]
        (slope,) = torch.autograd.grad(logit, at)
        attributions += weight / 2 * (slope * (stop - start)).sum(-1)
    assert result.depth is not None
    own = attributions.numpy()
    np.testing.assert_allclose(result.depth[3, : position + 1], own, rtol=1e-4, atol=1e-4 * np.abs(own).max())


def doubling(model: LanguageModel, trace: Trace, target: int) -> int:
    """Gradients of a Gauss-Legendre quadrature of the whole path whose points are doubled from 32 on until it sums."""
    explain = ExplainedLogit(model, target, None)
    text, empty = embeddings(model, trace, trace.n_positions - 1, "mean")
    change = explain.values(0, text)[0] - explain.values(0, empty)[0]
    spent = 0
    for points in (32, 64, 128, 256):
        spent += points
        total = explain.integrate(0, text, empty, points, bfloat16=False).sum()
        if abs(total - change) <= 0.01 * abs(change):
            break
    return spent


@pytest.mark.thorough
def test_sentences_converge(bundled_model: LanguageModel) -> None:
    """All to a certificate of 1 %, with 0.6 of the gradients of doubling."""
    network = bundled_model.network
    means = network.get_input_embeddings().weight.mean(0)  # type: ignore[operator, union-attr]
    n_converged, gradients, doubled = 0, 0, 0
    assert len(SENTENCES) == 50
    for sentence in SENTENCES:
        trace, result = explained(bundled_model, sentence)
        assert result.value == pytest.approx(float(trace.logits()[-1].max()), rel=1e-5)
        with torch.inference_mode():
            nothing = means.expand(1, trace.n_positions, -1)
            base = float(network(inputs_embeds=nothing, use_cache=False).logits[0, -1, result.target.id])
        change = float(trace.logits()[-1].max()) - base
        assert abs(result.attributions.sum(dtype=np.float64) - change) / abs(change) <= result.error + 1e-4
        n_converged += result.error <= 0.01
        gradients += result.gradients
        doubled += doubling(bundled_model, trace, result.target.id)
    print(f"{n_converged} of 50 converge; gradients for each: {gradients / 50}, with doubling {doubled / 50}")
    assert n_converged == 50
    assert gradients <= 0.6 * doubled


@pytest.mark.parametrize("method", ["integrated", "depth"])
def test_bfloat16_gives_the_same_or_is_not_used(
    bundled_model: LanguageModel, monkeypatch: pytest.MonkeyPatch, method: Any
) -> None:
    def rows(result: SaliencyResult) -> Float:
        return result.attributions[None] if result.depth is None else result.depth

    monkeypatch.setattr("analysis.saliency_methods.methods.prefers_bfloat16", lambda _width: False)
    _, exact = explained(bundled_model, position=9, method=method)
    monkeypatch.setattr("analysis.saliency_methods.methods.prefers_bfloat16", lambda _width: True)
    _, fast = explained(bundled_model, position=9, method=method)
    assert exact.precision == "float32"
    assert fast.converged
    assert (fast.value, fast.base) == (exact.value, exact.base)
    for one, other in zip(rows(exact), rows(fast), strict=True):
        assert np.corrcoef(one, other)[0, 1] >= 0.999
    assert fast.precision == "bfloat16" or np.array_equal(rows(fast), rows(exact))


def test_bfloat16_that_does_not_converge_is_repeated(
    bundled_model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same segments, before any is halved."""
    tried: list[tuple[int, bool]] = []
    integrate = ExplainedLogit.integrate

    def coarse(self: ExplainedLogit, *path: Any, bfloat16: bool) -> Any:
        tried.append((len(path[1]), bfloat16))
        return integrate(self, *path, bfloat16=bfloat16) * (1.05 if bfloat16 else 1)

    monkeypatch.setattr("analysis.saliency_methods.methods.prefers_bfloat16", lambda _width: True)
    monkeypatch.setattr(ExplainedLogit, "integrate", coarse)
    _, result = explained(bundled_model, position=5)
    assert tried[0][1]
    assert not any(bfloat16 for _, bfloat16 in tried[1:])
    assert tried[1][0] <= tried[0][0]
    assert result.converged
