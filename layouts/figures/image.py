"""Heat maps of long texts: images of one byte a cell, where a number and a text for each would weigh too much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layouts.theme import Scale, Theme, color_bar

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MOST_EXACT = 128  # tokens; heat maps of longer texts are images
BLANK, LOWEST, HIGHEST = 0, 1, 255  # levels: of what is not a number, and of the ends of the scale
_TICKS = (0, 0.01, 0.05, 0.2, 0.5, 1)  # of the colour bar, as shares of the highest value
_SIGNED_TICKS = (-1, -0.25, -0.04, 0, 0.04, 0.25, 1)


def levels(values: NDArray[Any], most: float, *, signed: bool = False) -> NDArray[np.uint8]:
    """Numbers from 0, or if signed from -most, to most as whole numbers from 1 to 255; 0 for what is not a number.

    They are even steps of the square root, so that what is small can be told apart: shares of a long text are.
    """
    roots = np.sign(values) * np.sqrt(np.abs(values) / most)
    places = (roots + 1) / 2 if signed else roots
    return np.nan_to_num(LOWEST + np.round(places * (HIGHEST - LOWEST)), nan=BLANK).astype(np.uint8)


def values_of_levels(most: float, *, signed: bool = False) -> NDArray[np.float64]:
    """The number in the middle of each level, (256,); not a number for level 0."""
    places = (np.arange(HIGHEST + 1) - LOWEST) / (HIGHEST - LOWEST)
    roots = 2 * places - 1 if signed else places
    return np.where(np.arange(HIGHEST + 1) == BLANK, np.nan, most * np.sign(roots) * roots**2)


def image(
    values: NDArray[Any],
    *,
    most: float,
    signed: bool = False,
    scale: Scale,
    title: str,
    written: Callable[[float], str],
    select: str,
    words: str,
    columns: list[str],
    rows: list[str],
    theme: Theme,
) -> dict[str, Any]:
    """A heat map's trace. values: (rows, columns). title: of the colour bar. written: how a number is shown.

    select: the selection that a click on a cell asks for; words: what is said of the cell under the mouse. Both may
    hold `{x}` and `{y}`: in `select` the cell's numbers, in `words` its column's and row's names; and `words` holds
    `{value}`, which the page looks up by the cell's level.
    """
    shares = _SIGNED_TICKS if signed else _TICKS
    lookup = [written(value) if level else "" for level, value in enumerate(values_of_levels(most, signed=signed))]
    return {
        "type": "heatmap",
        "z": levels(values, most, signed=signed),
        "zmin": BLANK,
        "zmax": HIGHEST,
        "colorscale": _scale(scale),
        "colorbar": color_bar(
            theme,
            f"{title} (square-root scale)",
            len=1,
            tickmode="array",
            tickvals=levels(np.array(shares) * most, most, signed=signed),
            ticktext=[written(share * most) for share in shares],
        ),
        "meta": {"select": select, "words": words, "x": columns, "y": rows, "values": lookup},
        # For where there is no page to look values up.
        "hovertemplate": "row %{y}, column %{x}<br>level %{z} of 255, see the colour bar<extra></extra>",
    }


def _scale(scale: Scale) -> Scale:
    """With nothing drawn where there is no number."""
    edge = (BLANK + LOWEST) / 2 / HIGHEST
    nothing = "rgba(0,0,0,0)"
    spread = [[(LOWEST + place * (HIGHEST - LOWEST)) / HIGHEST, color] for place, color in scale]
    return [[0, nothing], [edge, nothing], [edge, scale[0][1]], *spread]
