"""Figures of direct attribution (blocks × heads, the strongest parts, the sum through depth) and their reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.attribution_parts import (
    Share,
    all_parts,
    columns,
    explained_words,
    neuron_parts,
    outside_blocks,
    scientific,
    selected_part,
    strongest,
)
from layouts.figures.drawing import Drawing
from layouts.figures.empty import empty_figure
from layouts.figures.shade import shade
from layouts.figures.text import signed
from layouts.theme import LIGHT, Theme, axis, base_layout, color_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.attribution import AttributionResult

MOST_BARS = 12
_MOST_HEADS = 8  # that are numbered on the axis
_MOST_BLOCKS = 13
_OUTSIDE = (-2.2, -0.9)  # the row of what belongs to no block, below block 0
_SHORT = {
    "token embedding": "embedding",
    "position embedding": "position",
    "bias of the final norm": "norm bias",
    "bias of the output head": "head bias",
}
_TICKS = (-1, -0.25, 0, 0.25, 1)  # of the colour bar, as shares of the largest size


def attribution_figure(result: AttributionResult, *, theme: Theme = LIGHT) -> go.Figure:
    """Blocks × heads with a column for the MLP and for each bias, and below them a row for what belongs to no block.

    Blue raises the logit, orange lowers it. A click selects the part.
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
    grid = _heat(shares, names, selects, most, theme) | {"x": list(range(width)), "y": list(blocks)}
    row = _heat(
        np.array([[part.share for part in outside]]),
        [[part.name for part in outside]],
        [[part.select for part in outside]],
        most,
        theme,
    )
    row |= {
        "x": np.linspace(-0.5, width - 0.5, len(outside) + 1).round(4).tolist(),
        "y": list(_OUTSIDE),
        "showscale": False,
    }
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
            tickangle=-30 if len(others) > 1 else 0,
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
        shapes=_marks(result, others, outside, width, theme),
    )
    return Drawing(data=[grid, row, labels], layout=layout)


def attribution_bars_figure(result: AttributionResult, *, theme: Theme = LIGHT) -> go.Figure:
    """The twelve parts with the largest shares by size, the largest on top; a click selects the part."""
    return _bars(result, strongest(all_parts(result), MOST_BARS), "The strongest parts", theme)


def attribution_neurons_figure(result: AttributionResult, *, theme: Theme = LIGHT) -> go.Figure:
    """The twelve neurons of the selected MLP with the largest shares by size; a click selects the neuron."""
    if result.neurons is None:
        return empty_figure("Select an MLP or a neuron to see its neurons.", theme=theme)
    caption = f"The strongest neurons of block {result.selection.block}"
    return _bars(result, strongest(neuron_parts(result), MOST_BARS), caption, theme)


def attribution_depth_figure(result: AttributionResult, *, theme: Theme = LIGHT) -> go.Figure:
    """The sum of all shares so far: before block 0, after each attention and each MLP, and at the output.

    A click on a point selects the part that was added last. The dashed line is the logit.
    """
    n_blocks = result.info.n_blocks
    steps = [(block, part) for block in range(n_blocks) for part in ("attention", "mlp")]
    names = ["before block 0", *(f"after the {'MLP' if p == 'mlp' else p} of block {b}" for b, p in steps), "output"]
    y = [*result.cumulated, result.total]
    x = [-0.5, *(block + (0.5 if part == "mlp" else 0) for block, part in steps), n_blocks]
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": x,
        "y": np.array(y, dtype=np.float32),
        "line": {"color": theme.accent, "width": 2},
        "marker": {"size": 6, "color": theme.accent},
        "customdata": ["embedding", *(f"block.{block}.{part}" for block, part in steps), "output"],
        "hovertext": [f"{name}: {signed(value)} logits" for name, value in zip(names, y, strict=True)],
        "hoverinfo": "text",
    }
    dashed = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": result.logit, "y1": result.logit}
    ticks = range(0, n_blocks, -(-n_blocks // _MOST_BLOCKS))
    layout = base_layout(
        theme,
        title=_caption("Sum of the shares so far (logits)", theme),
        margin={"l": 8, "r": 8, "t": 24, "b": 4},
        xaxis=axis(
            theme,
            title="block",
            range=[-0.8, n_blocks + 0.3],
            tickmode="array",
            tickvals=list(ticks),
            zeroline=False,
        ),
        yaxis=axis(theme, nticks=6, zerolinecolor=theme.quiet),
        shapes=[dashed | {"line": {"color": theme.quiet, "width": 1, "dash": "dash"}}],
    )
    return Drawing(data=[line], layout=layout)


def attribution_reading(result: AttributionResult) -> str:
    """The sum of all parts, the logit and their difference; then the selected part, and those that raise and lower the
    logit most.
    """
    explained = explained_words(result)
    if not np.isfinite(result.total):
        return f"The parts have no finite sum, so the logit of {explained} cannot be attributed."
    kind = "difference" if result.against else "logit"
    capped = f" before the cap of {result.cap:g}" if result.cap else ""
    sentence = (
        f"All parts sum to {signed(result.total)}; the {kind} for {explained}{capped} is {signed(result.logit)} "
        f"(they differ by {scientific(result.difference)})."
    )
    parts = all_parts(result)
    high, low = max(parts, key=lambda part: part.share), min(parts, key=lambda part: part.share)
    up = f"{_named(high)} adds most ({signed(high.share)})" if high.share > 0 else "no part adds to it"
    down = f"{_named(low)} takes away most ({signed(low.share)})" if low.share < 0 else "no part takes away from it"
    selected = selected_part(result)
    here = f"The selected part, {selected.name}, adds {signed(selected.share)}. " if selected else ""
    rest = f"{up}, {down}."
    return f"{sentence} {here}{rest[0].upper()}{rest[1:]}"


def _named(part: Share) -> str:
    return part.name if part.name.startswith("block") and "bias" not in part.name else f"the {part.name}"


def _bars(result: AttributionResult, parts: list[Share], caption: str, theme: Theme) -> go.Figure:
    rows = list(range(len(parts)))
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": np.array([part.share for part in parts], dtype=np.float32),
        "y": rows,
        "marker": {"color": [theme.signed[3 if part.share > 0 else 1][1] for part in parts]},
        "customdata": [part.select for part in parts],
        "hovertext": [_hover(result, part.name, part.share) for part in parts],
        "hoverinfo": "text",
    }
    layout = base_layout(
        theme,
        title=_caption(f"{caption} (logits)", theme),
        margin={"l": 8, "r": 8, "t": 24, "b": 4},
        bargap=0.25,
        hovermode="y",
        xaxis=axis(theme, nticks=6, zerolinecolor=theme.quiet),
        yaxis=axis(
            theme,
            tickmode="array",
            tickvals=rows,
            ticktext=[part.name for part in parts],
            autorange="reversed",
            showgrid=False,
            zeroline=False,
        ),
    )
    return Drawing(data=[bars], layout=layout)


def _heat(
    shares: NDArray[np.float64], names: list[list[str]], selects: list[list[str]], most: float, theme: Theme
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
            "logits (square-root scale)",
            len=1,
            tickmode="array",
            tickvals=[float(np.sign(tick) * np.sqrt(abs(tick))) for tick in _TICKS],
            ticktext=[signed(tick * most) for tick in _TICKS],
        ),
        "customdata": selects,
        "hovertext": [
            [f"{name}: {signed(float(share))} logits" for name, share in zip(*row, strict=True)]
            for row in zip(names, shares, strict=True)
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "hoverongaps": False,
    }


def _hover(result: AttributionResult, name: str, share: float) -> str:
    part = f"<br>{share / result.logit:.1%} of {signed(result.logit)}".replace("-", "−") if result.logit else ""
    return f"<b>{name}</b><br>{signed(share)} logits{part}"


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


def _caption(text: str, theme: Theme) -> dict[str, Any]:
    top_left = {"x": 0, "xanchor": "left", "y": 1, "yanchor": "top", "pad": {"t": 2, "l": 2}}
    return {"text": text, "font": {"size": 12, "color": theme.quiet}, **top_left}


def _largest(shares: list[Any]) -> float:
    sizes = np.abs(np.array(shares, dtype=np.float64))
    return float(sizes[np.isfinite(sizes)].max(initial=0)) or 1.0
