"""Heads and MLP tiles of all blocks as numbers for a 2D grid, and the heads' attention as small patterns."""

from dataclasses import dataclass
from math import isqrt

import numpy as np

from analysis.architecture import ArchitectureResult, ColorBy, architecture_without_values, compute_architecture
from analysis.attention import pooled
from analysis.attribution import AttributionResult
from analysis.causes.sweep import SweepResult
from analysis.model_info import ModelInfo
from analysis.numerics.own_numbers import OwnNumbers
from analysis.selection import Selection
from analysis.task import Derived, derive_now
from analysis.trace import Float, Trace

MOST_SIDE = 24  # cells along a side of a head's pattern, which is that many pixels wide or little more
MOST_CELLS = 128_000  # of all patterns together
_PATTERNS_VERSION = 1  # raised when the computation changes


@dataclass(frozen=True, eq=False)
class Patterns:
    """The attention of every head, summarised by squares of cells.

    Attributes
    ----------
    heads : float32 array (n_blocks, n_heads, cell, cell)
        Of each head, the largest attention weight in each square of queries and keys, 0 to 1.
    square : int
        The number of queries and of keys in each cell.
    n_positions : int
        Tokens of the text.
    difference : bool
        Whether `heads` are those of A minus those of B, -1 to 1: of each square the difference of the largest size, NaN
        where B has no counterpart.
    """

    heads: Float
    square: int
    n_positions: int
    difference: bool = False


@dataclass(frozen=True, eq=False)
class OverviewResult:
    """The numbers of the 3D scene, and where the selected head or tile stands among them.

    Attributes
    ----------
    parts : ArchitectureResult
        The number of each head and each MLP tile, and the quantity that it is.
    value : float or None
        The number of the selected head, or of the selected neuron's tile, NaN if it is not finite; None without one.
    rank : int or None
        Of that number among all heads, or among all tiles (for "effect", all MLPs), of the model, by size; 1 is the
        largest, and equal sizes share their rank. None without a finite number.
    """

    parts: ArchitectureResult
    value: float | None
    rank: int | None


def compute_overview(
    trace: Trace,
    selection: Selection,
    position: int,
    *,
    color_by: ColorBy = "norm",
    attribution: AttributionResult | None = None,
    sweep: SweepResult | None = None,
    scores: Float | None = None,
    own: OwnNumbers | None = None,
) -> OverviewResult:
    """The numbers of all heads and MLP tiles at a position, and the rank of the selected part's.

    color_by, attribution, sweep, scores, own: as for `compute_architecture`, which also says what is raised.
    """
    parts = compute_architecture(
        trace, selection, position, color_by=color_by, attribution=attribution, sweep=sweep, scores=scores, own=own
    )
    return ranked(parts)


def ranked(parts: ArchitectureResult) -> OverviewResult:
    """The numbers of all parts, with that of the selected part and its rank by size."""
    info, selection = parts.info, parts.selection
    if selection.head is not None:
        numbers, unit = parts.heads, selection.head
    elif selection.neuron is not None:
        numbers, unit = parts.tiles, selection.neuron // info.tile_width
        if numbers is not None and parts.color_by == "effect":  # all tiles of a block have the number of its MLP
            numbers, unit = numbers[:, :1], 0
    else:
        return OverviewResult(parts, None, None)
    if numbers is None:
        return OverviewResult(parts, None, None)
    value = numbers[selection.block, unit]
    return OverviewResult(
        parts, float(value), None if np.isnan(value) else 1 + int((np.abs(numbers) > abs(value)).sum())
    )


def overview_without_values(info: ModelInfo, selection: Selection) -> OverviewResult:
    """The parts of a network whose weights are not in memory, by kind."""
    return OverviewResult(architecture_without_values(info, selection), None, None)


def patterns_side(info: ModelInfo) -> int:
    """The largest number of cells along a side of each head's pattern."""
    return min(MOST_SIDE, max(1, isqrt(MOST_CELLS // (info.n_blocks * info.n_heads))))


def compute_patterns(trace: Trace, *, derived: Derived = derive_now) -> Patterns:
    """The attention of all heads of all blocks, which does not depend on the selection.

    Cells are single weights as long as a side has at most 24, and all heads together at most 128,000. `derived` keeps
    the arrays, for which the attention of all blocks is read.
    """
    info, n_positions = trace.info, trace.n_positions
    square = -(-n_positions // patterns_side(info))

    def compute() -> dict[str, Float]:
        blocks = [
            # One head at a time: all heads of a long text and their copies would take much memory.
            np.stack([pooled(trace.attention(block, at=head), square) for head in range(info.n_heads)])
            for block in range(info.n_blocks)
        ]
        return {"patterns": np.stack(blocks).astype(np.float32)}

    heads = derived("attention patterns", compute, version=_PATTERNS_VERSION)["patterns"]
    return Patterns(heads, square, n_positions)
