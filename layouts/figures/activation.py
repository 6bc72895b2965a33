"""Figures of activations (the residual stream through the blocks, one neuron, several neurons) and their reading."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.drawing import Drawing
from layouts.figures.shade import neutral
from layouts.figures.text import MISSING, neuron_range, quoted
from layouts.theme import LIGHT, Theme, axis, base_layout, token_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.activation import ActivationResult

_MOST_LABELS = 20
_MOST_LINES = 128
_LOG_FROM = 10  # ratio of the largest to the smallest norm above which the axis is logarithmic
_QUANTITIES = {"norm": "L2 norm", "mean": "mean"}


def activation_figure(result: ActivationResult, *, edge: int | None = None, theme: Theme = LIGHT) -> go.Figure:
    """One line per token through all blocks, with the selected position's emphasised; a click selects a position.

    At most 128 lines are drawn. On the horizontal axis, the residual stream enters block b at b and leaves it at b + 1.
    edge: the number of blocks before the selected part, if that lies outside the blocks; it is marked on the line.
    """
    changes, layout = activation_changes(result, edge=edge, theme=theme)
    positions = list(range(0, len(result.stream), _every(result)))
    lines = _lines(result, positions, line={"color": theme.quiet, "width": 1}, opacity=0.35)
    return Drawing(data=[lines, *changes], layout=layout)


def activation_changes(
    result: ActivationResult, *, edge: int | None = None, theme: Theme = LIGHT
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """All of `activation_figure` that depends on the selection: its traces but the first, and its layout."""
    n_edges = result.stream.shape[1]
    finite = result.stream[np.isfinite(result.stream)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    compared = result.compared
    logarithmic = result.quantity == "norm" and compared is None and 0 < low * _LOG_FROM < high
    if result.quantity == "mean":
        caption, short = "Mean over dimensions (removed by LayerNorm, not by RMSNorm)", "Mean over dimensions"
    else:
        scale = ", log scale" if logarithmic else ""
        caption, short = f"Length of the residual stream (L2 norm{scale})", f"Stream’s length (L2 norm{scale})"
    if compared is not None:
        missing = "" if compared.all() else " · no line: no counterpart in B"
        caption = short = f"A − B: {short[0].lower()}{short[1:]}{missing}"
    if (every := _every(result)) > 1:
        caption += f" · 1 in {every} tokens shown"
    data = [_lines(result, [result.position], line={"color": theme.accent2, "width": 2.5})]
    if edge is not None:
        marker = {"color": theme.accent, "size": 9, "line": {"color": theme.surface, "width": 1.5}}
        y = result.stream[result.position, [edge]]
        data.append({"type": "scatter", "mode": "markers", "x": [edge], "y": y, "marker": marker, "hoverinfo": "skip"})
    ticks = range(0, n_edges - 1, -(-n_edges // 13))  # a block's number is in the middle of the block
    xaxis = {
        "range": [-0.15, n_edges - 0.85],
        "showgrid": False,
        "zeroline": False,
        "title": "block",
        "tickvals": [block + 0.5 for block in ticks],
        "ticktext": [str(block) for block in ticks],
    }
    yaxis: dict[str, Any] = {"nticks": 5, "zeroline": compared is not None, "zerolinecolor": theme.quiet}
    if logarithmic:
        yaxis = {"type": "log", "tickvals": _round_numbers(low, high)}
    shapes = [] if result.block is None else [_band(result.block, theme.accent)]
    if compared is not None and (depth := int(np.isfinite(result.stream).any(axis=0).sum())) < n_edges:
        shapes.append(_missing(depth - 1, n_edges - 1, theme))  # blocks that B does not have
    layout = _layout(
        theme,
        caption,
        short,
        hovermode="closest",
        xaxis=axis(theme, **xaxis),
        yaxis=axis(theme, **yaxis),
        shapes=shapes,
    )
    return data, layout


def activation_neuron_figure(result: ActivationResult, *, theme: Theme = LIGHT) -> go.Figure:
    """One neuron at every token, with the selected position emphasised; a click selects a position."""
    assert result.values is not None
    difference = result.compared is not None
    strongest = "largest difference" if difference else "strongest"
    reason = "" if result.chosen else f" ({strongest} at {result.tokens[result.position].short(12)})"
    missing = [] if result.compared is None else np.flatnonzero(~result.compared).tolist()
    grey = " · grey: no counterpart in B" if missing else ""
    return _bars(
        result.values,
        caption=f"{_minus(result)}Neuron {result.neuron} at each token{reason}{grey}",
        short=f"{_minus(result)}Neuron {result.neuron} by token{grey}",
        labels=[token.short(8) for token in result.tokens],
        names=[f"<b>{token.markup}</b> ({token.position})" for token in result.tokens],
        clicks=[f"@{token.position}" for token in result.tokens],
        emphasised=result.position,
        colors=(theme.accent2, theme.accent),
        signs=difference,
        missing=missing,
        theme=theme,
    )


def activation_neurons_figure(result: ActivationResult, *, theme: Theme = LIGHT) -> go.Figure:
    """The listed neurons at the selected position, with the shown one emphasised; a click selects a neuron."""
    assert result.listed is not None
    assert result.listed_values is not None
    numbers = result.listed.tolist()
    tile = neuron_range(numbers[0], numbers[-1]).capitalize()
    most = "Strongest neurons" if result.compared is None else "Largest differences of neurons"
    neurons, short = (f"{tile} (one tile)", tile) if result.listing == "tile" else (most,) * 2
    return _bars(
        result.listed_values,
        caption=f"{_minus(result)}{neurons} of block {result.block} at {result.tokens[result.position].short(12)}",
        short=f"{_minus(result)}{short}",
        labels=[str(number) for number in numbers],
        names=[f"neuron <b>{number}</b>" for number in numbers],
        clicks=[f"block.{result.block}.mlp.neuron.{number}" for number in numbers],
        emphasised=numbers.index(result.neuron) if result.neuron in numbers else None,
        colors=(theme.accent, theme.quiet),
        signs=result.compared is not None,
        theme=theme,
    )


def activation_reading(result: ActivationResult) -> str:
    """One sentence on the selected token's stream and on the neuron shown, with their numbers."""
    first, last = result.stream[result.position, [0, -1]]
    label = quoted(result.tokens[result.position].label)
    if not np.isfinite([first, last]).all():
        depth = int(np.flatnonzero(~np.isfinite(result.stream[result.position]))[0])
        since = f"from block {depth - 1} on" if depth else "from the start"
        stream = f"The vector of {label} is not finite {since}"
    elif result.quantity == "norm":
        change = "grows" if last >= first else "shrinks"
        stream = f"The vector of {label} {change} from length {first:.3g} to {last:.3g} (L2 norm) through the blocks"
    else:
        means = f"from {signed_digits(first)} to {signed_digits(last)}"
        stream = f"The mean of the vector of {label} goes {means} through the blocks"
    if result.values is None:
        return f"{stream}."
    value = signed_digits(result.values[result.position])
    if not result.chosen:
        return f"{stream}; neuron {result.neuron} of block {result.block} is strongest here ({value})."
    if result.neuron == result.strongest:
        return f"{stream}; neuron {result.neuron} is strongest here ({value})."
    strongest = f"neuron {result.strongest} ({signed_digits(result.strongest_value)})"
    return f"{stream}; neuron {result.neuron} has the value {value} here, and the strongest is {strongest}."


def _every(result: ActivationResult) -> int:
    """Of how many tokens one has a line."""
    return -(-len(result.stream) // _MOST_LINES)


def _lines(result: ActivationResult, positions: list[int], **look: Any) -> dict[str, Any]:
    """The lines of several tokens as one trace with gaps: one trace per token would be slow to build and to draw."""
    n_points = result.stream.shape[1] + 1
    gap = np.full((len(positions), 1), np.nan, dtype=np.float32)
    names = [f"<b>{result.tokens[position].markup}</b> ({position})" for position in positions]
    quantity = _QUANTITIES[result.quantity]
    value = f"{quantity} %{{y:.3g}}" if result.compared is None else f"{quantity}, A − B: %{{y:+.3g}}"
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.tile(np.arange(n_points, dtype=np.float32), len(positions)),
        "y": np.hstack([result.stream[positions], gap]).ravel(),
        "text": [name for name in names for _ in range(n_points)],
        "customdata": [f"@{position}" for position in positions for _ in range(n_points)],
        "hovertemplate": f"%{{text}}<br>blocks passed: %{{x}}<br>{value}<extra></extra>",
        **look,
    }


def _bars(
    values: NDArray[np.float32],
    *,
    caption: str,
    short: str,
    labels: list[str],
    names: list[str],
    clicks: list[str],
    emphasised: int | None,
    colors: tuple[str, str],
    theme: Theme,
    signs: bool = False,
    missing: Sequence[int] = (),
) -> go.Figure:
    """One column per value; the emphasised one has the first of the two colours.

    signs: colours of differences instead, blue above 0 and orange below. missing: columns without a counterpart in B.
    """
    numbers, absent = values.tolist(), set(missing)
    shown = [MISSING if bar in absent else signed_digits(number) for bar, number in enumerate(numbers)]
    marker = [colors[bar != emphasised] for bar in range(len(labels))]
    if signs:
        marker = [theme.signed[1 if number < 0 else 3][1] for number in numbers]
    bars = {
        "type": "bar",
        "x": np.arange(len(labels), dtype=np.float32),
        "y": values,
        "customdata": clicks,
        # With a hovertemplate, Plotly would also show the column's number below it.
        "hovertext": [f"{name}<br>{value}" for name, value in zip(names, shown, strict=True)],
        "hoverinfo": "text",
        "marker": {"color": marker, "line": {"width": 0}},
    }
    layout = _layout(
        theme,
        caption,
        short,
        bargap=0.15,
        hovermode="x",  # the whole column responds to the mouse, since a bar may be too low to hit
        xaxis=token_axis(theme, labels, most=_MOST_LABELS, tickangle=-50),
        yaxis=axis(theme, nticks=4, zerolinecolor=theme.quiet),
        shapes=[
            *(_missing(start - 0.5, end - 0.5, theme) for start, end in _runs(missing)),
            *([] if emphasised is None else [_band(emphasised - 0.5, colors[0])]),
        ],
    )
    return Drawing(data=[bars], layout=layout)


def _layout(theme: Theme, caption: str, short: str, **more: Any) -> dict[str, Any]:
    """caption: the title of the vertical axis, across the top because a low figure has no space along its side; the
    page writes the short one where the other has no room.
    """
    font = {"size": 12, "color": theme.quiet}
    top_left = {"x": 0, "xanchor": "left", "y": 1, "yanchor": "top", "pad": {"t": 2, "l": 2}}
    title = {"text": caption, "font": font, **top_left}
    return base_layout(theme, title=title, meta={"short": short}, margin={"l": 8, "r": 8, "t": 24, "b": 4}, **more)


def _minus(result: ActivationResult) -> str:
    return "" if result.compared is None else "A − B: "


def _band(start: float, color: str, *, end: float | None = None, opacity: float = 0.16) -> dict[str, Any]:
    """A highlight behind the data, by default one unit wide."""
    area = {"type": "rect", "x0": start, "x1": start + 1 if end is None else end, "y0": 0, "y1": 1, "yref": "paper"}
    return {**area, "layer": "below", "line": {"width": 0}, "fillcolor": color, "opacity": opacity}


def _missing(start: float, end: float, theme: Theme) -> dict[str, Any]:
    """What B does not have."""
    return _band(start, neutral(theme), end=end, opacity=0.5)


def _runs(columns: Sequence[int]) -> list[tuple[int, int]]:
    """Adjacent columns as ranges: the first of each, and the one after its last."""
    starts = [column for column in columns if column - 1 not in columns]
    ends = [column + 1 for column in columns if column + 1 not in columns]
    return list(zip(starts, ends, strict=True))


def _round_numbers(low: float, high: float) -> list[float]:
    """Ticks at 1, 2, 5, 10, ... between two numbers; at powers of ten only if those would be too many."""
    exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    steps = (1, 2, 5) if high / low < 400 else (1,)
    return [step * 10.0**exponent for exponent in exponents for step in steps]


def signed_digits(value: float | None) -> str:
    """A number with its sign and three digits."""
    return "not finite" if value is None or isnan(value) else f"{value:+.3g}".replace("-", "−")
