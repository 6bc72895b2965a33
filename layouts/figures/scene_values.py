"""Numbers of the parts of a network as the scene and the overview write them, with their units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layouts.figures.own_numbers import NO_NUMBER
from layouts.figures.text import MISSING, NOT_FINITE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.architecture import ArchitectureResult

_UNITS = {  # written after the number
    "attribution": "logits (direct attribution)",
    "effect": "logits (effect of removing it)",
    "norm": "(L2 norm of what it adds to the residual stream)",
    "entropy": "bits of attention entropy",
    "first": "of its attention is on the first token",
    "induction": "(induction score)",
    "previous": "(previous-token score)",
    "duplicate": "(duplicate-token score)",
    "copying": "(copying score)",
    "own": "(your numbers)",
}
_TILE_UNITS = _UNITS | {
    "effect": "logits (effect of removing the block’s whole MLP)",
    "own": "(your numbers: the strongest neuron)",
}


def head_unit(result: ArchitectureResult) -> str:
    """What follows the number of a head."""
    return _unit(result, _UNITS.get(result.color_by, ""))


def tile_unit(result: ArchitectureResult) -> str:
    """What follows the number of a tile."""
    return _unit(result, _TILE_UNITS.get(result.color_by, ""))


def end_unit(result: ArchitectureResult) -> str:
    """What follows the number of the token embedding or of the final norm."""
    return _unit(result, "(L2 norm of the residual stream here)")


def stream_unit(result: ArchitectureResult) -> str:
    """What follows the number of the residual stream."""
    return _unit(result, "(L2 norm)")


def stream_values(result: ArchitectureResult) -> list[float | str]:
    """The numbers of the residual stream at every depth."""
    if result.residual_differences is None:
        return three_digits(result.residual_norms)
    return _differences(result.residual_differences, result.counterparts.depths)


def head_values(result: ArchitectureResult) -> list[float | str]:
    """The numbers of all heads, row by row, with words for those that are missing."""
    return _values(result, result.heads, result.counterparts.heads)


def tile_values(result: ArchitectureResult) -> list[float | str]:
    """The same of all tiles."""
    return _values(result, result.tiles, result.counterparts.tiles)


def missing_words(result: ArchitectureResult) -> str:
    """Why parts of A minus B have no number; empty if all have one."""
    counterparts = result.counterparts
    kinds = ((result.heads, counterparts.heads), (result.tiles, counterparts.tiles))
    parts = [np.split(np.isnan(values), [n_shared]) for values, n_shared in kinds if values is not None]
    not_finite, missing = (any(part[index].any() for part in parts) for index in (0, 1))
    return ", or ".join([MISSING] * missing + [NOT_FINITE] * not_finite)


def three_digits(values: NDArray[np.float32] | None, *, missing: str = "not finite") -> list[float | str]:
    """Values with three significant digits, or what is said of NaN, row by row."""
    if values is None:
        return []
    given = values.ravel().astype(np.float64)
    absent = np.isnan(given)
    flat = np.where(absent, 0, given)
    digits = 2 - np.floor(np.log10(np.abs(flat, where=flat != 0, out=np.ones_like(flat))))
    scale = 10.0**digits
    rounded: list[float | str] = (np.round(flat * scale) / scale).tolist()
    for place in np.flatnonzero(absent).tolist():
        rounded[place] = missing
    return rounded


def _values(result: ArchitectureResult, values: NDArray[np.float32] | None, n_shared: int) -> list[float | str]:
    if result.residual_differences is not None:
        return _differences(values, n_shared)
    return three_digits(values, missing=NO_NUMBER if result.color_by == "own" else "not finite")


def _differences(values: NDArray[np.float32] | None, n_shared: int) -> list[float | str]:
    """n_shared: of the rows, those that have a counterpart in B."""
    if values is None:
        return []
    return [*three_digits(values[:n_shared], missing=NOT_FINITE), *three_digits(values[n_shared:], missing=MISSING)]


def _unit(result: ArchitectureResult, unit: str) -> str:
    return f"{unit}, A − B" if result.residual_differences is not None and unit else unit
