"""Direct attribution as bars of the strongest parts, and as a line through depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.attribution_parts import Share, all_parts, neuron_parts, strongest
from layouts.figures.drawing import Drawing
from layouts.figures.empty import empty_figure
from layouts.figures.text import MISSING, signed
from layouts.theme import LIGHT, Theme, axis, base_layout

if TYPE_CHECKING:
    from analysis.attribution import AttributionResult

MOST_BARS = 12
_MOST_BLOCKS = 13  # that are numbered on the axis


def attribution_bars_figure(result: AttributionResult, *, compared: bool = False, theme: Theme = LIGHT) -> go.Figure:
    """The twelve parts with the largest shares by size, the largest on top; a click selects the part."""
    return _bars(result, strongest(all_parts(result), MOST_BARS), "The strongest parts", compared, theme)


def attribution_neurons_figure(result: AttributionResult, *, compared: bool = False, theme: Theme = LIGHT) -> go.Figure:
    """The twelve neurons of the selected MLP with the largest shares by size; a click selects the neuron."""
    if result.neurons is None:
        return empty_figure("Select an MLP or a neuron to see its neurons.", theme=theme)
    caption = f"The strongest neurons of block {result.selection.block}"
    return _bars(result, strongest(neuron_parts(result), MOST_BARS), caption, compared, theme)


def attribution_depth_figure(result: AttributionResult, *, compared: bool = False, theme: Theme = LIGHT) -> go.Figure:
    """The sum of all shares so far: before block 0, after each attention and each MLP, and at the output.

    A click on a point selects the part that was added last. The dashed line is the logit. compared: as for
    `attribution_figure`.
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
        "hovertext": [
            f"{name}: {MISSING if np.isnan(value) else f'{signed(value)} {_unit(compared)}'}"
            for name, value in zip(names, y, strict=True)
        ],
        "hoverinfo": "text",
    }
    dashed = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": result.logit, "y1": result.logit}
    ticks = range(0, n_blocks, -(-n_blocks // _MOST_BLOCKS))
    layout = base_layout(
        theme,
        title=_caption(f"Sum of the shares so far ({_unit(compared)})", theme),
        margin={"l": 8, "r": 8, "t": 24, "b": 4},
        xaxis=axis(
            theme,
            title="block",
            range=[-0.8, n_blocks + 0.3],
            tickmode="array",
            tickvals=list(ticks),
            zeroline=False,
        ),
        yaxis=axis(
            theme,
            nticks=6,
            zerolinecolor=theme.quiet,
            **_range([*(v for v in y if not (compared and np.isnan(v))), result.logit, 0]),
        ),
        uirevision="depth",
        shapes=[dashed | {"line": {"color": theme.quiet, "width": 1, "dash": "dash"}}],
    )
    return Drawing(data=[line], layout=layout)


def _bars(result: AttributionResult, parts: list[Share], caption: str, compared: bool, theme: Theme) -> go.Figure:
    rows = list(range(len(parts)))
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": np.array([part.share for part in parts], dtype=np.float32),
        "y": rows,
        "marker": {"color": [theme.signed[3 if part.share > 0 else 1][1] for part in parts]},
        "customdata": [part.select for part in parts],
        "hovertext": [_hover(result, part, compared) for part in parts],
        "hoverinfo": "text",
    }
    layout = base_layout(
        theme,
        title=_caption(f"{caption} ({_unit(compared)})", theme),
        margin={"l": 8, "r": 8, "t": 24, "b": 4},
        bargap=0.25,
        hovermode="y",
        meta={"rows": len(parts)},  # of which the page draws as many as have room
        uirevision="bars",  # the views share a graph, and axes of one must not be kept for the next
        xaxis=axis(theme, nticks=6, zerolinecolor=theme.quiet),
        yaxis=axis(
            theme,
            tickmode="array",
            tickvals=rows,
            ticktext=[part.name for part in parts],
            range=[len(parts) - 0.5, -0.5],
            showgrid=False,
            zeroline=False,
        ),
    )
    return Drawing(data=[bars], layout=layout)


def _hover(result: AttributionResult, part: Share, compared: bool) -> str:
    if compared:
        words = MISSING if np.isnan(part.share) else f"{signed(part.share)} {_unit(compared)}"
        return f"<b>{part.name}</b><br>{words}"
    of_all = f"<br>{part.share / result.logit:.1%} of {signed(result.logit)}".replace("-", "−") if result.logit else ""
    return f"<b>{part.name}</b><br>{signed(part.share)} logits{of_all}"


def _unit(compared: bool) -> str:
    return "logits, A − B" if compared else "logits"


def _caption(text: str, theme: Theme) -> dict[str, Any]:
    top_left = {"x": 0, "xanchor": "left", "y": 1, "yanchor": "top", "pad": {"t": 2, "l": 2}}
    return {"text": text, "font": {"size": 12, "color": theme.quiet}, **top_left}


def _range(values: list[float]) -> dict[str, list[float]]:
    """The range of an axis with some room beside the values; empty, which leaves it to Plotly, if one is not finite."""
    if not np.isfinite(values).all():
        return {}
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 1.0
    return {"range": [low - room, high + room]}
