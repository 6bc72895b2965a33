"""Heat maps of long texts as images of one byte per cell: a number and a hover text for each would be too large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layouts.figures.shade import missing_color
from layouts.theme import ColorScale, Theme, color_bar

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MOST_EXACT = 128  # tokens; heat maps of longer texts are images
BLANK, LOWEST, HIGHEST = 0, 1, 255  # levels of NaN and of the two ends of the scale
MISSING, LOWEST_DIFFERENCE = 1, 3  # in differences: of a cell without a counterpart, and of the scale's lower end
_TICKS = (0, 0.01, 0.05, 0.2, 0.5, 1)  # of the colour bar, as shares of the highest value
_SIGNED_TICKS = (-1, -0.25, -0.04, 0, 0.04, 0.25, 1)


def levels(values: NDArray[Any], most: float, *, signed: bool = False, lowest: int = LOWEST) -> NDArray[np.uint8]:
    """Quantize numbers from 0 (if signed, from -most) to most into levels from `lowest` to 255; NaN becomes level 0.

    Levels are even steps of the square root, so that small values, as the shares in a long text are, stay distinct.
    """
    roots = np.sign(values) * np.sqrt(np.abs(values) / most)
    shares = (roots + 1) / 2 if signed else roots
    steps = lowest + np.round(shares * (HIGHEST - lowest))
    quantized: NDArray[np.uint8] = np.nan_to_num(steps, nan=BLANK).astype(np.uint8)
    return quantized


def difference_levels(values: NDArray[Any], most: float) -> NDArray[np.uint8]:
    """Quantize differences from -most to most into levels from 3 to 255, 0 in the middle; NaN becomes `MISSING`."""
    quantized = levels(values, most, signed=True, lowest=LOWEST_DIFFERENCE)
    quantized[quantized == BLANK] = MISSING
    return quantized


def values_of_levels(most: float, *, signed: bool = False, lowest: int = LOWEST) -> NDArray[np.float64]:
    """The number in the middle of each level, (256,); NaN for those below `lowest`."""
    shares = (np.arange(HIGHEST + 1) - lowest) / (HIGHEST - lowest)
    roots = 2 * shares - 1 if signed else shares
    return np.where(np.arange(HIGHEST + 1) < lowest, np.nan, most * np.sign(roots) * roots**2)


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


def difference_image(
    values: NDArray[Any],
    *,
    most: float,
    title: str,
    written: Callable[[float], str],
    select: str,
    words: str,
    unit: str,
    missing: str,
    columns: list[str],
    rows: list[str],
    theme: Theme,
    blank: NDArray[np.bool_],
) -> dict[str, Any]:
    """The trace of a heat map of differences, with the same arguments as `image`, and the largest size as `most`.

    NaN is drawn in a colour of its own, and named by `missing` in the place of a value. unit: after a value in a cell's
    name. blank: the cells that are not drawn.
    """
    numbers = values_of_levels(most, signed=True, lowest=LOWEST_DIFFERENCE)
    trace = image(
        values,
        most=most,
        signed=True,
        scale=theme.signed,
        title=title,
        written=written,
        select=select,
        words=words,
        columns=columns,
        rows=rows,
        theme=theme,
    )
    ticks = np.array(_SIGNED_TICKS) * most
    trace["colorbar"] |= {"tickvals": difference_levels(ticks, most)}
    trace["meta"]["values"] = [
        *("", missing, missing),
        *(f"{written(number)}{unit}" for number in numbers[LOWEST_DIFFERENCE:].tolist()),
    ]
    cells = difference_levels(values, most)
    cells[blank] = BLANK
    return trace | {"z": cells, "colorscale": difference_scale(theme)}


def difference_scale(theme: Theme) -> ColorScale:
    """The signed colour scale over levels; transparent for the level of cells that are not drawn, and a neutral colour
    for the level of cells without a counterpart.
    """
    first, second = (BLANK + MISSING) / 2 / HIGHEST, (MISSING + LOWEST_DIFFERENCE) / 2 / HIGHEST
    transparent, grey = "rgba(0,0,0,0)", missing_color(theme)
    spread = [[(LOWEST_DIFFERENCE + stop * (HIGHEST - LOWEST_DIFFERENCE)) / HIGHEST, c] for stop, c in theme.signed]
    return [[0, transparent], [first, transparent], [first, grey], [second, grey], [second, spread[0][1]], *spread]


def blank_scale(scale: ColorScale) -> ColorScale:
    """The colour scale over levels, transparent for the level of NaN."""
    edge = (BLANK + LOWEST) / 2 / HIGHEST
    transparent = "rgba(0,0,0,0)"
    spread = [[(LOWEST + stop * (HIGHEST - LOWEST)) / HIGHEST, color] for stop, color in scale]
    return [[0, transparent], [edge, transparent], [edge, scale[0][1]], *spread]
