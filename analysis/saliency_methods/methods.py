"""Attribution methods: each function takes the explained logit and two embeddings, and returns named arrays.

text, empty: token embeddings of the text and of its baseline, (1, n_positions, d_model). report: called with the share
of the work that is done, 0 to 1, and the arrays that are known so far. The names and shapes of the arrays are those of
`SaliencyResult`, up to the explained position.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from analysis.task import Arrays, Progress
from analysis.trace import Float

if TYPE_CHECKING:
    from analysis.saliency_methods.explained_logit import ExplainedLogit

TOLERANCE = 0.01  # of the change of the logit, for the sum of exact attributions
DOUBLINGS = (32, 64, 128, 256)  # 16 would not be enough for most sentences with the mean embedding as baseline
MOST_STEPS = DOUBLINGS[-1]
_WIDE = 512  # d_model; below it, the conversion to bfloat16 costs as much as it saves
USUAL_STEPS = 36  # points of all doublings together, about the mean over sentences


@dataclass(frozen=True, eq=False)
class _Path:
    """The straight path from `start` to `end`, the vectors of the baseline and of the text at a depth.

    depth: 0 for the token embeddings, k for the input of block k-1. change: of the logit along the path.
    """

    depth: int
    end: Tensor
    start: Tensor
    change: float


@dataclass(frozen=True, eq=False)
class _Row:
    """The attributions at one depth.

    delta: their sum minus the change of the logit. steps: points of the last quadrature. spent: points of all of them.
    """

    values: Float
    delta: float
    steps: int
    spent: int
    bfloat16: bool


def integrated(
    explained: ExplainedLogit, text: Tensor, empty: Tensor, report: Progress, *, steps: int | None, deep: bool
) -> Arrays:
    """Integrated gradients at the token embeddings, or, `deep`, at the input of every block."""
    value, ends = explained.read(text)
    base, starts = explained.read(empty)
    depths = range(1, len(ends)) if deep else range(1)
    costs = np.array([len(ends) - depth for depth in depths])  # blocks that are run
    shares = np.cumsum([0, *costs]) / costs.sum()
    rows: list[_Row] = []

    def report_row(share: float, row: _Row | None) -> None:
        done = len(rows)
        now = shares[done] + share * (shares[done + 1] - shares[done])
        report(float(now), {} if row is None else arrays_of([*rows, row]))

    def arrays_of(rows: list[_Row]) -> Arrays:
        found = _arrays(rows[0].values, value, base, steps=max(row.steps for row in rows))
        found["bfloat16"] = np.array(any(row.bfloat16 for row in rows))
        if deep:
            found["depth"] = np.full((len(depths), text.shape[1]), np.nan, dtype=np.float32)
            found["depth_deltas"] = np.full(len(depths), np.nan, dtype=np.float32)
            for index, row in enumerate(rows):
                found["depth"][index], found["depth_deltas"][index] = row.values, row.delta
        return found

    for depth in depths:
        path = _Path(depth, ends[depth], starts[depth], value - base)
        rows.append(_row(explained, path, steps, report_row))
    passes = sum(row.spent * cost for row, cost in zip(rows, costs, strict=True)) / costs[0]
    return arrays_of(rows) | {"work": np.array(work_of(text.shape[1], passes))}


def _row(
    explained: ExplainedLogit, path: _Path, steps: int | None, report: Callable[[float, _Row | None], None]
) -> _Row:
    """Integrated gradients at one depth; the number of points is doubled until they converge, unless `steps` gives it.

    Computed in bfloat16 where that is fast, until doubling no longer halves the error: the rest is its rounding.
    """
    spent = 0  # points of all quadratures

    def computed(points: int) -> _Row:
        nonlocal spent
        all_points = spent + points
        expected = all_points if steps else max(USUAL_STEPS, all_points)
        with explained.counting(lambda n: report((spent + n) / expected, None)):
            values = explained.integrate(path.depth, path.end, path.start, points, bfloat16=bfloat16)
        spent = all_points
        return _Row(values, float(values.sum(dtype=np.float64)) - path.change, points, spent, bfloat16)

    def converged(row: _Row) -> bool:
        return abs(row.delta) <= TOLERANCE * abs(path.change)

    bfloat16, before = prefers_bfloat16(path.end.shape[-1]), np.inf
    schedule = DOUBLINGS if steps is None else (steps,)
    for points, doubled in zip(schedule, (*schedule[1:], 0), strict=True):
        row = computed(points)
        if bfloat16 and not converged(row) and (abs(row.delta) > before / 2 or not doubled):
            bfloat16 = False
            row = computed(points)
        if converged(row):
            break
        if doubled:
            report(spent / (spent + doubled), row)
        before = abs(row.delta)
    report(1.0, row)
    return row


def gradients(explained: ExplainedLogit, text: Tensor, empty: Tensor, *, times_input: bool) -> Arrays:
    """Gradient times input, or the gradient's L2 norm, at the token embeddings and at the input of every block."""
    first, *deeper = explained.gradients(text, times_input=times_input)
    return _arrays(first, explained.read(text)[0], explained.read(empty)[0]) | {"depth": np.stack(deeper)}


def occlusion(explained: ExplainedLogit, text: Tensor, empty: Tensor, report: Progress) -> Arrays:
    """The loss of the logit when one token's embedding is replaced by the baseline."""
    value, base = explained.read(text)[0], explained.read(empty)[0]
    with explained.counting(lambda n: report(n / (text.shape[1] + 1), {})):
        losses = explained.occlude(text, empty)
    return _arrays(losses, value, base)


def work_of(n_positions: int, passes: float) -> float:
    """The work in token passes: one token's forward and backward pass through all blocks."""
    return n_positions * (1 + passes)


def prefers_bfloat16(d_model: int) -> bool:
    """Whether this processor multiplies matrices of this width much faster in bfloat16 than in float32."""
    return d_model >= _WIDE and bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def _arrays(attributions: Float, value: float, base: float, *, steps: int = 0) -> Arrays:
    return {
        "attributions": attributions,
        "value": np.array(value),
        "base": np.array(base),
        "steps": np.array(steps),
        "bfloat16": np.array(False),
    }
