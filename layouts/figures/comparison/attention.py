"""Figures of the attention of A minus that of B (one head as a heat map, all heads of a block) and their reading."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from layouts.figures.attention import grid_layout, heads_figure
from layouts.figures.drawing import Drawing
from layouts.figures.image import BLANK, HIGHEST, difference_image, difference_levels, difference_scale
from layouts.figures.text import ALL_EQUAL, MISSING, points, quoted
from layouts.theme import LIGHT, Theme

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.comparison.attention import AttentionDifference


def attention_difference_figure(result: AttentionDifference, *, theme: Theme = LIGHT) -> go.Figure:
    """The heat map of the selected head in A minus that in B, at A’s positions; a click selects the query position.

    Cells whose query or key has no counterpart in B have a colour of their own.
    """
    names = [f"{token.label} ({token.position})" for token in result.tokens]
    n_positions = len(names)
    unmatched = result.missing[:, None] | result.missing
    norms = result.view == "value_weighted"
    share = f"share of {'rollout' if result.view == 'rollout' else 'attention'} in points"
    heat = difference_image(
        result.grid,
        most=_most(result, result.grid),
        title=f"A − B: {'norm of what is moved' if norms else share}",
        written=partial(_written, result),
        select="@{y}",
        words="{y} → {x}: {value}",
        unit=" (L2 norm)" if norms else " points",
        missing=MISSING,
        columns=names,
        rows=names,
        theme=theme,
        blank=~np.tri(n_positions, dtype=bool) | (np.isnan(result.grid) & ~unmatched),
    )
    return Drawing(data=[heat], layout=grid_layout(result.tokens, result.position, theme))


def attention_difference_heads_figure(result: AttentionDifference, *, theme: Theme = LIGHT) -> go.Figure:
    """All heads of the block as small images of differences, each clickable; the selected one has a frame.

    For a long text, a cell is the largest difference in a square of tokens.
    """
    side = f"{result.square} × {result.square}"
    note = f"<br>each cell: the largest difference in {side} tokens" if result.square > 1 else ""
    cells = difference_levels(result.heads, _most(result, result.heads))
    cells[:, ~np.tri(cells.shape[1], dtype=bool)] = BLANK
    return heads_figure(
        cells,
        block=result.block,
        head=result.head,
        ends=(BLANK, HIGHEST),
        scale=difference_scale(theme),
        note=f", A − B{note}",
        theme=theme,
    )


def attention_difference_reading(result: AttentionDifference) -> str:
    """One sentence on the largest difference in the selected token's attention."""
    label = quoted(result.tokens[result.position].label)
    if result.missing[result.position]:
        return f"B has no counterpart of {label}. Select another token to compare its attention."
    if result.strongest is None:
        return f"The attention of {label} is not finite in A or in B, so there is no difference."
    if not np.nan_to_num(result.grid).any() and not np.nan_to_num(result.heads).any():
        return ALL_EQUAL
    return _most_different(result, label, float(result.grid[result.position, result.strongest]))


def _most_different(result: AttentionDifference, label: str, most: float) -> str:
    """The sentence on the key with the largest difference. most: that difference."""
    who = "the mean of all heads" if result.head is None else f"head {result.head}"
    if not most:
        return f"At {label}, {'rollout' if result.view == 'rollout' else who} is the same in A and in B."
    key, more = "itself", "more" if most > 0 else "less"
    if result.strongest is not None and result.strongest != result.position:
        key = f"{quoted(result.tokens[result.strongest].label)} at position {result.strongest}"
    if result.view == "value_weighted":
        return f"{label} receives {more} from {key} in A than in B (norm {abs(most):.3g} {more})."
    if result.view == "rollout":
        return f"Rollout traces {points(most)} {more} of {label} back to {key} in A than in B."
    without = ", the first token left out," if result.view == "without_first" else ""
    return f"At {label}, {who}{without} looks {points(most)} {more} at {key} in A than in B."


def _most(result: AttentionDifference, values: NDArray[np.float32]) -> float:
    """The size at both ends of the colour scale: of shares, all."""
    return (float(np.nanmax(np.abs(np.nan_to_num(values)))) or 1.0) if result.view == "value_weighted" else 1.0


def _written(result: AttentionDifference, value: float) -> str:
    """A difference on the colour bar and in a cell's name."""
    if not value:
        return "0"
    shown = f"{value if result.view == 'value_weighted' else 100 * value:+.2g}"
    return {"+1e+02": "+100", "-1e+02": "−100"}.get(shown, shown.replace("-", "−"))
