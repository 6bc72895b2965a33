"""The 3D scene's numbers in 2D: depth from left to right, heads above the residual stream and MLP tiles below it.

Each block has one cell per head, the first on top, and a wall of cells for its tiles, which is read like a page. Where
there is room, the heads are such a wall, too, and each cell shows its head's attention.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.architecture import architecture_reading
from layouts.figures.drawing import Drawing
from layouts.figures.head_scores import PROBE_SCORES, SCORE_NAMES, score_words
from layouts.figures.overview_grid import PATTERNS_HEIGHT, Grid, Wall, make_grid
from layouts.figures.overview_patterns import patterns_image
from layouts.figures.own_numbers import NO_NUMBER
from layouts.figures.scene_colors import MOST_LEVEL, Legend, Shades, part_colors, stream_color
from layouts.figures.scene_values import end_unit, head_unit, head_values, stream_values, tile_unit, tile_values
from layouts.figures.shade import neutral
from layouts.figures.text import counted, percent, signed, tile_names
from layouts.theme import LIGHT, Theme, axis, base_layout, color_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.architecture import ArchitectureResult
    from analysis.model_info import ModelInfo
    from analysis.overview import OverviewResult, Patterns

_MARGIN = 0.03  # between the cells and the frame of a block
_TOP = 1.04  # of the y axis, with the frame's line
_MOST_LABELS = 12  # of blocks
_MOST_NUMBERS = 16  # of heads
_NONE = -1  # the number of a cell that is a gap


def overview_figure(
    result: OverviewResult, *, wall: Wall | None = None, patterns: Patterns | None = None, theme: Theme = LIGHT
) -> go.Figure:
    """All heads and MLP tiles as cells. A click selects the head, or the tile's strongest neuron, or an end.

    wall, patterns: where heads are that show their attention, and that attention.
    """
    data, layout = overview_changes(result, wall=wall, theme=theme)
    if wall and patterns:
        data.append(patterns_image(patterns, wall, make_grid(result.parts.info, wall), theme))
    return Drawing(data, layout)


def overview_changes(
    result: OverviewResult, *, wall: Wall | None, theme: Theme
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Traces and layout of all that depends on the selection: the figure without the heads' attention."""
    parts, info, grid = result.parts, result.parts.info, make_grid(result.parts.info, wall)
    heads, tiles, legend = part_colors(parts, theme)
    width = grid.left + info.n_blocks + grid.right
    rows = ceil(info.n_heads / grid.head_columns)
    labelled = range(0, info.n_blocks, ceil(info.n_blocks / _MOST_LABELS))
    numbered = range(0, rows, ceil(rows / _MOST_NUMBERS))
    low, high = grid.heads
    bare = {"tickmode": "array", "ticks": "", "showline": False, "showgrid": False, "zeroline": False}
    data = [
        _cells(heads, grid.heads, grid.head_columns, grid) | _heads(parts) | _bar(parts, legend, theme),
        _cells(tiles, grid.tiles, grid.tile_columns, grid) | _tiles(parts) | {"showscale": False},
        _stream(parts, grid, theme),
        _names(info, grid, theme),
    ]
    layout = base_layout(
        theme,
        xaxis=axis(
            theme,
            side="top",
            automargin=False,
            range=[-0.5 - grid.left, info.n_blocks - 0.5 + grid.right],
            tickvals=list(labelled),
            ticktext=[str(block) for block in labelled],
            tickangle=0,
            **bare,
        ),
        yaxis=axis(
            theme,
            # The numbers of heads are beside block 0; the token embedding is left of them.
            anchor="free",
            position=grid.left / width,
            automargin=False,
            range=[-_TOP + 1, _TOP],
            tickvals=[high - (row + 0.5) * (high - low) / rows for row in numbered],
            ticktext=[_row_name(row, grid.head_columns, info.n_heads) for row in numbered],
            **bare,
        ),
        margin={"l": 30, "r": 8, "t": 20, "b": 4},  # half of “embedding” is left of the axes
        shapes=_marks(parts, grid, theme),
        # What a block's heads have of width and height if they show their attention: the page chooses the wall by it.
        meta={"wall": [2 * grid.half / width, PATTERNS_HEIGHT / (2 * _TOP - 1), info.n_heads]},
    )
    return data, layout


def overview_reading(result: OverviewResult, token: str) -> str:
    """One sentence on the selected part's number, and one on the largest. token: that at the selected position."""
    parts, selection = result.parts, result.parts.selection
    rest = architecture_reading(parts, token)
    if result.value is None:
        return rest
    if selection.head is not None:
        assert parts.heads is not None
        name, among = f"Block {selection.block} head {selection.head}", counted(parts.heads.size, "head")
    elif parts.sweep is not None:
        name, among = f"The MLP of block {selection.block}", counted(parts.info.n_blocks, "MLP")
    else:
        assert parts.tiles is not None
        assert selection.neuron is not None
        tile = tile_names(parts.info.n_neurons, parts.info.tile_width)[selection.neuron // parts.info.tile_width]
        name, among = f"Block {selection.block} {tile}", counted(parts.tiles.size, "tile")
    if result.rank is None:
        return f"{name}: {'not finite' if parts.own is None else NO_NUMBER}. {rest}"
    number = {
        **{
            name: f"{words} score {score_words(name, result.value)}"
            for name, words in SCORE_NAMES.items()
            if name in PROBE_SCORES
        },
        "attribution": f"{signed(result.value)} logits",
        "effect": f"{signed(result.value)} logits when removed",
        "norm": f"L2 norm {result.value:.3g}",
        "entropy": f"{result.value:.3g} bits",
        "first": f"{percent(result.value)} on the first token",
        "own": f"{result.value:.3g}".replace("-", "−"),
    }[parts.color_by]
    by = " by size" if parts.color_by in ("attribution", "effect", "own") else ""
    return f"{name}: {number}, rank {result.rank:,} of {among}{by}. {rest}"


def _heads(parts: ArchitectureResult) -> dict[str, Any]:
    names = [f"head {head}" for head in range(parts.info.n_heads)]
    words = _words(head_unit(parts), head_values(parts), names)
    return {"meta": {"select": "block.{block}.attention.head.{unit}", **words}}


def _tiles(parts: ArchitectureResult) -> dict[str, Any]:
    names = tile_names(parts.info.n_neurons, parts.info.tile_width)
    return {
        "meta": {
            "select": "block.{block}.mlp.neuron.{neuron}",
            "neurons": parts.strongest.ravel().tolist(),
            **_words(tile_unit(parts), tile_values(parts), names),
        }
    }


def _words(unit: str, values: list[float | str], names: Sequence[str]) -> dict[str, Any]:
    """What the page's script names a cell with: `{block}`, `{name}` and `{value}` of the box with the cell's number."""
    value = f": {{value}} {unit}" if values else ""
    return {
        "words": f"Block {{block}} · {{name}}{value}",
        "per_block": len(names),
        "names": names,
        "values": values,
    }


def _cells(shades: Shades, layer: tuple[float, float], columns: int, grid: Grid) -> dict[str, Any]:
    """One layer of all blocks as a heat map: cells of a block row by row from the top, and a gap between blocks."""
    n_blocks, n_units = shades.levels.shape
    rows = ceil(n_units / columns)
    boxes = np.full((n_blocks, rows * columns), _NONE, dtype=np.int32)
    boxes[:, :n_units] = np.arange(n_blocks * n_units).reshape(n_blocks, n_units)
    walls = boxes.reshape(n_blocks, rows, columns)
    if grid.half < 0.5:
        walls = np.pad(walls, ((0, 0), (0, 0), (0, 1)), constant_values=_NONE)
    cells = walls.transpose(1, 0, 2).reshape(rows, -1)[::-1]
    edges = (np.arange(n_blocks)[:, None] + np.linspace(-grid.half, grid.half, columns + 1)).round(4)
    x = np.unique(edges)
    cells = cells[:, : len(x) - 1]
    return {
        "type": "heatmap",
        "z": np.where(cells == _NONE, np.nan, shades.levels.ravel()[cells]).astype(np.float32),
        "zmin": 0,
        "zmax": MOST_LEVEL,
        "x": x.tolist(),
        "y": np.linspace(*layer, rows + 1).round(4).tolist(),
        "xgap": 1,
        "ygap": 1,
        "colorscale": shades.scale,
        "customdata": cells,
        "hoverongaps": False,
    }


def _bar(parts: ArchitectureResult, legend: Legend, theme: Theme) -> dict[str, Any]:
    ticks: dict[str, Any] = {"tickvals": legend.levels, "ticktext": legend.texts}
    # Kinds need no legend: the layers have their names beside them.
    bar = color_bar(theme, legend.title.replace(" (", "<br>("), len=1, **ticks)
    return {"showscale": parts.color_by != "kind", "colorbar": bar}


def _stream(parts: ArchitectureResult, grid: Grid, theme: Theme) -> dict[str, Any]:
    """The residual stream as a line, with the token embedding, the final norm and the output on it."""
    end = parts.info.n_blocks - 0.5
    names, selected = ("embedding", "norm", "output"), parts.selection.part
    stream = stream_values(parts)
    values = [*(f": {stream[end]} {end_unit(parts)}" for end in (0, -1)), ""] if stream else ["", "", ""]
    return {
        "type": "scatter",
        "mode": "lines+markers+text",
        "x": [-0.5 - grid.left, end + 0.38 * grid.right, end + 0.76 * grid.right],
        "y": [grid.stream] * 3,
        "text": list(names),
        "textposition": ["bottom center", "top center", "bottom center"],
        "textfont": {"color": theme.quiet, "size": 11},
        "customdata": list(names),
        "hovertext": [
            f"{name}{value}" for name, value in zip(("Token embedding", "Final norm", "Output"), values, strict=True)
        ],
        "hoverinfo": "text",
        "line": {"color": stream_color(theme), "width": 3},
        "marker": {
            "symbol": "square",
            "size": 15,
            "opacity": 1,
            "color": neutral(theme),
            "line": {
                "color": [theme.accent2 if name == selected else theme.page for name in names],
                "width": [3 if name == selected else 1 for name in names],
            },
        },
        "cliponaxis": False,
    }


def _names(info: ModelInfo, grid: Grid, theme: Theme) -> dict[str, Any]:
    """Labels beside the grid: what its columns and its two layers are."""
    return {
        "type": "scatter",
        "mode": "text",
        "x": [info.n_blocks - 0.5 + 0.08 * grid.right] * 3,
        "y": [_TOP, sum(grid.heads) / 2, sum(grid.tiles) / 2],
        "text": ["block", "heads", "MLP<br>tiles"],
        "textposition": ["top right", "middle right", "middle right"],
        "textfont": {"color": theme.quiet, "size": [11, 12, 12]},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }


def _marks(parts: ArchitectureResult, grid: Grid, theme: Theme) -> list[dict[str, Any]]:
    """A frame around the selected block, and the outline of its selected layer, head or tile."""
    selection, info = parts.selection, parts.info
    if selection.block is None:
        return []
    if selection.part == "attention":
        (low, high), columns, unit, count = grid.heads, grid.head_columns, selection.head, info.n_heads
    else:
        (low, high), columns, count = grid.tiles, grid.tile_columns, info.n_tiles
        unit = None if selection.neuron is None else selection.neuron // info.tile_width
    left, right = selection.block - grid.half, selection.block + grid.half
    if unit is not None:
        row, column = divmod(unit, columns)
        width, height = 2 * grid.half / columns, (high - low) / ceil(count / columns)
        left, right = left + column * width, left + (column + 1) * width
        low, high = high - (row + 1) * height, high - row * height
    frame = {"x0": selection.block - 0.5, "x1": selection.block + 0.5, "y0": -_MARGIN, "y1": 1 + _MARGIN}
    outline = {"x0": left, "x1": right, "y0": low, "y1": high}
    return [
        {"type": "rect", **frame, "line": {"color": theme.accent, "width": 2}},
        {"type": "rect", **outline, "line": {"color": theme.accent2, "width": 2.5}},
    ]


def _row_name(row: int, columns: int, n_heads: int) -> str:
    """The numbers of the heads in a row of a wall."""
    first, last = row * columns, min((row + 1) * columns, n_heads) - 1
    return str(first) if first == last else f"{first}–{last}"
