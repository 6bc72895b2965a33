"""The attention patterns of all heads as one image of one byte per cell, laid over the cells of the overview."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from layouts.figures.image import (
    BLANK,
    HIGHEST,
    LOWEST,
    MOST_EXACT,
    blank_scale,
    difference_levels,
    difference_scale,
    levels,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.overview import Patterns
    from layouts.figures.overview_grid import Grid, Wall
    from layouts.theme import Theme

_EDGE = 12  # a pattern has this many times the width of the edge around it


def patterns_image(patterns: Patterns, wall: Wall, grid: Grid, theme: Theme) -> dict[str, Any]:
    """The trace of the image, on the heads of the grid. Its colours are those of the attention panel.

    A pattern is a square. Around it, and below or beside it, a head's cell stays visible, in the colour of the head's
    number.
    """
    n_blocks, n_heads, n_cells, _ = patterns.heads.shape
    edge = max(1, round(n_cells / _EDGE))
    side = n_cells + 2 * edge
    # Of the image's pixels: the size of a head's cell, the gap on either side of a block's cells, and a block.
    width, height = round(side * max(1, 1 / wall.aspect)), round(side * max(1, wall.aspect))
    left = round(wall.columns * width * (0.5 / grid.half - 1) / 2)
    block, rows = wall.columns * width + 2 * left, ceil(n_heads / wall.columns)
    image = np.full((rows, height, n_blocks, block), BLANK, dtype=np.uint8)
    cells = _levels(patterns)
    for head in range(n_heads):
        row, column = divmod(head, wall.columns)
        start = left + edge + column * width
        image[row, edge : edge + n_cells, :, start : start + n_cells] = cells[:, head].transpose(1, 0, 2)
    dx, dy = 1 / block, (grid.heads[1] - grid.heads[0]) / (rows * height)
    return {
        "type": "heatmap",
        "z": image.reshape(rows * height, -1)[::-1],
        "x0": (dx - 1) / 2,
        "dx": dx,
        "y0": grid.heads[0] + dy / 2,
        "dy": dy,
        "zmin": BLANK,
        "zmax": HIGHEST,
        "colorscale": difference_scale(theme) if patterns.difference else blank_scale(theme.probabilities),
        "showscale": False,
        "hoverinfo": "skip",  # the cells below it have the names, and are what is clicked
    }


def _levels(patterns: Patterns) -> NDArray[np.uint8]:
    """Attention as levels of the scale, in steps of the square root if the attention panel's are for this text."""
    if patterns.difference:
        quantized = difference_levels(patterns.heads, 1)
        above = ~np.tri(quantized.shape[-1], dtype=bool)
        quantized[..., above] = difference_levels(np.zeros(1), 1)
        return quantized
    if patterns.n_positions > MOST_EXACT:
        return levels(patterns.heads, 1)
    steps = np.round(LOWEST + patterns.heads * (HIGHEST - LOWEST))
    linear: NDArray[np.uint8] = np.nan_to_num(steps, nan=BLANK).astype(np.uint8)
    return linear
