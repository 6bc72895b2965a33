"""The grey of what has no counterpart in B, in figures of A minus B."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layouts.figures.shade import missing_color
from layouts.figures.text import MISSING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layouts.theme import Theme


def missing_cells(
    missing: NDArray[np.bool_], names: list[list[str]], selects: list[list[str]], theme: Theme, **axes: Any
) -> list[dict[str, Any]]:
    """A heat map to lie under that of the values: grey where they are missing; none if nothing is.

    names, selects: the name of each cell, and what a click on it selects. axes: such as `y` of the heat map.
    """
    if not missing.any():
        return []
    return [
        {
            "type": "heatmap",
            "z": np.where(missing, 0, np.nan).astype(np.float32),
            "zmin": 0,
            "zmax": 1,
            "colorscale": [[0, missing_color(theme)], [1, missing_color(theme)]],
            "showscale": False,
            "customdata": _where(missing, selects),
            "hovertext": _where(missing, [[f"{name}: {MISSING}" for name in row] for row in names]),
            "hovertemplate": "%{hovertext}<extra></extra>",
            "hoverongaps": False,
            **axes,
        }
    ]


def _where(missing: NDArray[np.bool_], words: list[list[str]]) -> list[list[str]]:
    """Words of the missing cells; no others are sent."""
    return [[word if gone else "" for word, gone in zip(*row, strict=True)] for row in zip(words, missing, strict=True)]


def missing_columns(missing: NDArray[np.bool_], theme: Theme) -> list[dict[str, Any]]:
    """Grey bands behind the columns that are missing, one for each run of them."""
    edges = np.flatnonzero(np.diff(np.pad(missing, 1).astype(np.int8)))
    band = {"type": "rect", "layer": "below", "y0": 0, "y1": 1, "yref": "paper", "fillcolor": missing_color(theme)}
    return [
        {**band, "x0": start - 0.5, "x1": end - 0.5, "line": {"width": 0}}
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    ]


def missing_image(missing: NDArray[np.bool_], theme: Theme, **axes: Any) -> list[dict[str, Any]]:
    """The same for a long text, one byte a cell, without hover texts: the image above it has them."""
    if not missing.any():
        return []
    transparent, grey = "rgba(0,0,0,0)", missing_color(theme)
    return [
        {
            "type": "heatmap",
            "z": missing.astype(np.uint8),
            "zmin": 0,
            "zmax": 1,
            "colorscale": [
                [0, transparent],
                [0.5, transparent],
                [0.5, grey],
                [1, grey],
            ],
            "showscale": False,
            "hoverinfo": "skip",
            **axes,
        }
    ]
