"""Figures of two logit lenses (divergence at blocks × tokens, tokens followed through depth), and their reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.comparison.missing import missing_cells, missing_image
from layouts.figures.drawing import Drawing
from layouts.figures.image import MOST_EXACT, image
from layouts.figures.logit_lens_depths import cell_mark, column_mark, depth_axis, depth_parts, depth_rows
from layouts.figures.text import ALL_EQUAL, MISSING, number, percent, quoted
from layouts.theme import LIGHT, Theme, axis, base_layout, color_bar, token_axis

if TYPE_CHECKING:
    from analysis.comparison.logit_lens import LensDifference
    from layouts.figures.logit_lens import Quantity

_MOST_LABELS = 32
_MAX_CHARACTERS = 14  # of a token
_CHARACTER = 8  # pixels of a cell's text
_MIN_CHARACTERS = 3  # of a token in a cell; narrower cells have no text
_QUANTITY = "KL(A‖B), bits"
_TICKS = (0, 0.05, 0.25, 1)  # of the colour bar, as shares of the highest value


def logit_lens_difference_figure(result: LensDifference, *, theme: Theme = LIGHT, width: int = 1000) -> go.Figure:
    """The divergence of B's prediction from A's at each depth and position of A; block 0 is at the bottom.

    A cell has the most probable token of A, and if B has another, that of B. A click selects block and position.
    width: of the cells, in pixels, to which their text is fitted. Only the mark depends on the selection.
    """
    labels = [token.short(_MAX_CHARACTERS) for token in result.tokens]
    traces = _images(result, theme) if len(labels) > MOST_EXACT else _exact(result, theme, width)
    return Drawing(
        data=traces,
        layout=base_layout(
            theme,
            xaxis=token_axis(theme, labels, most=_MOST_LABELS, tickangle=-50, range=[-0.5, len(labels) - 0.5]),
            yaxis=depth_axis(result.n_blocks, theme),
            shapes=[logit_lens_difference_mark(result, theme=theme)],
        ),
    )


def logit_lens_difference_mark(result: LensDifference, *, theme: Theme = LIGHT) -> dict[str, Any]:
    """The shape that marks the selected cell."""
    return cell_mark(result.depth, result.position, theme=theme)


def logit_lens_difference_depth_figure(
    result: LensDifference, *, quantity: Quantity, theme: Theme = LIGHT
) -> go.Figure:
    """The probability, or the rank, of each followed token at each depth: a solid line for A, a dashed one for B."""
    n_followed = len(result.followed)
    lines = [_line(result, side, n, quantity, theme) for n in range(n_followed) for side in range(2)]
    if quantity == "rank":
        values = axis(theme, type="log", range=[np.log10(result.n_vocab) + 0.2, -0.3], dtick=1, tickformat=",")
    else:
        most = float(np.nan_to_num(result.probabilities).max(initial=0)) or 1.0
        values = axis(theme, range=[-0.05 * most, 1.1 * most], tickformat=".0%" if most >= 0.05 else ".2~p", nticks=5)
    token = result.tokens[result.position].short(_MAX_CHARACTERS)
    return Drawing(
        data=lines,
        layout=base_layout(
            theme,
            title={
                "text": f"{quantity.capitalize()} after {quoted(token)}: A solid, B dashed",
                "font": {"size": 12, "color": theme.quiet},
                **{"x": 0, "xanchor": "left", "y": 1, "yanchor": "top", "pad": {"t": 2, "l": 2}},
            },
            meta={"short": f"{quantity.capitalize()}: A solid, B dashed"},
            margin={"l": 8, "r": 8, "t": 24, "b": 4},
            xaxis=depth_axis(result.n_blocks, theme),
            yaxis=values,
            showlegend=n_followed > 0,
            legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom", "font": {"size": 11}},
            shapes=[column_mark(result.depth - 1, theme)],
        ),
    )


def logit_lens_difference_reading(result: LensDifference) -> str:
    """One or two sentences: where the lens first differs at the position, and the selected cell with its numbers."""
    divergences = result.cells.divergences
    if not result.missing.any() and not divergences.any():
        return ALL_EQUAL
    label = quoted(result.tokens[result.position].label)
    if result.missing[-1, result.position]:
        return f"{label} has {MISSING}. Select another token."
    names = [words for _, words in depth_parts(result.n_blocks)]
    name = names[result.depth] if result.depth < result.n_blocks else "at the output"
    if result.missing[result.depth, result.position]:
        here = f"{name[0].upper()}{name[1:]}, A reads {_token(result, 0)} after {label}; B has no such row."
    else:
        bits = float(divergences[result.depth, result.position])
        told = "not finite" if np.isnan(bits) else f"{number(bits)} bits"
        reads = f"A reads {_token(result, 0)} after {label}, B {_token(result, 1)}"
        here = f"{name[0].upper()}{name[1:]}, {reads}; KL(A‖B) is {told}."
    column = divergences[:, result.position]
    if not (column > 0).any():
        return f"{here} At this token, A and B are equal at every depth that both have."
    first, most = int(np.argmax(column > 0)), int(np.nanargmax(column))
    names[-1] = f"at {names[-1]}"
    start = "from the embedding on" if first == 0 else f"{names[first]} and not before"
    return f"{here} They differ {start}, most {names[most]} ({number(float(column[most]))} bits)."


def _token(result: LensDifference, side: int) -> str:
    """What A (0) or B (1) reads in the selected cell, with its probability."""
    cells, at = result.cells, (result.depth, result.position)
    top, share = ((cells.tops, cells.probabilities), (cells.other_tops, cells.other_probabilities))[side]
    return "nothing" if top[at] < 0 else f"{quoted(result.piece(int(top[at])).label)} ({percent(float(share[at]))})"


def _most(result: LensDifference) -> float:
    """The value at the end of the colour scale: the largest after a block. Where the texts have different tokens, the
    bottom row, which reads their embeddings, has values so large that all others would look like 0; it is clipped.
    """
    for values in (result.cells.divergences[1:], result.cells.divergences):
        if most := float(values[np.isfinite(values)].max(initial=0)):
            return most
    return 1.0


def _ticks(result: LensDifference, theme: Theme) -> dict[str, Any]:
    """The colour bar of a square-root scale."""
    most = _most(result)
    is_clipped = float(np.nanmax(result.cells.divergences, initial=0)) > most
    return color_bar(
        theme,
        f"{_QUANTITY} (square-root scale)",
        len=1,
        tickmode="array",
        tickvals=[float(np.sqrt(share)) for share in _TICKS],
        ticktext=[("≥" if is_clipped and share == 1 else "") + number(share * most) for share in _TICKS],
    )


def _exact(result: LensDifference, theme: Theme, width: int) -> list[dict[str, Any]]:
    n_positions = len(result.tokens)
    rows = list(range(-1, result.n_blocks))
    selects = [[f"{part}@{n}" for n in range(n_positions)] for part, _ in depth_parts(result.n_blocks)]
    names = [
        [f"<b>{token.markup}</b> ({token.position}), {words}" for token in result.tokens]
        for _, words in depth_parts(result.n_blocks)
    ]
    heat = {
        "type": "heatmap",
        "z": np.sqrt(result.cells.divergences / _most(result)),
        "y": rows,
        "zmin": 0,
        "zmax": 1,
        "colorscale": theme.probabilities,
        "colorbar": _ticks(result, theme),
        "customdata": selects,
        "text": _cell_texts(result, width),
        "texttemplate": "%{text}",
        "hovertext": [
            [f"{name}<br>{words}" for name, words in zip(*row, strict=True)]
            for row in zip(names, _hovers(result), strict=True)
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "hoverongaps": False,
    }
    return [*missing_cells(result.missing, names, selects, theme, y=rows), heat]


def _labels(result: LensDifference, side: int, most: int | None) -> list[list[str]]:
    """The most probable token of each cell; most: its characters, None for all."""
    tops = (result.cells.tops, result.cells.other_tops)[side]
    pieces = {n: result.piece(n) for n in np.unique(tops).tolist() if n >= 0}
    words = {n: piece.markup if most is None else piece.short(most) for n, piece in pieces.items()} | {-1: ""}
    return [[words[n] for n in row] for row in tops.tolist()]


def _cell_texts(result: LensDifference, width: int) -> list[list[str]]:
    """The token of A; where B has another, both, or without room for both a ≠ after that of A."""
    room = width // len(result.tokens) // _CHARACTER
    if room < _MIN_CHARACTERS:
        return [[""] * len(result.tokens)] * (result.n_blocks + 1)
    half = (room - 1) // 2
    labels = _labels(result, 0, min(_MAX_CHARACTERS, room))
    shorter, others = (_labels(result, side, max(_MIN_CHARACTERS, half)) for side in range(2))
    tops = result.cells.tops.tolist(), result.cells.other_tops.tolist()
    return [
        [
            "" if n_other < 0 else whole if n == n_other else f"{one}|{other}" if half >= _MIN_CHARACTERS else f"{one}≠"
            for n, n_other, whole, one, other in zip(*row, strict=True)
        ]
        for row in zip(*tops, labels, shorter, others, strict=True)
    ]


def _hovers(result: LensDifference) -> list[list[str]]:
    cells = result.cells
    columns = (
        _labels(result, 0, None),
        cells.probabilities.tolist(),
        _labels(result, 1, None),
        cells.other_probabilities.tolist(),
        cells.divergences.tolist(),
    )
    return [
        [
            "not finite"
            if np.isnan(bits)
            else f"A: <b>{here}</b> {percent(one)}<br>B: <b>{there}</b> {percent(other)}<br>KL(A‖B) {number(bits)} bits"
            for here, one, there, other, bits in zip(*row, strict=True)
        ]
        for row in zip(*columns, strict=True)
    ]


def _images(result: LensDifference, theme: Theme) -> list[dict[str, Any]]:
    columns = [f"{token.label} ({token.position})" for token in result.tokens]
    most = _most(result)
    images = [
        image(
            np.where(result.missing, np.nan, np.minimum(result.cells.divergences, most))[rows.depths],
            most=most,
            scale=theme.probabilities,
            title=_QUANTITY,
            written=number,
            select=f"{rows.part}@{{x}}",
            words=f"{{x}}, {rows.words}: KL(A‖B) about {{value}} bits",
            columns=columns,
            rows=[str(block) for block in range(result.n_blocks)],
            theme=theme,
            blank=MISSING,
        )
        | {"y": rows.blocks, "showscale": rows.part == "output"}
        for rows in depth_rows(result.n_blocks)
    ]
    return [*missing_image(result.missing, theme, y=list(range(-1, result.n_blocks))), *images]


def _line(result: LensDifference, side: int, n: int, quantity: Quantity, theme: Theme) -> dict[str, Any]:
    name, piece = "AB"[side], result.followed[n]
    probabilities, ranks = result.probabilities[side, :, n], result.ranks[side, :, n]
    color = (theme.accent, theme.accent2, theme.text)[n]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"{piece.short(_MAX_CHARACTERS)} {name}",
        "x": list(range(-1, result.n_blocks)),
        "y": probabilities if quantity == "probability" else np.where(ranks > 0, ranks, np.nan),
        "customdata": [part for part, _ in depth_parts(result.n_blocks)],
        "hovertext": [
            f"<b>{piece.markup}</b> in {name}: {percent(share)}, rank {rank:,} of {result.n_vocab:,}<br>{words}"
            if rank
            else f"<b>{piece.markup}</b>: {MISSING if gone else 'not finite'}<br>{words}"
            for share, rank, gone, (_, words) in zip(
                probabilities.tolist(),
                ranks.tolist(),
                result.missing[:, result.position].tolist(),
                depth_parts(result.n_blocks),
                strict=True,
            )
        ],
        "hoverinfo": "text",
        "line": {"color": color, "width": 2, "dash": "solid" if side == 0 else "dash"},
        "marker": {"color": color, "size": 6, "symbol": "circle" if side == 0 else "circle-open"},
    }
