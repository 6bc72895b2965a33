"""Quadrature by segments, on functions whose integrals are known, and against an own quadrature in float64."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.saliency_methods.baselines import embeddings
from analysis.saliency_methods.explained_logit import ExplainedLogit
from analysis.saliency_methods.methods import _StraightPath
from analysis.saliency_methods.segments import (
    BUDGET,
    TOLERANCE,
    Double,
    Integral,
    Segment,
    Span,
    integrate_by_segments,
)
from analysis.trace import Prompt


@dataclass
class Curve:
    """A path of one number, which is the share of the path itself."""

    function: Callable[[Double], Double]
    slope: Callable[[Double], Double]
    bfloat16: bool = False
    batch_size: int = 30
    asked: list[tuple[int, int, bool]] = field(default_factory=list)

    def values(self, points: Sequence[float]) -> Double:
        return self.function(np.array(points))

    def integrate(self, spans: Sequence[Span], n_points: int, *, bfloat16: bool) -> Double:
        self.asked.append((len(spans), n_points, bfloat16))
        nodes, weights = np.polynomial.legendre.leggauss(n_points)
        sums = [
            (end - start) / 2 * (weights * self.slope((start + end) / 2 + (end - start) / 2 * nodes)).sum()
            for start, end in spans
        ]
        return np.array(sums)[:, None] * (1.02 if bfloat16 else 1)


def cliff(where: float, width: float) -> Curve:
    """A step of 20, on a slope of 1."""
    return Curve(
        lambda x: 10 * np.tanh((x - where) / width) + x,
        lambda x: 10 / width * (1 - np.tanh((x - where) / width) ** 2) + 1,
    )


def integrated(curve: Curve, budget: int = BUDGET) -> tuple[Integral, list[Integral]]:
    seen: list[Integral] = []
    start, end = curve.values([0.0, 1.0]).tolist()
    return integrate_by_segments(curve, (start, end), budget=budget, report=seen.append), seen


def check(found: Integral, curve: Curve) -> None:
    """Redo the sums of an integral."""
    ends = [segment.end for segment in found.segments]
    assert [0.0, *ends] == [*(segment.start for segment in found.segments), 1.0], "they cover the path"
    errors = [
        abs(segment.values.sum() - float(np.diff(curve.values([segment.start, segment.end]))[0]))
        for segment in found.segments
    ]
    assert found.certificate == pytest.approx(sum(errors), abs=1e-9)
    assert abs(found.values.sum() - found.change) <= found.certificate + 1e-9
    assert found.spent == sum(n_spans * n_points for n_spans, n_points, _ in curve.asked)
    assert found.smallest == pytest.approx(min(np.diff([0.0, *ends])))
    for point, value in found.known.items():
        assert value == pytest.approx(curve.values([point])[0])


@given(where=st.floats(0.0, 1.0), width=st.floats(1e-4, 1.0))
@settings(max_examples=30)
def test_a_cliff_is_found_wherever_it_is(where: float, width: float) -> None:
    curve = cliff(where, width)
    found, seen = integrated(curve)
    check(found, curve)
    assert found.converged
    assert found.values[0] == pytest.approx(found.change, rel=TOLERANCE)
    assert found.spent <= BUDGET
    assert [one.spent for one in seen] == sorted(one.spent for one in seen)


def test_a_smooth_path_needs_few_gradients_and_a_cliff_more() -> None:
    smooth, _ = integrated(Curve(np.sin, np.cos))
    assert (smooth.spent, len(smooth.segments)) == (9, 3)
    steep, _ = integrated(cliff(0.0123, 1e-4))
    assert steep.smallest < 1e-3
    assert steep.spent > 40


def test_errors_that_cancel_do_not_converge() -> None:
    """A slope that is wrong by +1 on one half and by -1 on the other: the sum is right, and nothing else is."""
    wrong = Curve(lambda x: x, lambda x: np.where(x < 0.5, 2.0, 0.0))
    found, _ = integrated(wrong, budget=200)
    assert found.values.sum() == pytest.approx(found.change, abs=0.05)
    assert found.certificate > 0.9
    assert not found.converged


def test_the_budget_is_kept() -> None:
    for budget in (9, 50, 300):
        curve = Curve(lambda x: np.sin(3000 * x), lambda x: 3000 * np.cos(3000 * x))
        found, _ = integrated(curve, budget=budget)
        check(found, curve)
        assert found.spent <= budget or len(curve.asked) == 1
        assert not found.converged


def test_a_function_that_does_not_change() -> None:
    found, seen = integrated(Curve(lambda x: 0 * x, lambda x: 0 * x))
    assert (found.certificate, found.converged, seen) == (0, True, [])


def test_bfloat16_is_repeated_in_float32_before_it_is_halved() -> None:
    curve = Curve(np.sin, np.cos, bfloat16=True)
    found, _ = integrated(curve)
    assert found.converged
    assert [bfloat16 for _, _, bfloat16 in curve.asked] == [True, False]
    assert found.smallest == pytest.approx(1 / 3)


def test_bfloat16_is_not_used_where_the_function_moves_up_and_down() -> None:
    curve = Curve(lambda x: np.sin(20 * x) + x, lambda x: 20 * np.cos(20 * x) + 1, bfloat16=True)
    integrated(curve)
    assert not any(bfloat16 for _, _, bfloat16 in curve.asked)


# Against an own quadrature on the same segments.


@pytest.fixture(scope="module")
def found(bundled_model: LanguageModel) -> tuple[Integral, Any, torch.Tensor, torch.Tensor]:
    """An integral, the logit in float64 as a function of embeddings, and the ends of the path."""
    trace = compute_trace(bundled_model, Prompt("bundled", "Once upon a time there was a fox"))
    position, target = trace.n_positions - 1, 7
    text, empty = embeddings(bundled_model, trace, position, "mean")
    explained = ExplainedLogit(bundled_model, target, None)
    path = _StraightPath(explained, 0, empty, text, lambda _share: None)
    ends = tuple(explained.read(empty, text)[0])
    integral = integrate_by_segments(path, ends, report=lambda _integral: None)
    network: Any = deepcopy(bundled_model.network).double()

    def logit(vectors: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = network(inputs_embeds=vectors[None], use_cache=False).logits[0, -1, target]
        return found

    return integral, logit, empty[0].double(), text[0].double()


def own(segment: Segment, logit: Any, start: torch.Tensor, end: torch.Tensor, n_points: int) -> Double:
    """Attributions of a segment, in float64, one point after another."""
    change = (segment.end - segment.start) * (end - start)
    total = torch.zeros(len(end), dtype=torch.float64)
    for node, weight in zip(*np.polynomial.legendre.leggauss(n_points), strict=True):
        share = segment.start + (node + 1) / 2 * (segment.end - segment.start)
        at = (start + share * (end - start)).requires_grad_()
        (slope,) = torch.autograd.grad(logit(at), at)
        total += weight / 2 * (slope * change).sum(-1)
    values: Double = total.numpy()
    return values


@pytest.mark.long
def test_each_segment_equals_an_own_quadrature(found: Any) -> None:
    integral, logit, start, end = found
    parts = np.array([own(segment, logit, start, end, 3) for segment in integral.segments])
    largest = np.abs(parts.sum(0)).max()
    np.testing.assert_allclose([one.values for one in integral.segments], parts, atol=1e-3 * largest)
    np.testing.assert_allclose(integral.values, parts.sum(0), atol=1e-3 * largest)
    with torch.no_grad():
        change = float(logit(end) - logit(start))
        ends = [
            [float(logit(start + share * (end - start))) for share in (one.start, one.end)] for one in integral.segments
        ]
    assert integral.change == pytest.approx(change, rel=1e-4)
    errors = np.abs(parts.sum(1) - np.diff(ends)[:, 0])
    assert integral.certificate == pytest.approx(errors.sum(), abs=1e-4 * abs(change))
    assert integral.converged
