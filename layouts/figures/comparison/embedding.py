"""Figure of the tokens of two texts as points in one space, and its reading."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.drawing import Drawing
from layouts.figures.embedding import (
    EDGES,
    LABEL_AREA,
    MARGIN,
    MAX_CHARACTERS,
    MAX_PATHS,
    Paths,
    embedding_axes,
    path_lines,
    point_labels,
    point_trace,
    projected,
    trace_kind,
)
from layouts.figures.text import ALL_EQUAL, MISSING, percent, quoted
from layouts.theme import LIGHT, Theme, base_layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.comparison.embedding import EmbeddingDifference
    from analysis.embedding import EmbeddingResult


def embedding_difference_figure(
    result: EmbeddingDifference,
    *,
    paths: Paths = "selected",
    label_area: tuple[int, int] | None = LABEL_AREA,
    theme: Theme = LIGHT,
) -> go.Figure:
    """A's tokens as circles and B's as open diamonds, with a line between those that stand for each other.

    A click selects a token of A, also by its counterpart. paths, label_area: as for `embedding_figure`.
    """
    a, b = result.a, result.b
    width = a.points.shape[1]
    with_paths = paths != "none" and a.paths is not None
    framed = [part for one in (a, b) for part in (one.paths if with_paths else one.points,) if part is not None]
    every = np.concatenate([part.reshape(-1, width) for part in framed])
    every = every[np.isfinite(every).all(axis=1)]
    low, high = (every.min(axis=0), every.max(axis=0)) if len(every) else (np.zeros(width), np.ones(width))
    span = np.where(high > low, high - low, 1)
    both = replace(a, tokens=(*a.tokens, *b.tokens), points=np.concatenate([a.points, b.points]))
    texts, sides = point_labels(both, projected((both.points - low) / span), label_area)
    n_here, there = len(a.tokens), int(result.aligned[a.position])
    # What stands for an equal token needs no label of its own.
    origin = _origin(result)
    for place, here in enumerate(origin):
        if place == there or (here >= 0 and a.tokens[here].id == b.tokens[place].id):
            texts[n_here + place] = ""
    colors = theme.signed[3][1], theme.signed[1][1]
    data = [_joins(result, theme)]
    if with_paths and paths == "all":
        for one, color in zip((a, b), colors, strict=True):
            data.append(_path(one, np.arange(len(one.tokens))[:: -(-len(one.tokens) // MAX_PATHS)], color, 1, 0.3))
    size = 8 if width == 2 else 5
    edge = {"color": theme.surface, "width": 1.5}
    symbols = "circle", "diamond-open"  # equal tokens are in one place
    for name, one, part in zip("AB", (a, b), (slice(n_here), slice(n_here, None)), strict=True):
        n = "AB".index(name)
        data.append(
            point_trace(one, np.arange(len(one.tokens)), texts[part], sides[part], theme)
            | _words(result, name)
            | {"name": name, "marker": {"size": size + 2 * n, "color": colors[n], "symbol": symbols[n], "line": edge}}
        )
    chosen = [(b, there, 1), (a, a.position, 0)] if there >= 0 else [(a, a.position, 0)]
    for one, position, n in chosen:  # the selected token of A last, which the page's script expects
        where = np.array([position])
        if with_paths:
            data.append(_path(one, where, colors[n], width, 1))
        differs = n == 0 or one.tokens[position].id != a.tokens[a.position].id
        bold = [f"<b>{one.tokens[position].short(MAX_CHARACTERS)}</b>" if differs else ""]
        emphasised = {"color": colors[n], "symbol": symbols[n], "size": size + 4 + 2 * n}
        emphasised["line"] = {"color": theme.accent2, "width": 2}
        words = {key: [value[position]] for key, value in _words(result, "AB"[n]).items() if key != "hovertemplate"}
        point = point_trace(one, where, bold, sides[where + n * n_here], theme) | words
        data.append(point | {"marker": emphasised, "showlegend": False})
    ranges = np.stack([low - MARGIN * span, high + MARGIN * span], axis=1).tolist()
    return Drawing(
        data=data,
        layout=base_layout(
            theme,
            margin=EDGES,
            meta={"labels": True},
            showlegend=True,
            legend={
                "orientation": "h",
                "x": 0,
                "y": 1,
                "yanchor": "bottom",
                "font": {"size": 11, "color": theme.quiet},
                "bgcolor": "rgba(0,0,0,0)",
            },
            **embedding_axes(a, ranges, theme),
        ),
    )


def embedding_difference_reading(result: EmbeddingDifference) -> str:
    """One sentence on how far the selected token is from its counterpart, and which token is furthest."""
    a, distances = result.a, result.distances
    label = quoted(a.tokens[a.position].label)
    if a.method == "tsne":
        plot = f"t-SNE of both (perplexity {a.perplexity:.0f}) keeps neighbours together, but its axes have no meaning"
    else:
        assert a.explained is not None
        plot = f"the plot shows {percent(a.explained.sum())} of the variance of both over all blocks"
        if a.asked != a.method:
            plot = f"t-SNE needs at least 4 tokens with finite vectors, so this is PCA; {plot}"
    if result.aligned[a.position] < 0:
        return f"B has no counterpart of {label}; {plot}."
    if not np.isfinite(distances[a.position]):
        return f"The vector of {label} is not finite in A or in B; {plot}."
    if not np.nan_to_num(distances).any():
        return f"{ALL_EQUAL[:-1]}; {plot}."
    furthest = int(np.nanargmax(distances))
    vectors = "unit vectors" if a.scale == "equal" else "vectors"
    far = "No token is further from its counterpart"
    if furthest != a.position:
        far = f"{quoted(a.tokens[furthest].label)} at position {furthest} is furthest ({distances[furthest]:.3g})"
    return (
        f"{label} in A and its counterpart in B are {distances[a.position]:.3g} apart (distance of {vectors} in all "
        f"{a.d_model:,} dimensions). {far}; {plot}."
    )


def _origin(result: EmbeddingDifference) -> list[int]:
    """For each position of B, that of A which it stands for, or -1."""
    origin = [-1] * len(result.b.tokens)
    for here, there in enumerate(result.aligned.tolist()):
        if there >= 0:
            origin[there] = here
    return origin


def _words(result: EmbeddingDifference, name: str) -> dict[str, Any]:
    """Hover texts of all tokens of A or of B, and what a click on each selects."""
    tokens = (result.a if name == "A" else result.b).tokens
    origin = list(range(len(tokens))) if name == "A" else _origin(result)

    def about(here: int) -> str:
        if name == "B" and here < 0:
            return "no counterpart in A"
        if result.aligned[here] < 0:
            return MISSING
        distance = result.distances[here]
        return "not finite" if np.isnan(distance) else f"{distance:.3g} from its counterpart"

    return {
        "customdata": [f"@{here}" if here >= 0 else "" for here in origin],
        "hovertext": [
            f"<b>{token.markup}</b> ({name}, position {token.position})<br>{about(here)}"
            for token, here in zip(tokens, origin, strict=True)
        ],
    }


def _joins(result: EmbeddingDifference, theme: Theme) -> dict[str, Any]:
    """Thin lines between tokens that stand for each other, as one trace with gaps."""
    here = np.flatnonzero(result.aligned >= 0)
    ends = [result.a.points[here], result.b.points[result.aligned[here]]]
    gaps = np.full_like(ends[0], np.nan)
    points = np.stack([*ends, gaps], axis=1).reshape(-1, result.a.points.shape[1])
    return {
        **trace_kind(result.a, points),
        "mode": "lines",
        "name": "from A to its counterpart in B",
        "line": {"color": theme.quiet, "width": 1},
        "opacity": 0.6,
        "hoverinfo": "skip",
    }


def _path(one: EmbeddingResult, positions: NDArray[Any], color: str, width: int, opacity: float) -> dict[str, Any]:
    assert one.paths is not None
    line = {"color": color, "width": width}
    path = path_lines(one, one.paths[:, positions], positions, line, opacity=opacity)
    drawn = {name: value for name, value in path.items() if name not in {"hovertemplate", "customdata"}}
    return drawn | {"hoverinfo": "skip", "showlegend": False}
