"""Attribution methods: each function takes the explained logit and two embeddings, and returns named arrays.

text, empty: token embeddings of the text and of its baseline, (1, n_positions, d_model). report: called with the share
of the work that is done, 0 to 1, and the arrays that are known so far. The names and shapes of the arrays are those of
`SaliencyResult`, up to the explained position.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.saliency_methods.segments import Integral, Span, integrate_by_segments
from analysis.task import Arrays, Progress
from analysis.trace import Float

if TYPE_CHECKING:
    from analysis.saliency_methods.explained_logit import ExplainedLogit

_WIDE = 512  # d_model; below it, the conversion to bfloat16 costs as much as it saves
USUAL_GRADIENTS = 17  # for each integral, about the mean over the bundled model's sentences


@dataclass(frozen=True, eq=False)
class _StraightPath:
    """The path from `start` to `end`, the vectors of the baseline and of the text at a depth; see `Path`.

    depth: 0 for the token embeddings, k for the input of block k-1. report: called after each pass with the share of
    the expected gradients that are computed.
    """

    explained: ExplainedLogit
    depth: int
    start: Tensor
    end: Tensor
    report: Callable[[float], None]
    n_gradients: Counter[str] = field(default_factory=Counter)

    @property
    def batch_size(self) -> int:
        return self.explained.batch_size(self.end)

    @property
    def bfloat16(self) -> bool:
        return prefers_bfloat16(self.end.shape[-1])

    def values(self, points: Sequence[float]) -> NDArray[np.float64]:
        return self.explained.values(self.depth, self._vectors(points))

    def integrate(self, spans: Sequence[Span], n_points: int, *, bfloat16: bool) -> NDArray[np.float64]:
        done, at_once = [], max(1, self.batch_size // n_points)
        self.n_gradients["planned"] += n_points * len(spans)
        for first in range(0, len(spans), at_once):
            starts, ends = zip(*spans[first : first + at_once], strict=True)
            vectors, baselines = self._vectors(ends), self._vectors(starts)
            done.append(self.explained.integrate(self.depth, vectors, baselines, n_points, bfloat16=bfloat16))
            self.n_gradients["computed"] += n_points * len(starts)
            self.report(self.n_gradients["computed"] / max(self.n_gradients["planned"], USUAL_GRADIENTS))
        return np.concatenate(done)

    def _vectors(self, points: Sequence[float]) -> Tensor:
        shares = torch.tensor(points, dtype=self.end.dtype)[:, None, None]
        return torch.lerp(self.start, self.end, shares)  # exact at both ends


def integrated(
    explained: ExplainedLogit, text: Tensor, empty: Tensor, report: Progress, *, budget: int, deep: bool
) -> Arrays:
    """Integrated gradients at the token embeddings, or, `deep`, at the input of every block.

    budget: of gradients, for each integral.
    """
    (value, base), vectors = explained.read(text, empty)
    depths = range(1, len(vectors)) if deep else range(1)
    costs = np.array([len(vectors) - depth for depth in depths])  # blocks that are run
    shares = np.cumsum([0, *costs]) / costs.sum()
    rows: list[Integral] = []
    furthest = 0.0

    def arrays_of(rows: Sequence[Integral]) -> Arrays:
        first = rows[0]
        found = _arrays(first.values.astype(np.float32), value, base)
        found["gradients"] = np.array(sum(row.spent for row in rows))
        found["smallest"] = np.array(min(row.smallest for row in rows))
        found["bfloat16"] = np.array(any(row.bfloat16 for row in rows))
        found["path"] = np.array(sorted(first.known.items())).T
        found["certificates"] = np.full(len(depths), np.nan)
        found["certificates"][: len(rows)] = [row.certificate for row in rows]
        if deep:
            found["depth"] = np.full((len(depths), text.shape[1]), np.nan, dtype=np.float32)
            found["depth"][: len(rows)] = [row.values for row in rows]
        passes = sum(row.spent * cost for row, cost in zip(rows, costs, strict=False)) / costs[0]
        return found | {"work": np.array(work_of(text.shape[1], passes))}

    def report_share(share: float, arrays: Arrays) -> None:
        nonlocal furthest  # a row may need more gradients than were planned: progress then waits
        done = len(rows)
        furthest = max(furthest, float(shares[done] + share * (shares[done + 1] - shares[done])))
        report(furthest, arrays)

    for depth in depths:
        end, start = vectors[depth].split(1)
        path = _StraightPath(explained, depth, start, end, lambda share: report_share(share, {}))
        row = integrate_by_segments(
            path, (base, value), budget=budget, report=lambda row: report_share(0.0, arrays_of([*rows, row]))
        )
        report_share(1.0, arrays_of([*rows, row]))
        rows.append(row)
    return arrays_of(rows)


def gradients(explained: ExplainedLogit, text: Tensor, empty: Tensor, *, times_input: bool) -> Arrays:
    """Gradient times input, or the gradient's L2 norm, at the token embeddings and at the input of every block."""
    first, *deeper = explained.gradients(text, times_input=times_input)
    return _arrays(first, *explained.read(text, empty)[0]) | {"depth": np.stack(deeper)}


def occlusion(explained: ExplainedLogit, text: Tensor, empty: Tensor, report: Progress) -> Arrays:
    """The loss of the logit when one token's embedding is replaced by the baseline."""
    value, base = explained.read(text, empty)[0]
    with explained.counting(lambda n: report(n / (text.shape[1] + 1), {})):
        losses = explained.occlude(text, empty)
    return _arrays(losses, value, base)


def work_of(n_positions: int, passes: float) -> float:
    """The work in token passes: one token's forward and backward pass through all blocks."""
    return n_positions * (1 + passes)


def prefers_bfloat16(d_model: int) -> bool:
    """Whether this processor multiplies matrices of this width much faster in bfloat16 than in float32."""
    return d_model >= _WIDE and bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def _arrays(attributions: Float, value: float, base: float) -> Arrays:
    return {
        "attributions": attributions,
        "value": np.array(value),
        "base": np.array(base),
        "bfloat16": np.array(False),
    }
