"""Figure of the attributions of A, of B and A minus B, one bar per token each, and its reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.comparison.missing import missing_columns
from layouts.figures.drawing import Drawing
from layouts.figures.saliency import saliency_axis, unit
from layouts.figures.saliency_numbers import saliency_numbers
from layouts.figures.shade import mixed
from layouts.figures.text import ALL_EQUAL, MISSING, counted, quoted, signed
from layouts.theme import LIGHT, Theme, axis, base_layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.comparison.saliency import SaliencyDifference

_LOWER, _UPPER = [0, 0.46], [0.54, 1]  # shares of the height


def saliency_difference_figure(result: SaliencyDifference, *, theme: Theme = LIGHT) -> go.Figure:
    """Above, a bar of A (blue) and one of B (orange) for each token; below, A − B, blue if it is larger in A.

    Tokens without a counterpart in B are grey; doubtful differences are hatched. A click selects the position of A.
    """
    values = result.attributions
    most = float(np.nanmax(np.abs(values), initial=0)) or 1.0
    colors = [mixed(theme.signed, (float(v) / most + 1) / 2) for v in np.nan_to_num(values)]
    hatched = {"color": theme.surface, "pattern": {"shape": "/", "fgcolor": theme.quiet, "size": 6, "solidity": 0.2}}
    difference = hatched if result.doubtful else {"color": colors}
    line = {"line": {"color": theme.quiet, "width": 1 if len(values) <= 64 else 0}}
    hover = {"hovertext": [_hover(result, n) for n in range(len(values))], "hoverinfo": "text"}
    bars = [
        _bars(result, result.a.attributions, "A", {"color": theme.accent}) | {"alignmentgroup": "both"} | hover,
        _bars(result, result.others, "B", {"color": theme.accent2}) | {"alignmentgroup": "both", "hoverinfo": "skip"},
        _bars(result, values, "A − B", difference | line) | {"yaxis": "y2", "alignmentgroup": "difference"} | hover,
    ]
    mark = {"type": "rect", "layer": "below", "x0": result.position - 0.5, "x1": result.position + 0.5}
    mark |= {"y0": 0, "y1": 1, "yref": "paper", "fillcolor": theme.accent2, "line": {"width": 0}, "opacity": 0.16}
    caption = f"Above A (blue) and B (orange), below A − B ({unit(result)}){': not certain' if result.doubtful else ''}"
    layout = base_layout(
        theme,
        title={
            "text": caption,
            "font": {"size": 12, "color": theme.quiet},
            **{"x": 0, "xanchor": "left", "y": 1, "yanchor": "top", "pad": {"t": 2, "l": 2}},
        },
        meta={"short": "Above A and B, below A − B"},
        margin={"l": 8, "r": 8, "t": 24, "b": 4},
        barmode="group",
        bargap=0.15,
        hovermode="x",
        uirevision="compared",
        xaxis={**saliency_axis(result, theme), "anchor": "y2"},
        yaxis=axis(theme, nticks=4, zerolinecolor=theme.quiet, domain=_UPPER),
        yaxis2=axis(theme, nticks=4, zerolinecolor=theme.quiet, domain=_LOWER),
        shapes=[*missing_columns(np.isnan(values), theme), mark],
    )
    return Drawing(data=bars, layout=layout)


def saliency_difference_reading(result: SaliencyDifference) -> str:
    """One sentence on the token whose attribution differs most, and on those that are not compared."""
    values = result.attributions[: result.position + 1]
    minus = f" minus {quoted(result.against.label)}" if result.against else ""
    target = f"{quoted(result.target.label)}{minus}"
    if result.doubtful:
        sides = [side for side, each in (("A", result.a), ("B", result.b)) if each.doubtful]
        return f"The attributions for {target} are too uncertain in {' and '.join(sides)} to be compared."
    missing = np.isnan(values)
    if not missing.any() and not values.any() and not result.value and not result.base:
        return ALL_EQUAL
    n_missing = int(missing.sum())
    gone = f" {counted(n_missing, 'token')} of A: {MISSING}." if n_missing else ""
    if not np.nan_to_num(values).any():
        return f"For {target}, the tokens that both texts have get the same attributions.{gone}"
    most = int(np.nanargmax(np.abs(values)))
    one, other = float(result.a.attributions[most]), float(result.others[most])
    there = result.counterpart(most)
    label = result.tokens[most].label
    other_label = "" if there is None or there.label == label else f", in B {quoted(there.label)}"
    token = f"{quoted(label)} (position {most}{other_label})"
    return (
        f"For {target}, {token} differs most: {signed(one)} in A, {signed(other)} in B, so A − B is "
        f"{signed(float(values[most]))} {unit(result)}.{gone}"
    )


def saliency_difference_numbers(result: SaliencyDifference) -> list[tuple[str, str]]:
    """The numbers of A and of B side by side."""
    others = dict(saliency_numbers(result.b))
    return [
        (name, value if others.get(name) == value else f"{value} in A, {others.get(name, '–')} in B")
        for name, value in saliency_numbers(result.a)
    ]


def _bars(result: SaliencyDifference, values: NDArray[np.float32], name: str, marker: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": name,
        "offsetgroup": name,
        "x": np.arange(len(values), dtype=np.float32),
        "y": values.astype(np.float32),
        "customdata": [f"@{token.position}" for token in result.tokens],
        "marker": marker,
    }


def _hover(result: SaliencyDifference, position: int) -> str:
    name = f"<b>{result.tokens[position].markup}</b> ({position})"
    if position > result.position:
        return f"{name}<br>after the explained position: exactly 0"
    one, other = float(result.a.attributions[position]), float(result.others[position])
    if np.isnan(other):
        return f"{name}<br>A {signed(one)}, {MISSING}"
    if result.doubtful:
        return f"{name}<br>not certain"
    there = result.counterpart(position)
    replaced = f" (<b>{there.markup}</b>)" if there and there.id != result.tokens[position].id else ""
    return f"{name}<br>A {signed(one)}, B {signed(other)}{replaced}<br>A − B {signed(one - other)} {unit(result)}"
