"""Figures of the logit lens (blocks × tokens as a heat map, tokens followed through depth) and their reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import plotly.graph_objects as go

from layouts.figures.drawing import Drawing
from layouts.figures.image import MOST_EXACT, image
from layouts.figures.logit_lens_depths import cell_mark, column_mark, depth_axis, depth_parts, depth_rows
from layouts.figures.text import percent, quoted
from layouts.theme import LIGHT, Theme, axis, base_layout, color_bar, token_axis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.logit_lens import LogitLensResult

Quantity = Literal["probability", "rank"]

_MOST_LABELS = 32
_MAX_CHARACTERS = 14  # of a token
_CHARACTER, _LINE = 8, 14  # pixels of a cell's text
_MIN_CHARACTERS = 3  # of a cell's text; narrower cells have none
_DASHES = ("solid", "dash", "dot")
_QUANTITY = "probability"


def logit_lens_figure(
    result: LogitLensResult, *, theme: Theme = LIGHT, size: tuple[int, int] = (1000, 300)
) -> go.Figure:
    """The most probable next token at each depth and position, coloured by its probability; block 0 is at the bottom.

    A click selects block and position. size: width and height for the cells, in pixels, to which their text is fitted.
    Only the mark depends on the selection.
    """
    labels = [token.short(_MAX_CHARACTERS) for token in result.tokens]
    traces = _images(result, theme) if len(labels) > MOST_EXACT else [_exact(result, theme, size)]
    return Drawing(
        data=traces,
        layout=base_layout(
            theme,
            xaxis=token_axis(theme, labels, most=_MOST_LABELS, tickangle=-50, range=[-0.5, len(labels) - 0.5]),
            yaxis=depth_axis(result.n_blocks, theme),
            shapes=[logit_lens_mark(result, theme=theme)],
        ),
    )


def logit_lens_mark(result: LogitLensResult, *, theme: Theme = LIGHT) -> dict[str, Any]:
    """The shape that marks the selected cell of the heat map."""
    return cell_mark(result.depth, result.position, theme=theme)


def logit_lens_depth_figure(result: LogitLensResult, *, quantity: Quantity, theme: Theme = LIGHT) -> go.Figure:
    """The probability of the followed tokens at each depth, or their rank on a log axis with rank 1 at the top.

    A click selects the block.
    """
    labelled: list[int] = []
    lines = [_line(result, n, quantity, labelled, theme) for n in range(len(result.followed))]
    if quantity == "rank":
        values = axis(theme, type="log", range=[np.log10(result.n_vocab) + 0.2, -0.9], dtick=1, tickformat=",")
    else:
        most = float(np.nan_to_num(result.probabilities).max(initial=0)) or 1.0
        values = axis(theme, range=[-0.05 * most, 1.25 * most], tickformat=".0%" if most >= 0.05 else ".2~p", nticks=5)
    token = result.tokens[result.position].short(_MAX_CHARACTERS)
    title = {
        "text": f"{quantity.capitalize()} of each followed token after {quoted(token)} (position {result.position})",
        "font": {"size": 12, "color": theme.quiet},
        **{"x": 0, "xanchor": "left", "y": 1, "yanchor": "top", "pad": {"t": 2, "l": 2}},
    }
    return Drawing(
        data=lines,
        layout=base_layout(
            theme,
            title=title,
            meta={"short": f"{quantity.capitalize()} after {quoted(token)}"},
            margin={"l": 8, "r": 8, "t": 24, "b": 4},
            xaxis=depth_axis(result.n_blocks, theme),
            yaxis=values,
            shapes=[column_mark(result.depth - 1, theme)],
        ),
    )


def logit_lens_reading(result: LogitLensResult) -> str:
    """One or two sentences: the most probable token at the selected depth and at the output, with their numbers."""
    token = quoted(result.tokens[result.position].label)
    output = _top(result, result.n_blocks)
    if not output:
        top, depth = _top(result, result.depth), f"after block {result.depth - 1}" if result.depth else "before block 0"
        if top and result.depth < result.n_blocks:
            return f"{depth.capitalize()}, the lens reads {top} as the token after {token}; the output is not finite."
        return f"There is no reading {depth}: the logits after {token} are not finite."
    if result.depth == result.n_blocks:
        sentence = f"After {token}, the model predicts {output}, {_since(result)}."
    else:
        here = "Before block 0" if result.depth == 0 else f"After block {result.depth - 1}"
        top = _top(result, result.depth)
        sentence = f"{here}, the lens reads {top} as the token after {token}; the model predicts {output}, "
        sentence += f"{_since(result)}."
    if result.attention is None:
        return sentence
    if result.between is None:
        return (
            f"{sentence} In this model, a block’s attention and MLP read the same stream, so nothing is between them."
        )
    piece, share = result.between
    if np.isnan(share):
        return sentence
    between = f"{quoted(piece.label)} ({percent(share)})"
    return f"{sentence} Between the attention and the MLP of block {result.attention}, the lens reads {between}."


def _top(result: LogitLensResult, depth: int) -> str:
    """The most probable token at a depth of the selected position, with its probability; empty if it is not finite."""
    at = depth, result.position
    if result.cells.top[at] < 0:
        return ""
    return f"{quoted(result.piece(int(result.cells.top[at])).label)} ({percent(result.cells.probabilities[at])})"


def _since(result: LogitLensResult) -> str:
    """The depth from which on the model's prediction stays the most probable token."""
    top = result.cells.top[:, result.position]
    others = np.flatnonzero(top != top[-1])
    if not len(others):
        return "the most probable token at every depth"
    if others[-1] == result.n_blocks - 1:
        return "the most probable token only after the last block"
    return f"the most probable token from block {others[-1]} on"


def _exact(result: LogitLensResult, theme: Theme, size: tuple[int, int]) -> dict[str, Any]:
    """One trace, since Plotly fits the size of cell texts to the distances of a trace's rows and columns."""
    return {
        "type": "heatmap",
        "z": result.cells.probabilities,
        "y": list(range(-1, result.n_blocks)),
        "zmin": 0,
        "zmax": 1,
        "colorscale": theme.probabilities,
        "colorbar": color_bar(theme, _QUANTITY, tickformat=".0%", len=1),
        "customdata": [[f"{part}@{n}" for n in range(len(result.tokens))] for part, _ in depth_parts(result.n_blocks)],
        "text": _cell_texts(result, size),
        "texttemplate": "%{text}",
        "hovertext": _cell_names(result),
        "hovertemplate": "%{z:.1%} for %{hovertext}<extra></extra>",
    }


def _images(result: LogitLensResult, theme: Theme) -> list[dict[str, Any]]:
    columns = [f"{token.label} ({token.position})" for token in result.tokens]
    return [
        image(
            result.cells.probabilities[rows.depths],
            most=1,
            scale=theme.probabilities,
            title=_QUANTITY,
            written=percent,
            select=f"{rows.part}@{{x}}",
            words=f"{{x}}, {rows.words}: about {{value}} for the most probable token",
            columns=columns,
            rows=[str(block) for block in range(result.n_blocks)],
            theme=theme,
        )
        | {"y": rows.blocks, "showscale": rows.part == "output"}
        for rows in depth_rows(result.n_blocks)
    ]


def _cell_texts(result: LogitLensResult, size: tuple[int, int]) -> list[list[str]]:
    """The text of each cell. Low cells have one only in every second, third, … row, counted from the output."""
    n_depths, n_positions = result.cells.top.shape
    blank = [""] * n_positions
    characters = min(_MAX_CHARACTERS, size[0] // n_positions // _CHARACTER)
    if characters < _MIN_CHARACTERS:
        return [blank] * n_depths
    labels = {n: "" if n < 0 else result.piece(n).short(characters) for n in np.unique(result.cells.top).tolist()}
    step = max(1, -(-n_depths * _LINE // size[1]))
    return [
        [labels[n] for n in row] if (result.n_blocks - depth) % step == 0 else blank
        for depth, row in enumerate(result.cells.top.tolist())
    ]


def _cell_names(result: LogitLensResult) -> list[list[str]]:
    """What is read in each cell, and the rank of the token that follows in the text."""
    cells, tokens = result.cells, result.tokens
    labels = {n: "" if n < 0 else result.piece(n).markup for n in np.unique(cells.top).tolist()}
    after = [f"<b>{token.markup}</b> ({token.position})" for token in tokens]
    following = [f"next in the text: <b>{token.markup}</b>, rank " for token in tokens[1:]]
    return [
        [
            f"<b>{labels[top]}</b> after {after[n]}<br>{words}" + (f"<br>{following[n]}{rank:,}" if rank else "")
            for n, (top, rank) in enumerate(zip(row, ranks, strict=True))
        ]
        for (_, words), row, ranks in zip(
            depth_parts(result.n_blocks), cells.top.tolist(), cells.next_ranks.tolist(), strict=True
        )
    ]


def _line(result: LogitLensResult, n: int, quantity: Quantity, labelled: list[int], theme: Theme) -> dict[str, Any]:
    """One followed token, with its label at its best value instead of a legend.

    labelled: the depths at which lines have a label, which are kept apart; this line's is added.
    """
    ranks, probabilities = result.ranks[:, n], result.probabilities[:, n]
    depths = range(result.n_blocks + 1)
    values: NDArray[Any] = probabilities
    if quantity == "rank":
        values = ranks if (ranks > 0).all() else np.where(ranks > 0, ranks, np.nan)
    # What is not finite comes last.
    order = np.argsort(values if quantity == "rank" else -values, kind="stable").tolist()
    apart = max(1, len(depths) // 6)
    best = next((depth for depth in order if all(abs(depth - other) >= apart for other in labelled)), order[0])
    labelled.append(best)
    piece, color = result.followed[n], (theme.accent, theme.accent2, theme.text)[n]
    side = "top right" if best == 0 else "top left" if best == result.n_blocks else "top center"
    return {
        "type": "scatter",
        "mode": "lines+markers+text",
        "x": list(range(-1, result.n_blocks)),
        "y": values,
        "ids": [str(depth) for depth in depths],  # without, Plotly loses a label that moves to another point
        "text": [f"<b>{piece.short(_MAX_CHARACTERS)}</b>" if depth == best else "" for depth in depths],
        "textposition": side,
        "textfont": {"color": color, "size": 12},
        "customdata": [part for part, _ in depth_parts(result.n_blocks)],
        "hovertext": [
            f"<b>{piece.markup}</b> {percent(share)}, rank {rank:,} of {result.n_vocab:,}<br>{words}"
            if rank
            else f"<b>{piece.markup}</b>: not finite<br>{words}"
            for share, rank, (_, words) in zip(probabilities, ranks, depth_parts(result.n_blocks), strict=True)
        ],
        "hoverinfo": "text",
        "line": {"color": color, "width": 2, "dash": _DASHES[n]},
        "marker": {"color": color, "size": 6, "line": {"width": 1, "color": theme.surface}},
    }
