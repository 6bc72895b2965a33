"""Figure of the tokens as points in two or three dimensions, and its reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from layouts.figures.drawing import Drawing
from layouts.figures.text import percent, quoted
from layouts.theme import LIGHT, MONOSPACE, Theme, axis, base_layout, color_bar

if TYPE_CHECKING:
    from analysis.embedding import EmbeddingResult

Paths = Literal["none", "selected", "all"]
Points = NDArray[np.floating[Any]]

LABEL_AREA = 300, 340  # pixels of the page's plot at its smallest
_LETTER_WIDTH, _LINE_HEIGHT, _LABEL_RISE = 7, 14, 11  # pixels
MAX_CHARACTERS = 14  # of a label
MAX_PATHS = 128
MARGIN = 0.08  # share of the range, on each side
EDGES = {"l": 8, "r": 8, "t": 40, "b": 8}
_CAMERA = {"eye": {"x": 1.35, "y": 1.35, "z": 1.0}, "center": {"x": 0, "y": 0, "z": -0.12}}


def embedding_figure(
    result: EmbeddingResult,
    *,
    paths: Paths = "selected",
    label_area: tuple[int, int] | None = LABEL_AREA,
    theme: Theme = LIGHT,
) -> go.Figure:
    """One point per token, coloured by position, with the selected one emphasised; a click selects a token.

    paths: the tokens whose paths through the blocks are drawn (with PCA only): none, the selected one's, or all, of
    which at most 128, evenly spaced. The axes then cover all blocks, so that they stay the same for every selection;
    without paths they cover the points. label_area: the plot's size in pixels (width, height) at which labels must not
    overlap; None for all labels, of which the page leaves out those that have no room.
    """
    drawn_paths = result.paths if paths != "none" else None
    width = result.points.shape[1]
    framed = (result.points if drawn_paths is None else drawn_paths).reshape(-1, width)
    finite = framed[np.isfinite(framed).all(axis=1)] if not np.isfinite(framed).all() else framed
    low, high = (finite.min(axis=0), finite.max(axis=0)) if len(finite) else (np.zeros(width), np.ones(width))
    span = np.where(high > low, high - low, 1)
    texts, sides = point_labels(result, projected((result.points - low) / span), label_area)
    all_positions, selected = np.arange(len(result.tokens)), np.array([result.position])
    data = []
    if drawn_paths is not None and paths == "all":
        sampled = all_positions[:: -(-len(all_positions) // MAX_PATHS)]
        thin = {"color": theme.quiet, "width": 1}
        data.append(path_lines(result, drawn_paths[:, sampled], sampled, thin, opacity=0.3))
    data.append(point_trace(result, all_positions, texts, sides, theme) | {"marker": _position_marker(result, theme)})
    if drawn_paths is not None:
        line = {"color": theme.accent2, "width": width}
        data.append(path_lines(result, drawn_paths[:, selected], selected, line, opacity=1))
    bold = [f"<b>{result.tokens[result.position].short(MAX_CHARACTERS)}</b>"]
    edge = {"color": theme.surface, "width": 2}
    emphasised = {"color": theme.accent2, "size": 12 if width == 2 else 8, "line": edge}
    data.append(point_trace(result, selected, bold, sides[selected], theme) | {"marker": emphasised})
    ranges = np.stack([low - MARGIN * span, high + MARGIN * span], axis=1).tolist()
    return Drawing(
        data=data,
        layout=base_layout(
            theme, margin=EDGES, meta={"bar": "t", "labels": True}, **embedding_axes(result, ranges, theme)
        ),
    )


def embedding_reading(result: EmbeddingResult) -> str:
    """One sentence on the selected token's nearest neighbour and on the projection, with their numbers."""
    labels = [token.label for token in result.tokens]
    if result.method == "tsne":
        plot = f"t-SNE (perplexity {result.perplexity:.0f}) keeps neighbours together, but its axes have no meaning"
    else:
        assert result.explained is not None
        plot = f"the plot shows {percent(result.explained.sum())} of the variance over all blocks"
        if result.asked != result.method:
            plot = f"t-SNE needs at least 4 tokens with finite vectors, so this is PCA; {plot}"
    if result.nearest is None and len(result.tokens) > 1:
        return f"The vector of {quoted(labels[result.position])} is not finite here, so it is not drawn; {plot}."
    if result.nearest is None:
        return f"The text has only one token; {plot}."
    return (
        f"Closest to {quoted(labels[result.position])} is {quoted(labels[result.nearest])} at position "
        f"{result.nearest} (cosine similarity {result.similarity:.2f} in all {result.d_model:,} dimensions); {plot}."
    )


def trace_kind(result: EmbeddingResult, points: Points) -> dict[str, Any]:
    """The type of a trace with its points."""
    if result.points.shape[1] == 3:
        return {"type": "scatter3d", "x": points[:, 0], "y": points[:, 1], "z": points[:, 2]}
    return {"type": "scatter", "x": points[:, 0], "y": points[:, 1], "cliponaxis": False}


def point_trace(
    result: EmbeddingResult, positions: NDArray[np.intp], texts: list[str], sides: NDArray[np.str_], theme: Theme
) -> dict[str, Any]:
    """Tokens as points with labels, without a marker."""
    return {
        **trace_kind(result, result.points[positions]),
        "mode": "markers+text",
        "text": texts,
        "textposition": sides.tolist(),
        "textfont": {"family": MONOSPACE, "size": 11, "color": theme.text},
        "customdata": [f"@{position}" for position in positions],
        "hovertext": [f"<b>{result.tokens[position].markup}</b> (position {position})" for position in positions],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def path_lines(
    result: EmbeddingResult, paths: Points, positions: NDArray[np.intp], line: dict[str, Any], *, opacity: float
) -> dict[str, Any]:
    """Several paths through the blocks as one trace, with a gap after each path."""
    n_points, n_paths, width = paths.shape
    gaps = np.full((1, n_paths, width), np.nan, dtype=np.float32)
    points = np.concatenate([paths, gaps]).transpose(1, 0, 2).reshape(-1, width)
    stages = ["before block 0", *(f"after block {block}" for block in range(n_points - 1)), ""]
    return {
        **trace_kind(result, points),
        "mode": "lines+markers",
        "line": line,
        "marker": {
            "size": [8 if width == 2 else 4, *[5 if width == 2 else 2] * n_points] * n_paths,
            "color": line["color"],
            "symbol": ["circle-open", *["circle"] * n_points] * n_paths,
        },
        "opacity": opacity,
        "customdata": [f"@{position}" for position in positions for _ in stages],
        "hovertext": [f"<b>{result.tokens[position].markup}</b> {stage}" for position in positions for stage in stages],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _position_marker(result: EmbeddingResult, theme: Theme) -> dict[str, Any]:
    return {
        "size": 8 if result.points.shape[1] == 2 else 5,
        "color": np.arange(len(result.tokens), dtype=np.float32),
        "colorscale": theme.norms,
        "line": {"color": theme.quiet, "width": 1},
        "colorbar": color_bar(
            theme,
            "position",
            side="top",  # beside a lying bar, Plotly writes the title over its first number
            orientation="h",
            thickness=6,
            len=0.5,
            x=1,
            xanchor="right",
            xpad=36,  # beside it is the button that saves the picture
            y=1,
            yanchor="bottom",
            ypad=2,
        ),
        "showscale": len(result.tokens) > 1,
    }


def embedding_axes(result: EmbeddingResult, ranges: list[list[float]], theme: Theme) -> dict[str, Any]:
    """The axes of the plot, as properties of a layout."""
    if result.explained is None:
        titles = [""] * len(ranges)
    else:
        titles = [
            f"principal component {n} ({percent(share)} of variance)" for n, share in enumerate(result.explained, 1)
        ]
    if len(ranges) == 2:
        plain = {"showticklabels": bool(titles[0]), "zeroline": False, "nticks": 6}
        return {
            f"{name}axis": axis(theme, range=range_, title=title, **plain)
            for name, range_, title in zip("xy", ranges, titles, strict=True)
        }
    return {
        "scene": {
            f"{name}axis": {
                "range": range_,
                "title": {"text": title, "font": {"size": 11, "color": theme.quiet}},
                "gridcolor": theme.line,
                "showbackground": False,
                "showspikes": False,
                "showticklabels": False,
                "zeroline": False,
            }
            for name, range_, title in zip("xyz", ranges, titles, strict=True)
        }
        | {"aspectmode": "cube", "camera": _CAMERA}
    }


def projected(points: Points) -> Points:
    """Points of the unit square or cube as they appear on the screen, a unit square; the cube at the first camera."""
    if points.shape[1] == 2:
        return points
    x, y, z = (points - 0.5).T
    return np.stack([(y - x) / 2, (2 * z - x - y) / 4], axis=1) + 0.5


def point_labels(
    result: EmbeddingResult, points: Points, area: tuple[int, int] | None
) -> tuple[list[str], NDArray[np.str_]]:
    """The label of each point, empty if it would overlap another one in the area, and the side on which it is written.

    The selected token's label belongs to a trace of its own, so it is empty here, but no other label overlaps it.
    """
    if area is None:
        texts = [token.short(MAX_CHARACTERS) for token in result.tokens]
        texts[result.position] = ""
        return texts, np.full(len(texts), "top center", dtype=object)
    pixels = points * area
    sides = np.full(len(pixels), "top center", dtype=object)
    texts = [""] * len(pixels)
    taken: list[tuple[float, float, float]] = []
    first = result.position
    for position in [first, *(n for n in range(len(pixels)) if n != first)]:
        text = result.tokens[position].short(MAX_CHARACTERS)
        x, y = pixels[position]
        half = len(result.tokens[position].label[:MAX_CHARACTERS]) * _LETTER_WIDTH / 2
        if x < half:
            sides[position], x = "top right", x + half
        elif x > area[0] - half:
            sides[position], x = "top left", x - half
        y += _LABEL_RISE
        if all(abs(x - other) >= half + wide or abs(y - above) >= _LINE_HEIGHT for other, above, wide in taken):
            taken.append((x, y, half))
            texts[position] = "" if position == first else text
    return texts, sides
