"""Figures of attention (one head as a heat map, all heads of a block as small multiples) and their reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.drawing import Drawing
from layouts.figures.image import HIGHEST, LOWEST, MOST_EXACT, image, levels
from layouts.figures.text import percent, quoted
from layouts.theme import LIGHT, Theme, base_layout, color_bar, token_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.attention import AttentionResult
    from analysis.comparison.attention import AttentionDifference
    from analysis.tokens import Token
    from layouts.theme import ColorScale

_MOST_LABELS = 24
_MAX_CHARACTERS = 14  # of a token on an axis
_GAP = 0.08  # share of a small multiple's width
_WHOLES = {  # what the shares of a view add up to
    "raw": "its attention",
    "without_first": "its attention without the first token",
    "rollout": "the rollout",
}


def attention_figure(result: AttentionResult, *, theme: Theme = LIGHT) -> go.Figure:
    """The selected head as a heat map, queries down and keys across; a click selects the query position."""
    n_positions = len(result.tokens)
    grid = np.where(np.tri(n_positions, dtype=bool), result.grid, np.nan)
    heat = (_exact if n_positions <= MOST_EXACT else _image)(result, grid.astype(np.float32), theme)
    return Drawing(data=[heat], layout=grid_layout(result.tokens, result.position, theme))


def grid_layout(tokens: Sequence[Token], position: int, theme: Theme) -> dict[str, Any]:
    """The layout of a heat map of queries and keys, with the selected query marked."""
    labels = [token.short(_MAX_CHARACTERS) for token in tokens]
    return base_layout(
        theme,
        xaxis=token_axis(
            theme,
            labels,
            most=_MOST_LABELS,
            title="attended token (key)",
            side="bottom",
            tickangle=-45,
            constrain="domain",
        ),
        yaxis=token_axis(
            theme,
            labels,
            most=_MOST_LABELS,
            title="attending token (query)",
            autorange="reversed",
            scaleanchor="x",
            constrain="domain",
        ),
        shapes=[_row_mark(position, len(labels), theme.accent2)],
    )


def _exact(result: AttentionResult, grid: NDArray[np.float32], theme: Theme) -> dict[str, Any]:
    names = [f"{token.label} ({token.position})" for token in result.tokens]
    norms = result.view == "value_weighted"
    return {
        "type": "heatmap",
        "z": grid,
        "zmin": 0,
        "zmax": _most(result, grid),
        "colorscale": theme.probabilities,
        "colorbar": color_bar(theme, _quantity(result), tickformat=".2~g" if norms else ".0%", len=1),
        # The page's script names the cell under the mouse: a text for each cell would be most of the response.
        "meta": {"select": "@{y}", "words": _words(result), "norms": norms, "x": names, "y": names},
        "hovertemplate": f"{'%{z:.3g} moved' if norms else f'%{{z:.1%}} of {_WHOLES[result.view]}'}<extra></extra>",
        "hoverongaps": False,
    }


def _image(result: AttentionResult, grid: NDArray[np.float32], theme: Theme) -> dict[str, Any]:
    names = [f"{token.label} ({token.position})" for token in result.tokens]
    return image(
        grid,
        most=_most(result, grid),
        scale=theme.probabilities,
        title=_quantity(result),
        written=_norm if result.view == "value_weighted" else _share,
        select="@{y}",
        words=_words(result, about="about "),
        columns=names,
        rows=names,
        theme=theme,
    )


def _share(share: float) -> str:
    return f"{100 * share:.2g}%" if share < 0.995 else "100%"


def _norm(norm: float) -> str:
    return f"{norm:.2g}"


def _words(result: AttentionResult, *, about: str = "") -> str:
    """The template of a cell's name. about: before its value."""
    if result.view == "value_weighted":
        return f"{{y}} → {{x}}: {about}{{value}} moved (L2 norm)"
    return f"{{y}} → {{x}}: {about}{{value}} of {_WHOLES[result.view]}"


def _most(result: AttentionResult, values: NDArray[np.float32]) -> float:
    """The upper end of the colour scale."""
    if result.view != "value_weighted" or not np.isfinite(values).any():
        return 1
    return float(np.nanmax(np.where(np.isfinite(values), values, np.nan))) or 1


def _quantity(result: AttentionResult) -> str:
    if result.view == "value_weighted":
        return "norm of what is moved"
    return f"share of {'rollout' if result.view == 'rollout' else 'attention'}"


def attention_heads_figure(result: AttentionResult, *, theme: Theme = LIGHT) -> go.Figure:
    """All heads of the block as small images of one byte per cell, each clickable; the selected one has a frame.

    For a long text, a cell is the largest share in a square of tokens, coloured as in the large heat map.
    """
    pooled, finite = result.square > 1, np.where(np.isfinite(result.heads), result.heads, 0)
    shares = finite / np.float32(_most(result, finite))  # of all heads' largest, so that heads can be compared
    what = "norm" if result.view == "value_weighted" else "share"
    return heads_figure(
        levels(shares, 1) if pooled else np.round(shares * HIGHEST).astype(np.uint8),
        block=result.block,
        head=result.head,
        ends=(LOWEST if pooled else 0, HIGHEST),
        scale=theme.probabilities,
        note=f"<br>each cell: the largest {what} in {result.square} × {result.square} tokens" if pooled else "",
        theme=theme,
    )


def heads_figure(
    cells: NDArray[np.uint8],
    *,
    block: int,
    head: int | None,
    ends: tuple[int, int],
    scale: ColorScale,
    note: str,
    theme: Theme,
) -> go.Figure:
    """The heads of a block as small images of one byte per cell.

    cells: (n_heads, query, key), levels of the scale. head: the selected one. ends: levels at both ends of the scale.
    note: follows the number of a head in its hover text.
    """
    n_heads = len(cells)
    rows = -(-n_heads // 8)
    columns = -(-n_heads // rows)
    layout = base_layout(
        theme,
        margin={"l": 0, "r": 0, "t": 2, "b": 2},
        annotations=[],
        shapes=[],
        meta={"multiples": n_heads},  # the page wraps them to the shape of their place
    )
    data = []
    for number in range(n_heads):
        row, column = divmod(number, columns)
        suffix = str(number + 1) if number else ""
        left, bottom = column / columns, 1 - (row + 1) / rows
        width, height = (1 - _GAP) / columns, (1 - 0.2) / rows
        # As few properties as possible: a block may have dozens of heads.
        bare = {"visible": False, "fixedrange": True}
        layout[f"xaxis{suffix}"] = {**bare, "domain": [left, left + width], "anchor": f"y{suffix}"}
        layout[f"yaxis{suffix}"] = {
            **bare,
            "domain": [bottom, bottom + height],
            "anchor": f"x{suffix}",
            "autorange": "reversed",
        }
        data.append(
            {
                "type": "heatmap",
                "z": cells[number],
                "zmin": ends[0],
                "zmax": ends[1],
                "colorscale": scale,
                "showscale": False,
                "xaxis": f"x{suffix}",
                "yaxis": f"y{suffix}",
                "meta": f"block.{block}.attention.head.{number}",
                "hovertemplate": f"head {number}{note}<extra></extra>",
            }
        )
        chosen = number == head
        layout["annotations"].append(
            {
                "text": f"<b>{number}</b>" if chosen else str(number),
                "x": left,
                "y": bottom + height,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 11, "color": theme.accent if chosen else theme.quiet},
            }
        )
        layout["shapes"].append(
            {
                "type": "rect",
                "xref": "paper",
                "yref": "paper",
                "x0": left,
                "x1": left + width,
                "y0": bottom,
                "y1": bottom + height,
                "line": {"color": theme.accent if chosen else theme.line, "width": 2 if chosen else 1},
            }
        )
    return Drawing(data=data, layout=layout)


def attention_label(result: AttentionResult | AttentionDifference) -> str:
    """The name of what is shown, for a title: a head, the mean of a block's heads, or a rollout."""
    if result.view == "rollout":
        return f"rollout up to block {result.block}"
    heads = "mean of all heads" if result.head is None else f"head {result.head}"
    return f"block {result.block}, {heads}{', value-weighted' if result.view == 'value_weighted' else ''}"


def attention_reading(result: AttentionResult) -> str:
    """One sentence on the selected token's attention, with its numbers."""
    row = result.grid[result.position]
    query = quoted(result.tokens[result.position].label)
    if np.isnan(result.first_share) or (np.isnan(row).all() and result.view == "rollout"):
        return f"The attention of {query} is not finite here, so it is not drawn."
    if not np.isfinite(row).any():
        return f"{query} attends only to the first token here (100%), so nothing remains without it."
    first = f"{percent(result.first_share)} of its attention goes to the first token"
    if result.view == "value_weighted":
        moved, total = row[result.strongest], np.nansum(row)
        share = f", {percent(moved / total)} of all norms together" if total else ""
        return f"{query} receives most from {_key(result)} (norm {moved:.3g}{share}); {first}."
    strongest = f"{_key(result)} ({percent(row[result.strongest])})"
    if result.view == "rollout":
        blocks = f"blocks 0 to {result.block}" if result.block else "block 0"
        return (
            f"Through {blocks}, rollout traces {query} mostly back to {strongest}; it counts each block as half "
            "attention and half residual stream."
        )
    if result.view == "without_first":
        return f"Without the first token, {query} attends most to {strongest}; {first}."
    clauses = [f"{query} attends most to {strongest}"]
    if result.strongest:
        clauses.append(first)
    if result.sharpest is not None:
        heads = "the heads’ mean" if result.head is None else "this head"
        token = result.tokens[result.sharpest]
        clauses.append(f"{heads} is most focused at {quoted(token.label)} (position {token.position})")
    return "; ".join(clauses) + "."


def _key(result: AttentionResult) -> str:
    """The key position with the largest share, in words."""
    if result.strongest == result.position:
        return "itself"
    label = quoted(result.tokens[result.strongest].label)
    return f"{label} at position {result.strongest}" if result.strongest else f"the first token, {label}"


def _row_mark(position: int, n_positions: int, color: str) -> dict[str, object]:
    return {
        "type": "rect",
        "x0": -0.5,
        "x1": n_positions - 0.5,
        "y0": position - 0.5,
        "y1": position + 0.5,
        "line": {"color": color, "width": 2},
    }
