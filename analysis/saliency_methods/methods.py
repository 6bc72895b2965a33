"""How attributions are computed: each function takes the explained logit and two texts' embeddings, and gives arrays.

text, empty: token embeddings of the text and of its baseline, (1, n_positions, d_model). tell: takes the share done,
0 to 1 of the present stage, and what is known so far.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from analysis.task import Arrays, Report
from analysis.trace import Float

if TYPE_CHECKING:
    from analysis.saliency_methods.explained_logit import Explained

TOLERANCE = 0.01
DOUBLINGS = (32, 64, 128, 256)  # with 16 at first, most sentences need more from a mean embedding
MOST_STEPS = DOUBLINGS[-1]
_WIDE = 512  # below, converting costs what it saves
USUAL_STEPS = 36  # of all doublings together, about the mean over sentences


@dataclass(frozen=True, eq=False)
class _Path:
    """From start to end, the vectors that the baseline and the text give at a place. change: of the logit."""

    place: int
    end: Tensor
    start: Tensor
    change: float


@dataclass(frozen=True, eq=False)
class _Row:
    """The attributions at one place. delta: their sum minus what it should be. spent: points of all tries."""

    values: Float
    delta: float
    steps: int
    spent: int
    bfloat16: bool


def integrated(
    explained: Explained, text: Tensor, empty: Tensor, tell: Report, *, steps: int | None, deep: bool
) -> Arrays:
    """Integrated gradients at the token embeddings, or, `deep`, at the input of every block."""
    value, ends = explained.read(text)
    base, starts = explained.read(empty)
    places = range(1, len(ends)) if deep else range(1)
    costs = np.array([len(ends) - place for place in places])
    shares = np.cumsum([0, *costs]) / costs.sum()
    rows: list[_Row] = []

    def seen(share: float, row: _Row | None) -> None:
        done = len(rows)
        now = shares[done] + share * (shares[done + 1] - shares[done])
        tell(float(now), {} if row is None else known([*rows, row]))

    def known(rows: list[_Row]) -> Arrays:
        found = _arrays(rows[0].values, value, base, steps=max(row.steps for row in rows))
        found["bfloat16"] = np.array(any(row.bfloat16 for row in rows))
        if deep:
            found["depth"] = np.full((len(places), text.shape[1]), np.nan, dtype=np.float32)
            found["depth_deltas"] = np.full(len(places), np.nan, dtype=np.float32)
            for index, row in enumerate(rows):
                found["depth"][index], found["depth_deltas"][index] = row.values, row.delta
        return found

    for place in places:
        path = _Path(place, ends[place], starts[place], value - base)
        rows.append(_row(explained, path, steps, seen))
    passes = sum(row.spent * cost for row, cost in zip(rows, costs, strict=True)) / costs[0]
    return known(rows) | {"work": np.array(work_of(text.shape[1], passes))}


def _row(explained: Explained, path: _Path, steps: int | None, seen: Callable[[float, _Row | None], None]) -> _Row:
    """In bfloat16 where that is fast, until doubling no longer halves the error: what is left then is its rounding."""
    spent = 0  # points

    def computed(points: int) -> _Row:
        nonlocal spent
        all_points = spent + points
        expected = all_points if steps else max(USUAL_STEPS, all_points)
        with explained.counting(lambda n: seen((spent + n) / expected, None)):
            values = explained.integrate(path.place, path.end, path.start, points, bfloat16=bfloat16)
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
            seen(spent / (spent + doubled), row)
        before = abs(row.delta)
    seen(1.0, row)
    return row


def gradients(explained: Explained, text: Tensor, empty: Tensor, *, times_input: bool) -> Arrays:
    """Gradient times input, or the gradient's L2 norm, at the token embeddings and at the input of every block."""
    first, *deeper = explained.gradients(text, times_input=times_input)
    return _arrays(first, explained.read(text)[0], explained.read(empty)[0]) | {"depth": np.stack(deeper)}


def occlusion(explained: Explained, text: Tensor, empty: Tensor, tell: Report) -> Arrays:
    """What the logit loses without each token."""
    value, base = explained.read(text)[0], explained.read(empty)[0]
    with explained.counting(lambda n: tell(n / (text.shape[1] + 1), {})):
        lost = explained.occlude(text, empty)
    return _arrays(lost, value, base)


def work_of(n_positions: int, passes: float) -> float:
    """In token passes: one token's way forward and backward through all blocks."""
    return n_positions * (1 + passes)


def prefers_bfloat16(d_model: int) -> bool:
    """Whether this processor multiplies matrices of such a width in bfloat16 much faster than in float32."""
    return d_model >= _WIDE and bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def _arrays(attributions: Float, value: float, base: float, *, steps: int = 0) -> Arrays:
    return {
        "attributions": attributions,
        "value": np.array(value),
        "base": np.array(base),
        "steps": np.array(steps),
        "bfloat16": np.array(False),
    }
