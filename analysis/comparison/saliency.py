"""Attributions to the tokens of A minus those to the tokens of B that stand for them."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.comparison.blocks import by_block
from analysis.comparison.pair import Comparison
from analysis.saliency import SaliencyResult
from analysis.tokens import Token
from analysis.trace import Float


@dataclass(frozen=True, eq=False)
class SaliencyDifference(SaliencyResult):
    """Attributions of A minus those of B, as a result of A; NaN for tokens and blocks without a counterpart in B.

    Attributes
    ----------
    a, b : SaliencyResult
        The attributions in each, of the logit of the same token, after positions that stand for each other.
    others : float32, (n_positions,)
        The attributions of B at the positions of A; NaN where there is no counterpart.
    aligned : int64, (n_positions,)
        For each position of A, that of B; -1 where there is none.
    """

    a: SaliencyResult
    b: SaliencyResult
    others: Float
    aligned: NDArray[np.int64]

    def counterpart(self, position: int) -> Token | None:
        """B's token that stands for that of A at a position."""
        there = int(self.aligned[position])
        return None if there < 0 else self.b.tokens[there]

    @property
    def exact(self) -> bool:
        """False: the differences do not sum to that of the logits, since tokens that only one text has are missing."""
        return False

    @property
    def has_sign(self) -> bool:
        """True: differences have a sign, whatever the method."""
        return True

    @property
    def doubtful(self) -> bool:
        """Whether the attributions of A or B are."""
        return self.a.doubtful or self.b.doubtful

    @property
    def doubtful_rows(self) -> NDArray[np.int64]:
        """The blocks at whose input the attributions of A or B are doubtful."""
        rows = np.union1d(self.a.doubtful_rows, self.b.doubtful_rows)
        return np.asarray(rows[rows < (0 if self.depth is None else len(self.depth))], dtype=np.int64)


def compute_saliency_difference(comparison: Comparison, a: SaliencyResult, b: SaliencyResult) -> SaliencyDifference:
    """A minus B of two results by one method, of the same target, after positions that stand for each other."""
    assert a.method == b.method
    assert a.target == b.target
    assert comparison.counterpart(a.position) == b.position
    kept: dict[str, Any] = {field.name: getattr(a, field.name) for field in fields(SaliencyResult)}
    others = comparison.on_a(b.attributions, 0)
    depth = None
    if a.depth is not None and b.depth is not None:
        depth = by_block(a.depth, comparison.on_a(b.depth, 1))
    kept |= {"attributions": a.attributions - others, "depth": depth, "certificates": None, "path": None}
    kept |= {"value": a.value - b.value, "base": a.base - b.base, "gradients": a.gradients + b.gradients}
    return SaliencyDifference(**kept, a=a, b=b, others=others, aligned=comparison.aligned)
