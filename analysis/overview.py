"""Heads and MLP tiles of all blocks as numbers for a 2D grid, and the rank of the selected one among them."""

from dataclasses import dataclass

import numpy as np

from analysis.architecture import ArchitectureResult, ColorBy, architecture_without_values, compute_architecture
from analysis.model_info import ModelInfo
from analysis.selection import Selection
from analysis.trace import Trace


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
        Of that number among all heads, or among all tiles, of the model; 1 is the largest, and equal numbers share
        their rank. None without a finite number.
    """

    parts: ArchitectureResult
    value: float | None
    rank: int | None


def compute_overview(
    trace: Trace, selection: Selection, position: int, *, color_by: ColorBy = "norm"
) -> OverviewResult:
    """The numbers of all heads and MLP tiles at a position, and the rank of the selected part's.

    Raises: SelectionError for a colouring that does not exist.
    """
    parts = compute_architecture(trace, selection, position, color_by=color_by)
    if selection.head is not None:
        numbers, unit = parts.heads, selection.head
    elif selection.neuron is not None:
        numbers, unit = parts.tiles, selection.neuron // trace.info.tile_width
    else:
        return OverviewResult(parts, None, None)
    if numbers is None:
        return OverviewResult(parts, None, None)
    value = numbers[selection.block, unit]
    return OverviewResult(parts, float(value), None if np.isnan(value) else 1 + int((numbers > value).sum()))


def overview_without_values(info: ModelInfo, selection: Selection) -> OverviewResult:
    """The parts of a network whose weights are not in memory, by kind."""
    return OverviewResult(architecture_without_values(info, selection), None, None)
