"""The overview of A minus that of B: numbers of all parts, and the heads' attention as small patterns."""

import numpy as np

from analysis.architecture import ArchitectureResult
from analysis.attention import head_grids
from analysis.comparison.architecture import compute_architecture_difference
from analysis.comparison.attention import pooled_by_size
from analysis.comparison.pair import Comparison
from analysis.overview import OverviewResult, Patterns, patterns_side, ranked
from analysis.task import Arrays, Derived, derive_now

_PATTERNS_VERSION = 1  # raised when the computation changes


def compute_overview_difference(
    comparison: Comparison, a: ArchitectureResult, b: ArchitectureResult | None
) -> OverviewResult:
    """`compute_architecture_difference`, with the rank of the selected part's difference by size."""
    return ranked(compute_architecture_difference(comparison, a, b))


def compute_patterns_difference(comparison: Comparison, *, derived: Derived = derive_now) -> Patterns:
    """The attention of all heads of A minus that of B, at the positions of A: of each square of cells the difference of
    the largest size, NaN where there is none. It does not depend on the selection, and `derived`, that of A, keeps it.
    """
    a, b = comparison.a, comparison.b
    square = -(-a.n_positions // patterns_side(a.info))
    same_heads = not comparison.unequal("n_heads", "")

    def compute() -> Arrays:
        n_cells = -(-a.n_positions // square)
        heads = np.full((a.info.n_blocks, a.info.n_heads, n_cells, n_cells), np.nan, dtype=np.float32)
        for block in range(comparison.n_blocks if same_heads else 0):
            both = zip(head_grids(a, block, "raw"), head_grids(b, block, "raw"), strict=True)
            for head, (one, other) in enumerate(both):  # one at a time: those of a long text take much memory
                heads[block, head] = pooled_by_size(one - comparison.on_a(other, 0, 1), square)
        return {"patterns": heads}

    arrays = derived(f"attention patterns minus {comparison.digest}", compute, version=_PATTERNS_VERSION)
    return Patterns(arrays["patterns"], square, a.n_positions, difference=True)
