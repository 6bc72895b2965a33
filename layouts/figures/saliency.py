"""Figures of attributions (one bar per token, blocks × tokens, shades of the text) and their reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.comparison.missing import missing_cells, missing_image
from layouts.figures.drawing import Drawing
from layouts.figures.image import MOST_EXACT, image
from layouts.figures.shade import missing_color, mixed, shade
from layouts.figures.text import number, quoted, signed
from layouts.theme import LIGHT, ColorScale, Theme, axis, base_layout, color_bar, token_axis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.saliency import SaliencyResult

_MOST_LABELS = 24
_MAX_CHARACTERS = 10  # of a token on an axis
_NAMES = {
    "integrated": "attribution",
    "depth": "attribution",
    "input_gradient": "input × gradient",
    "gradient_norm": "gradient norm",
    "occlusion": "drop when left out",
}


def saliency_figure(result: SaliencyResult, *, theme: Theme = LIGHT) -> go.Figure:
    """One bar per token: blue pushes the target's logit up, orange pushes it down; a click selects the position.

    Doubtful attributions are hatched, without colours.
    """
    values = result.attributions
    scale, low, high = _colors(result, values, theme)
    colored = {"color": [mixed(scale, (float(value) - low) / (high - low)) for value in values]}
    hatched = {"color": theme.surface, "pattern": {"shape": "/", "fgcolor": theme.quiet, "size": 6, "solidity": 0.2}}
    bars = {
        "type": "bar",
        "x": np.arange(len(values), dtype=np.float32),
        "y": values.astype(np.float32),
        "customdata": [f"@{token.position}" for token in result.tokens],
        # With a hovertemplate, Plotly would also show the column's number below it.
        "hovertext": [_hover(result, n, float(value)) for n, value in enumerate(values)],
        "hoverinfo": "text",
        "marker": {
            # Numbers with a colour scale would look the same, but Plotly warns that they are no valid colours.
            **(hatched if result.doubtful else colored),
            "line": {"color": theme.quiet, "width": 1 if len(values) <= 64 else 0},
        },
    }
    top_left = {"x": 0, "xanchor": "left", "y": 1, "yanchor": "top", "pad": {"t": 2, "l": 2}}
    caption = f"Each token’s {_NAMES[result.method]} ({unit(result)}){': not certain' if result.doubtful else ''}"
    layout = base_layout(
        theme,
        title={"text": caption, "font": {"size": 12, "color": theme.quiet}, **top_left},
        margin={"l": 8, "r": 8, "t": 24, "b": 4},
        bargap=0.15,
        hovermode="x",  # the whole column responds to the mouse, since a bar may be too low to hit
        xaxis=saliency_axis(result, theme),
        yaxis=axis(theme, nticks=5, zerolinecolor=theme.quiet),
        shapes=[_mark(result.position, 0, 1) | {"fillcolor": theme.accent2, "line": {"width": 0}, "opacity": 0.16}],
    )
    return Drawing(data=[bars], layout=layout)


def saliency_depth_figure(result: SaliencyResult, *, compared: bool = False, theme: Theme = LIGHT) -> go.Figure:
    """Attribution of each token at the input of each block, block 0 at the bottom.

    Missing rows are blank, doubtful ones grey. A click selects the block's attention and the position. compared:
    whether it is A minus B; then what is missing has no counterpart in B, and is grey, too.
    """
    assert result.depth is not None
    n_blocks, n_positions = result.depth.shape
    below = _missing_depth(result, np.isnan(result.depth), theme) if compared else []
    depth = result.depth.astype(np.float32)
    depth[result.doubtful_rows] = np.nan
    heat = (_exact_depth if n_positions <= MOST_EXACT else _image_depth)(result, depth, theme)
    if compared:
        heat["colorbar"] = heat["colorbar"] | color_bar(theme, f"A − B: {heat['colorbar']['title']['text']}")
    grey = {"type": "rect", "layer": "below", "x0": -0.5, "x1": n_positions - 0.5, "fillcolor": theme.line}
    rows = [
        {**grey, "y0": block - 0.5, "y1": block + 0.5, "line": {"width": 0}} for block in result.doubtful_rows.tolist()
    ]
    ticks = list(range(0, n_blocks, -(-n_blocks // 13)))
    blocks = {"tickmode": "array", "tickvals": ticks, "showgrid": False, "zeroline": False}
    layout = base_layout(
        theme,
        xaxis=saliency_axis(result, theme),
        yaxis=axis(theme, title="block", range=[-0.5, n_blocks - 0.5], **blocks),
        # The mark is above the column: with many tokens, a frame would cover the cells.
        shapes=[
            _mark(result.position, 1.005, 1.02) | {"fillcolor": theme.accent2, "line": {"color": theme.accent2}},
            *rows,
        ],
    )
    return Drawing(data=[*below, heat], layout=layout)


def _missing_depth(result: SaliencyResult, missing: NDArray[np.bool_], theme: Theme) -> list[dict[str, Any]]:
    if missing.shape[1] > MOST_EXACT:
        return missing_image(missing, theme)
    blocks = range(len(missing))
    names = [
        [f"<b>{token.markup}</b> ({token.position}), block {block}" for token in result.tokens] for block in blocks
    ]
    selects = [[f"block.{block}.attention@{token.position}" for token in result.tokens] for block in blocks]
    return missing_cells(missing, names, selects, theme)


def _exact_depth(result: SaliencyResult, depth: NDArray[np.float32], theme: Theme) -> dict[str, Any]:
    scale, low, high = _colors(result, depth, theme)
    n_blocks, n_positions = depth.shape
    return {
        "type": "heatmap",
        "z": depth,
        "zmin": low,
        "zmax": high,
        "colorscale": scale,
        "colorbar": color_bar(theme, f"{_NAMES[result.method]} ({unit(result)})", len=1),
        "customdata": [[f"block.{block}.attention@{n}" for n in range(n_positions)] for block in range(n_blocks)],
        "text": [
            [_hover(result, n, float(value), f"<br>at the input of block {block}") for n, value in enumerate(row)]
            for block, row in enumerate(depth)
        ],
        "hovertemplate": "%{text}<extra></extra>",
        "hoverongaps": False,
    }


def _image_depth(result: SaliencyResult, depth: NDArray[np.float32], theme: Theme) -> dict[str, Any]:
    scale, low, high = _colors(result, depth, theme)
    return image(
        depth,
        most=high,
        signed=low < 0,
        scale=scale,
        title=f"{_NAMES[result.method]} ({unit(result)})",
        written=number if low == 0 else signed,
        select="block.{y}.attention@{x}",
        words=f"{{x}} at the input of {{y}}: about {{value}} {unit(result)}",
        columns=[f"{token.label} ({token.position})" for token in result.tokens],
        rows=[f"block {block}" for block in range(len(depth))],
        theme=theme,
    )


def saliency_shades(result: SaliencyResult, *, theme: Theme = LIGHT) -> list[tuple[str, str]]:
    """CSS colours of each token's background and text.

    Tokens after the explained position are not shaded, nor are any if the attributions are doubtful. Those whose
    attribution is missing, as in A minus B, are grey.
    """
    scale, low, high = _colors(result, result.attributions, theme)
    return [
        ("transparent", theme.quiet)
        if position > result.position or result.doubtful
        else (missing_color(theme), theme.text)
        if np.isnan(value)
        else shade(scale, (float(value) - low) / (high - low), theme)
        for position, value in enumerate(result.attributions)
    ]


def saliency_legend(result: SaliencyResult, *, theme: Theme = LIGHT) -> tuple[ColorScale, str, str]:
    """The colour scale of the shades, and the labels of its low and its high end."""
    if result.doubtful:
        return [[0, theme.line], [1, theme.line]], "attributions", "not certain"
    scale, low, high = _colors(result, result.attributions, theme)
    if result.method == "gradient_norm":
        return scale, f"{_NAMES[result.method]} 0", _with_unit(result, high)
    return scale, f"against {signed(low)}", f"{_with_unit(result, high)} for"


def saliency_words(result: SaliencyResult, position: int) -> str:
    """The attribution of one token, for its tooltip."""
    if position > result.position:
        return "after the explained position"
    if result.doubtful:
        return f"{_NAMES[result.method]} not certain"
    return f"{_NAMES[result.method]} {_with_unit(result, float(result.attributions[position]))}"


def saliency_reading(result: SaliencyResult) -> str:
    """One sentence on the tokens that push the explained logit up and down most, with their numbers.

    If the attributions are doubtful, it says only that.
    """
    target, values = _target(result), result.attributions[: result.position + 1]
    if result.doubtful:
        return f"The attributions for {target} are too uncertain to name a token."
    if not values.any():
        return f"No token moves the logit of {target}: every {_NAMES[result.method]} is 0."
    best, worst = int(values.argmax()), int(values.argmin())
    top, bottom = float(values[best]), float(values[worst])
    first, last = _token(result, best), _token(result, worst)
    if len(values) == 1:
        return f"{first} is the only token here; its {_NAMES[result.method]} for {target} is {_with_unit(result, top)}."
    if result.method == "gradient_norm":
        least = f"least sensitive to {last} ({number(bottom)})"
        return f"The logit of {target} is most sensitive to {first}, {_with_unit(result, top)}, and {least}."
    if result.method == "occlusion":
        largest = f"leaving out {first} lowers the logit of {target} most (by {number(top)})"
        smallest = f"leaving out {last} raises it most (by {number(-bottom)})"
        no_positive = f"no token lowers the logit of {target} when left out"
        no_negative = "no token raises it when left out"
    else:
        total = f" of {signed(result.value - result.base)}" if result.exact else ""
        largest = f"{first} pushes {target} up most ({signed(top)}{total} logits)"
        of_total = "" if top > 0 else f"{total} logits"
        smallest = f"{last} pushes it down most ({signed(bottom)}{of_total})"
        no_positive, no_negative = f"no token pushes {target} up", "no token pushes it down"
    sentence = f"{largest if top > 0 else no_positive}; {smallest if bottom < 0 else no_negative}."
    return sentence[0].upper() + sentence[1:]


def unit(result: SaliencyResult) -> str:
    """The unit of the attributions."""
    return "logits per unit of length" if result.method == "gradient_norm" else "logits"


def _colors(result: SaliencyResult, values: NDArray[Any], theme: Theme) -> tuple[ColorScale, float, float]:
    """A colour scale and the values at its ends: zero is in its middle, or at its low end if values have no sign."""
    most = float(np.nanmax(np.abs(values), initial=0)) or 1.0
    return (theme.signed, -most, most) if result.has_sign else (theme.probabilities, 0.0, most)


def saliency_axis(result: SaliencyResult, theme: Theme) -> dict[str, Any]:
    """The axis of the tokens."""
    labels = [token.short(_MAX_CHARACTERS) for token in result.tokens]
    return token_axis(theme, labels, most=_MOST_LABELS, tickangle=-50, range=[-0.5, len(labels) - 0.5])


def _mark(position: int, bottom: float, top: float) -> dict[str, Any]:
    """A rectangle over a position's column. bottom, top: shares of the plot's height."""
    area = {"x0": position - 0.5, "x1": position + 0.5, "y0": bottom, "y1": top, "yref": "paper"}
    return {"type": "rect", "layer": "below", **area}


def _hover(result: SaliencyResult, position: int, value: float, location: str = "") -> str:
    name = f"<b>{result.tokens[position].markup}</b> ({position}){location}"
    if position > result.position:
        return f"{name}<br>after the explained position: exactly 0"
    if not location and result.doubtful:
        return f"{name}<br>not certain"
    difference = result.value - result.base
    share = f"<br>{value / difference:.1%} of F(x) − F(x′)" if result.exact and difference else ""
    return f"{name}<br>{_with_unit(result, value)}{share.replace('-', '−')}"


def _token(result: SaliencyResult, position: int) -> str:
    return f"{quoted(result.tokens[position].label)} (position {position})"


def _target(result: SaliencyResult) -> str:
    minus = f" minus {quoted(result.against.label)}" if result.against else ""
    return f"{quoted(result.target.label)}{minus}"


def _with_unit(result: SaliencyResult, value: float) -> str:
    return f"{signed(value) if result.has_sign else number(value)} {unit(result)}"
