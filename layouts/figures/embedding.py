"""Picture of the tokens as points in two or three dimensions, and the sentence on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from layouts.figures.drawing import Drawing
from layouts.figures.text import percent
from layouts.theme import LIGHT, MONOSPACE, Theme, axis, base_layout, color_bar

if TYPE_CHECKING:
    from analysis.embedding import EmbeddingResult

Paths = Literal["none", "selected", "all"]
Points = NDArray[np.floating[Any]]

_ROOM = 300, 340  # pixels of the page's plot at its smallest
_LETTER, _LINE, _RISE = 7, 14, 11
_LONGEST = 14
_MOST_WAYS = 128
_MARGIN = 0.08  # of the range, on each side
_EDGES = {"l": 8, "r": 8, "t": 40, "b": 8}
_CAMERA = {"eye": {"x": 1.35, "y": 1.35, "z": 1.0}, "center": {"x": 0, "y": 0, "z": -0.12}}


def embedding_figure(
    result: EmbeddingResult, *, paths: Paths = "selected", room: tuple[int, int] = _ROOM, theme: Theme = LIGHT
) -> go.Figure:
    """One point a token, coloured by its position, the selected one strong; a click on a point selects its token.

    paths: with PCA, whose ways through the blocks are drawn; of all, at most 128, evenly spaced. With any, the frame
    is that of all blocks and tokens, so that it stays whatever is selected; without, it is that of the points. room:
    pixels across and up that labels are thinned out for; in a larger plot they have more.
    """
    ways = result.paths if paths != "none" else None
    width = result.points.shape[1]
    framed = (result.points if ways is None else ways).reshape(-1, width)
    low, high = framed.min(axis=0), framed.max(axis=0)
    span = np.where(high > low, high - low, 1)
    texts, sides = _labels(result, _seen((result.points - low) / span), room)
    everyone, chosen = np.arange(len(result.tokens)), np.array([result.position])
    data = []
    if ways is not None and paths == "all":
        some = everyone[:: -(-len(everyone) // _MOST_WAYS)]
        data.append(_ways(result, ways[:, some], some, {"color": theme.quiet, "width": 1}, opacity=0.3))
    data.append(_dots(result, everyone, texts, sides, theme) | {"marker": _positions(result, theme)})
    if ways is not None:
        line = {"color": theme.accent2, "width": width}
        data.append(_ways(result, ways[:, chosen], chosen, line, opacity=1))
    bold = [f"<b>{result.tokens[result.position].short(_LONGEST)}</b>"]
    edge = {"color": theme.surface, "width": 2}
    strong = {"color": theme.accent2, "size": 12 if width == 2 else 8, "line": edge}
    data.append(_dots(result, chosen, bold, sides[chosen], theme) | {"marker": strong})
    ranges = np.stack([low - _MARGIN * span, high + _MARGIN * span], axis=1).tolist()
    return Drawing(data=data, layout=base_layout(theme, margin=_EDGES, **_axes(result, ranges, theme)))


def embedding_reading(result: EmbeddingResult) -> str:
    """What is shown, and the selected token's nearest neighbour, with numbers."""
    labels = [token.label for token in result.tokens]
    if result.method == "tsne":
        how = f"t-SNE with a perplexity of {result.perplexity:.0f} keeps neighbours together; its axes have no meaning"
    else:
        assert result.explained is not None
        how = f"{percent(result.explained.sum())} of the variance over all blocks is shown"
        if result.asked != result.method:
            how = f"t-SNE needs at least 4 tokens, so this is PCA: {how}"
    if result.nearest is None:
        return f"The text has one token; {how}."
    return (
        f"Nearest to ‘{labels[result.position]}’ in all {result.d_model:,} dimensions: ‘{labels[result.nearest]}’ at "
        f"position {result.nearest} (cosine similarity {result.similarity:.2f}); {how}."
    )


def _kind(result: EmbeddingResult, points: Points) -> dict[str, Any]:
    if result.points.shape[1] == 3:
        return {"type": "scatter3d", "x": points[:, 0], "y": points[:, 1], "z": points[:, 2]}
    return {"type": "scatter", "x": points[:, 0], "y": points[:, 1], "cliponaxis": False}


def _dots(
    result: EmbeddingResult, positions: NDArray[np.intp], texts: list[str], sides: NDArray[np.str_], theme: Theme
) -> dict[str, Any]:
    return {
        **_kind(result, result.points[positions]),
        "mode": "markers+text",
        "text": texts,
        "textposition": sides.tolist(),
        "textfont": {"family": MONOSPACE, "size": 11, "color": theme.text},
        "customdata": [f"@{position}" for position in positions],
        "hovertext": [f"<b>{result.tokens[position].markup}</b> (position {position})" for position in positions],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _ways(
    result: EmbeddingResult, ways: Points, positions: NDArray[np.intp], line: dict[str, Any], *, opacity: float
) -> dict[str, Any]:
    """Lines through the blocks, one after the other in a single trace, with a gap between two."""
    n_places, n_ways, width = ways.shape
    gaps = np.full((1, n_ways, width), np.nan, dtype=np.float32)
    points = np.concatenate([ways, gaps]).transpose(1, 0, 2).reshape(-1, width)
    places = ["before block 0", *(f"after block {block}" for block in range(n_places - 1)), ""]
    return {
        **_kind(result, points),
        "mode": "lines+markers",
        "line": line,
        "marker": {
            "size": [8 if width == 2 else 4, *[5 if width == 2 else 2] * n_places] * n_ways,
            "color": line["color"],
            "symbol": ["circle-open", *["circle"] * n_places] * n_ways,
        },
        "opacity": opacity,
        "customdata": [f"@{position}" for position in positions for _ in places],
        "hovertext": [f"<b>{result.tokens[position].markup}</b> {place}" for position in positions for place in places],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _positions(result: EmbeddingResult, theme: Theme) -> dict[str, Any]:
    return {
        "size": 8 if result.points.shape[1] == 2 else 5,
        "color": np.arange(len(result.tokens), dtype=np.float32),
        "colorscale": theme.norms,
        "line": {"color": theme.quiet, "width": 1},
        "colorbar": color_bar(
            theme,
            "position",
            orientation="h",
            thickness=6,
            len=0.5,
            x=1,
            xanchor="right",
            y=1,
            yanchor="bottom",
            ypad=2,
        ),
        "showscale": len(result.tokens) > 1,
    }


def _axes(result: EmbeddingResult, ranges: list[list[float]], theme: Theme) -> dict[str, Any]:
    if result.explained is None:
        titles = [""] * len(ranges)
    else:
        titles = [f"component {n} ({share:.1%})" for n, share in enumerate(result.explained, 1)]
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


def _seen(places: Points) -> Points:
    """Where points of the unit square or cube are seen, within the unit square; the cube from Plotly's own camera."""
    if places.shape[1] == 2:
        return places
    x, y, z = (places - 0.5).T
    return np.stack([(y - x) / 2, (2 * z - x - y) / 4], axis=1) + 0.5


def _labels(result: EmbeddingResult, places: Points, room: tuple[int, int]) -> tuple[list[str], NDArray[np.str_]]:
    """The label of each point, empty where it would cover another's, and the side that it is written on.

    The selected token's own label is written apart, but has its room here.
    """
    pixels = places * room
    sides = np.full(len(pixels), "top center", dtype=object)
    texts = [""] * len(pixels)
    taken: list[tuple[float, float, float]] = []
    first = result.position
    for position in [first, *(n for n in range(len(pixels)) if n != first)]:
        text = result.tokens[position].short(_LONGEST)
        x, y = pixels[position]
        half = len(result.tokens[position].label[:_LONGEST]) * _LETTER / 2
        if x < half:
            sides[position], x = "top right", x + half
        elif x > room[0] - half:
            sides[position], x = "top left", x - half
        y += _RISE
        if all(abs(x - other) >= half + wide or abs(y - above) >= _LINE for other, above, wide in taken):
            taken.append((x, y, half))
            texts[position] = "" if position == first else text
    return texts, sides
