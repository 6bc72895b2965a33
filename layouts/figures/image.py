"""Heat maps of long texts as images of one byte per cell: a number and a hover text for each would be too large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layouts.theme import ColorScale, Theme, color_bar

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MOST_EXACT = 128  # tokens; heat maps of longer texts are images
BLANK, LOWEST, HIGHEST = 0, 1, 255  # levels of NaN and of the two ends of the scale
_TICKS = (0, 0.01, 0.05, 0.2, 0.5, 1)  # of the colour bar, as shares of the highest value
_SIGNED_TICKS = (-1, -0.25, -0.04, 0, 0.04, 0.25, 1)


def levels(values: NDArray[Any], most: float, *, signed: bool = False) -> NDArray[np.uint8]:
    """Quantize numbers from 0 (if signed, from -most) to most into levels from 1 to 255; NaN becomes level 0.

    Levels are even steps of the square root, so that small values, as the shares in a long text are, stay distinct.
    """
    roots = np.sign(values) * np.sqrt(np.abs(values) / most)
    shares = (roots + 1) / 2 if signed else roots
    steps = LOWEST + np.round(shares * (HIGHEST - LOWEST))
    quantized: NDArray[np.uint8] = np.nan_to_num(steps, nan=BLANK).astype(np.uint8)
    return quantized


def values_of_levels(most: float, *, signed: bool = False) -> NDArray[np.float64]:
    """The number in the middle of each level, (256,); NaN for level 0."""
    shares = (np.arange(HIGHEST + 1) - LOWEST) / (HIGHEST - LOWEST)
    roots = 2 * shares - 1 if signed else shares
    return np.where(np.arange(HIGHEST + 1) == BLANK, np.nan, most * np.sign(roots) * roots**2)


def image(
    values: NDArray[Any],
    *,
    most: float,
    signed: bool = False,
    scale: ColorScale,
    title: str,
    written: Callable[[float], str],
    select: str,
    words: str,
    columns: list[str],
    rows: list[str],
    theme: Theme,
    blank: str = "",
) -> dict[str, Any]:
    """The trace of a heat map. values: (rows, columns). title: of the colour bar. written: formats a number.

    select: template of the selection that a click on a cell makes; words: template of the cell's hover text. `{x}` and
    `{y}` stand for the cell's column and row: their numbers in `select`, their names in `words`. `{value}` in `words`
    is looked up by the page from the cell's level; for NaN it is `blank`, and without that there is no hover text.
    """
    shares = _SIGNED_TICKS if signed else _TICKS
    lookup = [written(value) if level else blank for level, value in enumerate(values_of_levels(most, signed=signed))]
    return {
        "type": "heatmap",
        "z": levels(values, most, signed=signed),
        "zmin": BLANK,
        "zmax": HIGHEST,
        "colorscale": blank_scale(scale),
        "colorbar": color_bar(
            theme,
            f"{title} (square-root scale)",
            len=1,
            tickmode="array",
            tickvals=levels(np.array(shares) * most, most, signed=signed),
            ticktext=[written(share * most) for share in shares],
        ),
        "meta": {"select": select, "words": words, "x": columns, "y": rows, "values": lookup},
        # For a notebook, where no page looks values up.
        "hovertemplate": "row %{y}, column %{x}<br>level %{z} of 255, see the colour bar<extra></extra>",
    }


def blank_scale(scale: ColorScale) -> ColorScale:
    """The colour scale over levels, transparent for the level of NaN."""
    edge = (BLANK + LOWEST) / 2 / HIGHEST
    transparent = "rgba(0,0,0,0)"
    spread = [[(LOWEST + stop * (HIGHEST - LOWEST)) / HIGHEST, color] for stop, color in scale]
    return [[0, transparent], [edge, transparent], [edge, scale[0][1]], *spread]
