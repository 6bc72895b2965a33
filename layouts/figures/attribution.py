"""Direct attribution as a heat map of blocks × heads, and its reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.attribution_parts import (
    Share,
    all_parts,
    columns,
    explained_words,
    named,
    outside_blocks,
    selected_part,
)
from layouts.figures.comparison.missing import missing_cells
from layouts.figures.drawing import Drawing
from layouts.figures.shade import shade
from layouts.figures.text import scientific, signed
from layouts.theme import LIGHT, Theme, axis, base_layout, color_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.attribution import AttributionResult

_MOST_HEADS = 8  # that are numbered on the axis
_MOST_BLOCKS = 13
_OUTSIDE = (-1.9, -0.9)  # the row of what belongs to no block, below block 0
_SHORT = {
    "token embedding": "embedding",
    "position embedding": "position",
    "bias of the final norm": "norm bias",
    "bias of the output head": "head bias",
}
_TICKS = (-1, -0.25, 0, 0.25, 1)  # of the colour bar, as shares of the largest size


def attribution_figure(result: AttributionResult, *, compared: bool = False, theme: Theme = LIGHT) -> go.Figure:
    """Blocks × heads with a column for the MLP and for each bias, and below them a row for what belongs to no block.

    Blue raises the logit, orange lowers it. A click selects the part. compared: whether shares are those of A minus
    those of B, so that missing ones have no counterpart in B.
    """
    n_blocks, n_heads = result.heads.shape
    others, outside = columns(result), outside_blocks(result)
    gap = np.full((n_blocks, 1), np.nan)
    shares = np.hstack([result.heads, gap, *(column[3][:, None] for column in others)])
    most = _largest([*shares.ravel(), *(part.share for part in outside)])
    width = shares.shape[1]
    blocks = range(n_blocks)
    heads = [(f"head {head}", f"attention.head.{head}") for head in range(n_heads)]
    names = [
        [f"block {b} {name}" for name, _ in heads] + [""] + [f"block {b} {name}" for _, name, _, _ in others]
        for b in blocks
    ]
    selects = [
        [f"block.{b}.{part}" for _, part in heads] + [""] + [select.format(block=b) for _, _, select, _ in others]
        for b in blocks
    ]
    unit = "logits, A − B" if compared else "logits"
    grid_axes = {"x": list(range(width)), "y": list(blocks)}
    grid = _heat(shares, names, selects, most, unit=unit, theme=theme) | grid_axes
    ends = np.array([[part.share for part in outside]])
    end_names, end_selects = [[part.name for part in outside]], [[part.select for part in outside]]
    row_axes = {"x": np.linspace(-0.5, width - 0.5, len(outside) + 1).round(4).tolist(), "y": list(_OUTSIDE)}
    row = _heat(ends, end_names, end_selects, most, unit=unit, theme=theme) | row_axes | {"showscale": False}
    missing = np.isnan(shares) & (np.array(names) != "")
    below = [
        *missing_cells(missing, names, selects, theme, xgap=1, ygap=1, **grid_axes),
        *missing_cells(np.isnan(ends), end_names, end_selects, theme, xgap=1, ygap=1, **row_axes),
    ]
    middles = (np.array(row["x"][1:]) + row["x"][:-1]) / 2
    labels = {  # texts of a heat map's cells would be fitted to the narrower cells above
        "type": "scatter",
        "mode": "text",
        "x": middles.tolist(),
        "y": [sum(_OUTSIDE) / 2] * len(outside),
        "text": [_SHORT[part.name] for part in outside],
        "textfont": {
            "size": 10,
            "color": [shade(theme.signed, (1 + level) / 2, theme)[1] for level in np.nan_to_num(row["z"][0])],
        },
        "hoverinfo": "skip",
    }
    numbered = range(0, n_heads, -(-n_heads // _MOST_HEADS))
    rows = range(0, n_blocks, -(-n_blocks // _MOST_BLOCKS))
    plain = {"tickmode": "array", "showgrid": False, "zeroline": False}
    layout = base_layout(
        theme,
        xaxis=axis(
            theme,
            side="top",
            tickvals=[*numbered, *range(n_heads + 1, width)],
            ticktext=[*map(str, numbered), *(short for short, _, _, _ in others)],
            tickangle=0,
            range=[-0.5, width - 0.5],
            **plain,
        ),
        yaxis=axis(
            theme,
            title="block",
            tickvals=[sum(_OUTSIDE) / 2, *rows],
            ticktext=["none", *map(str, rows)],
            range=[_OUTSIDE[0], n_blocks - 0.5],
            **plain,
        ),
        uirevision="map",
        shapes=_marks(result, others, outside, width, theme),
    )
    return Drawing(data=[*(below if compared else []), grid, row, labels], layout=layout)


def attribution_reading(result: AttributionResult) -> str:
    """The sum of all parts, the logit and their difference; then the selected part, and those that raise and lower the
    logit most.
    """
    explained = explained_words(result)
    if not np.isfinite(result.total):
        return f"The parts have no finite sum, so the logit of {explained} cannot be attributed."
    kind = "logits’ difference" if result.against else "logit"
    capped = f" before the cap of {result.cap:g}" if result.cap else ""
    sentence = (  # short, so that all three numbers are in view
        f"The parts sum to {signed(result.total)}, the {kind}{capped} is {signed(result.logit)}: "
        f"{scientific(abs(result.difference))} apart."
    )
    parts = all_parts(result)
    high, low = max(parts, key=lambda part: part.share), min(parts, key=lambda part: part.share)
    up = f"{named(high)} adds most ({signed(high.share)})" if high.share > 0 else "no part adds to it"
    down = f"{named(low)} takes away most ({signed(low.share)})" if low.share < 0 else "no part takes away from it"
    selected = selected_part(result)
    here = f" The selected part, {selected.name}, adds {signed(selected.share)}." if selected else ""
    return f"{sentence} For {explained}, {up}, {down}.{here}"


def _heat(
    shares: NDArray[np.float64],
    names: list[list[str]],
    selects: list[list[str]],
    most: float,
    *,
    unit: str,
    theme: Theme,
) -> dict[str, Any]:
    """A heat map on one colour scale for both: the square root of the size, with the sign."""
    return {
        "type": "heatmap",
        "z": (np.sign(shares) * np.sqrt(np.abs(shares) / most)).astype(np.float32),
        "zmin": -1,
        "zmax": 1,
        "xgap": 1,
        "ygap": 1,
        "colorscale": theme.signed,
        "colorbar": color_bar(
            theme,
            f"{unit} (square-root scale)",
            len=1,
            tickmode="array",
            tickvals=[float(np.sign(tick) * np.sqrt(abs(tick))) for tick in _TICKS],
            ticktext=[signed(tick * most) for tick in _TICKS],
        ),
        "customdata": selects,
        "hovertext": [
            [f"{name}: {signed(float(share))} {unit}" for name, share in zip(*row, strict=True)]
            for row in zip(names, shares, strict=True)
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "hoverongaps": False,
    }


def _marks(
    result: AttributionResult, others: list[Any], outside: list[Share], width: int, theme: Theme
) -> list[dict[str, Any]]:
    """The outline of the selected part."""
    selection, n_heads = result.selection, result.info.n_heads
    line = {"type": "rect", "line": {"color": theme.accent2, "width": 2.5}}
    if selection.block is None:
        step = width / len(outside)
        return [
            line | {"x0": -0.5 + n * step, "x1": -0.5 + (n + 1) * step, "y0": _OUTSIDE[0], "y1": _OUTSIDE[1]}
            for n, part in enumerate(outside)
            if part.select == selection.part
        ]
    if selection.part == "mlp":
        first = last = n_heads + 1 + [short for short, *_ in others].index("MLP")
    else:
        first, last = (0, n_heads - 1) if selection.head is None else (selection.head, selection.head)
    rows = {"y0": selection.block - 0.5, "y1": selection.block + 0.5}
    return [line | {"x0": first - 0.5, "x1": last + 0.5, **rows}]


def _largest(shares: list[Any]) -> float:
    sizes = np.abs(np.array(shares, dtype=np.float64))
    return float(sizes[np.isfinite(sizes)].max(initial=0)) or 1.0
