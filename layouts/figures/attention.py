"""Pictures of attention: one head as a heat map, all heads of a block as small multiples, and the sentence on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.drawing import Drawing
from layouts.figures.image import HIGHEST, LOWEST, MOST_EXACT, image, levels
from layouts.figures.text import percent
from layouts.theme import LIGHT, Theme, base_layout, color_bar, token_axis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.attention import AttentionResult

_MOST_LABELS = 24
_LONGEST = 14  # characters of a token beside the picture
_GAP = 0.08  # of a small multiple's width
_WHOLE = {
    "raw": "its attention",
    "without_first": "its attention beyond the first token",
    "rollout": "the rollout",
}


def attention_figure(result: AttentionResult, *, theme: Theme = LIGHT) -> go.Figure:
    """The selected head, query down and key across; a click selects the query position."""
    labels = [token.short(_LONGEST) for token in result.tokens]
    grid = np.where(np.tri(len(labels), dtype=bool), result.grid, np.nan)
    heat = (_exact if len(labels) <= MOST_EXACT else _image)(result, grid.astype(np.float32), theme)
    return Drawing(
        data=[heat],
        layout=base_layout(
            theme,
            xaxis=token_axis(theme, labels, most=_MOST_LABELS, title="key", side="bottom", tickangle=-45),
            yaxis=token_axis(theme, labels, most=_MOST_LABELS, title="query", autorange="reversed"),
            shapes=[_row_mark(result.position, len(labels), theme.accent2)],
        ),
    )


def _exact(result: AttentionResult, grid: NDArray[np.float32], theme: Theme) -> dict[str, Any]:
    named = [f"<b>{token.markup}</b> ({token.position})" for token in result.tokens]
    return {
        "type": "heatmap",
        "z": grid,
        "zmin": 0,
        "zmax": 1,
        "colorscale": theme.probabilities,
        "colorbar": color_bar(theme, _quantity(result), tickformat=".0%", len=1),
        # Rows end at the diagonal: with many tokens, texts are most of what is sent.
        "customdata": [[f"@{query}"] * (query + 1) for query in range(len(named))],
        "text": [[f"{token} → {key}" for key in named[: query + 1]] for query, token in enumerate(named)],
        "hovertemplate": f"%{{text}}<br>%{{z:.1%}} of {_WHOLE[result.view]}<extra></extra>",
        "hoverongaps": False,
    }


def _image(result: AttentionResult, grid: NDArray[np.float32], theme: Theme) -> dict[str, Any]:
    names = [f"{token.label} ({token.position})" for token in result.tokens]
    return image(
        grid,
        most=1,
        scale=theme.probabilities,
        title=_quantity(result),
        written=lambda share: f"{100 * share:.2g}%" if share < 0.995 else "100%",
        select="@{y}",
        words=f"{{y}} → {{x}}: about {{value}} of {_WHOLE[result.view]}",
        columns=names,
        rows=names,
        theme=theme,
    )


def _quantity(result: AttentionResult) -> str:
    return f"share of {'rollout' if result.view == 'rollout' else 'attention'}"


def attention_heads_figure(result: AttentionResult, *, theme: Theme = LIGHT) -> go.Figure:
    """All heads of the block, each clickable, as images of one byte a cell; the selected one has a frame.

    Of a long text each cell is the largest share in a square of tokens, coloured like the large picture.
    """
    n_heads = len(result.heads)
    columns = min(8, n_heads)
    rows = -(-n_heads // columns)
    pooled, shares = result.square > 1, np.nan_to_num(result.heads)
    cells = levels(shares, 1) if pooled else np.round(shares * HIGHEST).astype(np.uint8)
    about = f"<br>each cell: the most among {result.square} × {result.square} tokens" if pooled else ""
    layout = base_layout(theme, margin={"l": 0, "r": 0, "t": 2, "b": 2}, annotations=[], shapes=[])
    data = []
    for head in range(n_heads):
        row, column = divmod(head, columns)
        suffix = str(head + 1) if head else ""
        left, bottom = column / columns, 1 - (row + 1) / rows
        width, height = (1 - _GAP) / columns, (1 - 0.2) / rows
        # Bare axes: with dozens of them, every property costs time.
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
                "z": cells[head],
                "zmin": LOWEST if pooled else 0,
                "zmax": HIGHEST,
                "colorscale": theme.probabilities,
                "showscale": False,
                "xaxis": f"x{suffix}",
                "yaxis": f"y{suffix}",
                "meta": f"block.{result.block}.attention.head.{head}",
                "hovertemplate": f"head {head}{about}<extra></extra>",
            }
        )
        chosen = head == result.head
        layout["annotations"].append(
            {
                "text": f"<b>{head}</b>" if chosen else str(head),
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


def attention_place(result: AttentionResult) -> str:
    """Whose attention it is, for a title."""
    if result.view == "rollout":
        return f"rollout up to block {result.block}"
    return f"block {result.block}, " + ("mean of all heads" if result.head is None else f"head {result.head}")


def attention_reading(result: AttentionResult) -> str:
    """One sentence with the numbers of what is seen."""
    labels, row = [token.label for token in result.tokens], result.grid[result.position]
    who = f"‘{labels[result.position]}’"
    if not np.isfinite(row).any():
        return f"{who} looks at nothing but the first token here (100%), so nothing is left without it."
    share = f"‘{labels[result.strongest]}’ at position {result.strongest} ({percent(row[result.strongest])})"
    first = f"{percent(result.first_share)} of its attention goes to the first token"
    if result.view == "rollout":
        up_to = f"Through blocks 0 to {result.block}"
        return f"{up_to}, {who} draws most on {share}, counting half of each step as staying put."
    if result.view == "without_first":
        return f"Leaving out the first token, {who} looks mostly at {share}; {first}."
    sharp = f"; sharpest for ‘{labels[result.sharpest]}’" if result.sharpest is not None else ""
    return f"{who} looks mostly at {share}; {first}{sharp}."


def _row_mark(position: int, n_positions: int, color: str) -> dict[str, object]:
    return {
        "type": "rect",
        "x0": -0.5,
        "x1": n_positions - 0.5,
        "y0": position - 0.5,
        "y1": position + 0.5,
        "line": {"color": color, "width": 2},
    }
