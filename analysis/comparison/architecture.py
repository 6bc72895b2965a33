"""Values of all parts of the network in A minus those in B, for the 3D scene."""

from dataclasses import replace
from typing import get_args

import numpy as np

from analysis.architecture import ArchitectureResult, Counterparts, ProbeScore
from analysis.comparison.pair import Comparison
from analysis.trace import Float


def compute_architecture_difference(
    comparison: Comparison, a: ArchitectureResult, b: ArchitectureResult | None
) -> ArchitectureResult:
    """A's numbers minus B's, in the parts of A.

    b: of the same colouring, at the counterpart of A's position; None if there is none.
    NaN where A or B is not finite, and for parts without a counterpart: blocks that B does not have, heads if the
    models have different numbers of them, and tiles if these are of different numbers of neurons.
    """
    heads, tiles = (comparison.unequal(size, "") == "" for size in ("n_heads", "n_neurons"))
    n_blocks = min(a.info.n_blocks, b.info.n_blocks) if b else 0
    return replace(
        a,
        heads=_minus(a.heads, b.heads if b and heads else None),
        tiles=_minus(a.tiles, b.tiles if b and tiles else None),
        residual_differences=_minus(a.residual_norms, b.residual_norms if b else None),
        counterparts=Counterparts(
            heads=n_blocks if heads else 0,
            tiles=n_blocks if tiles else 0,
            depths=0 if b is None or b.residual_norms is None else n_blocks + 1,
        ),
    )


def unmatched_parts(comparison: Comparison, result: ArchitectureResult) -> str:
    """Why some parts of A have no difference, in words; empty if all have one. result: of A."""
    if result.color_by == "kind":
        return ""
    if result.color_by in get_args(ProbeScore) and comparison.same_model:
        return "These scores depend on the model alone, which A and B share."
    n_blocks, last = comparison.a.info.n_blocks, comparison.n_blocks
    missing = f"block {last} has" if last == n_blocks - 1 else f"blocks {last}–{n_blocks - 1} have"
    reasons = [
        comparison.unequal("n_heads", "Heads"),
        comparison.unequal("n_neurons", "MLP tiles") if result.tiles is not None else "",
        f"A’s {missing} no counterpart in B." if last < n_blocks else "",
    ]
    return " ".join(filter(None, reasons))


def _minus(one: Float | None, other: Float | None) -> Float | None:
    """The difference of arrays by block, NaN for blocks that the other one does not have; None for a quantity that
    parts of this kind do not have.
    """
    if one is None:
        return None
    difference: Float = np.full_like(one, np.nan)
    if other is not None:
        shared = min(len(one), len(other))
        difference[:shared] = one[:shared] - other[:shared]
    return difference
