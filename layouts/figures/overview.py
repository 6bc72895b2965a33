"""The 3D scene's numbers in 2D: depth from left to right, heads above the residual stream and MLP tiles below it.

Each block has one cell per head, the first on top, and a wall of cells for its tiles, which is read like a page. On the
x axis block n is around n; the y axis runs from 0 to 1.
"""

from __future__ import annotations

from math import ceil, log
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.architecture import UNITS, architecture_reading, three_digits
from layouts.figures.drawing import Drawing
from layouts.figures.scene_colors import MOST_LEVEL, Legend, Shades, neutral, part_colors, stream_color
from layouts.figures.text import counted, percent, tile_names
from layouts.theme import LIGHT, Theme, axis, base_layout, color_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.architecture import ArchitectureResult
    from analysis.model_info import ModelInfo
    from analysis.overview import OverviewResult

_DEEP = 48  # blocks; deeper models have no gaps between them
_STREAM = 0.5  # y of the residual stream
_HEADS, _TILES = (0.56, 1.0), (0.0, 0.44)  # y of the two layers
_MARGIN = 0.03  # between the cells and the frame of a block
_TOP = 1.04  # of the y axis, with the frame's line
_USUAL = (620, 170)  # pixels of one layer of all blocks, for which tiles are about square
_MOST_LABELS = 12  # of blocks
_MOST_NUMBERS = 16  # of heads
_NONE = -1  # the number of a cell that is a gap


def overview_figure(result: OverviewResult, *, theme: Theme = LIGHT) -> go.Figure:
    """All heads and MLP tiles as cells. A click selects the head, or the tile's strongest neuron, or an end."""
    parts, info = result.parts, result.parts.info
    heads, tiles, legend = part_colors(parts, theme)
    left, right = _sides(info)
    labelled = range(0, info.n_blocks, ceil(info.n_blocks / _MOST_LABELS))
    numbered = range(0, info.n_heads, ceil(info.n_heads / _MOST_NUMBERS))
    height = (_HEADS[1] - _HEADS[0]) / info.n_heads
    bare = {"tickmode": "array", "ticks": "", "showline": False, "showgrid": False, "zeroline": False}
    return Drawing(
        data=[
            _cells(parts, heads, _HEADS, 1) | _heads(parts) | _bar(parts, legend, theme),
            _cells(parts, tiles, _TILES, _n_columns(info)) | _tiles(parts) | {"showscale": False},
            _stream(parts, theme),
            _names(info, theme),
        ],
        layout=base_layout(
            theme,
            xaxis=axis(
                theme,
                side="top",
                automargin=False,
                range=[-0.5 - left, info.n_blocks - 0.5 + right],
                tickvals=list(labelled),
                ticktext=[str(block) for block in labelled],
                tickangle=0,
                **bare,
            ),
            yaxis=axis(
                theme,
                # The numbers of heads are beside block 0; the token embedding is left of them.
                anchor="free",
                position=left / (left + info.n_blocks + right),
                automargin=False,
                range=[-_TOP + 1, _TOP],
                tickvals=[_HEADS[1] - (head + 0.5) * height for head in numbered],
                ticktext=[str(head) for head in numbered],
                **bare,
            ),
            margin={"l": 30, "r": 8, "t": 20, "b": 4},  # half of “embedding” is left of the axes
            shapes=_marks(parts, theme),
        ),
    )


def overview_reading(result: OverviewResult, token: str) -> str:
    """One sentence on the selected part's number, and one on the largest. token: that at the selected position."""
    parts, selection = result.parts, result.parts.selection
    rest = architecture_reading(parts, token)
    if result.value is None:
        return rest
    if selection.head is not None:
        assert parts.heads is not None
        name, among = f"Block {selection.block} head {selection.head}", counted(parts.heads.size, "head")
    else:
        assert parts.tiles is not None
        assert selection.neuron is not None
        tile = tile_names(parts.info.n_neurons, parts.info.tile_width)[selection.neuron // parts.info.tile_width]
        name, among = f"Block {selection.block} {tile}", counted(parts.tiles.size, "tile")
    if result.rank is None:
        return f"{name}: not finite. {rest}"
    number = {
        "norm": f"L2 norm {result.value:.3g}",
        "entropy": f"{result.value:.3g} bits",
        "first": f"{percent(result.value)} on the first token",
    }[parts.color_by]
    return f"{name}: {number}, rank {result.rank:,} of {among}. {rest}"


def _heads(parts: ArchitectureResult) -> dict[str, Any]:
    names = [f"head {head}" for head in range(parts.info.n_heads)]
    return {"meta": {"select": "block.{block}.attention.head.{unit}", **_words(parts, parts.heads, names)}}


def _tiles(parts: ArchitectureResult) -> dict[str, Any]:
    names = tile_names(parts.info.n_neurons, parts.info.tile_width)
    return {
        "meta": {
            "select": "block.{block}.mlp.neuron.{neuron}",
            "neurons": parts.strongest.ravel().tolist(),
            **_words(parts, parts.tiles, names),
        }
    }


def _words(parts: ArchitectureResult, values: NDArray[np.float32] | None, names: list[str]) -> dict[str, Any]:
    """What the page's script names a cell with: `{block}`, `{name}` and `{value}` of the box with the cell's number."""
    value = "" if values is None else f": {{value}} {UNITS[parts.color_by]}"
    return {
        "words": f"Block {{block}} · {{name}}{value}",
        "per_block": len(names),
        "names": names,
        "values": three_digits(values),
    }


def _cells(parts: ArchitectureResult, shades: Shades, layer: tuple[float, float], columns: int) -> dict[str, Any]:
    """One layer of all blocks as a heat map: cells of a block row by row from the top, and a gap between blocks."""
    n_blocks, n_units = shades.levels.shape
    rows, half = ceil(n_units / columns), _half(parts.info)
    boxes = np.full((n_blocks, rows * columns), _NONE, dtype=np.int32)
    boxes[:, :n_units] = np.arange(n_blocks * n_units).reshape(n_blocks, n_units)
    walls = boxes.reshape(n_blocks, rows, columns)
    if half < 0.5:
        walls = np.pad(walls, ((0, 0), (0, 0), (0, 1)), constant_values=_NONE)
    grid = walls.transpose(1, 0, 2).reshape(rows, -1)[::-1]
    edges = (np.arange(n_blocks)[:, None] + np.linspace(-half, half, columns + 1)).round(4)
    x = np.unique(edges)
    grid = grid[:, : len(x) - 1]
    return {
        "type": "heatmap",
        "z": np.where(grid == _NONE, np.nan, shades.levels.ravel()[grid]).astype(np.float32),
        "zmin": 0,
        "zmax": MOST_LEVEL,
        "x": x.tolist(),
        "y": np.linspace(*layer, rows + 1).round(4).tolist(),
        "xgap": 1,
        "ygap": 1,
        "colorscale": shades.scale,
        "customdata": grid,
        "hoverongaps": False,
    }


def _bar(parts: ArchitectureResult, legend: Legend, theme: Theme) -> dict[str, Any]:
    ticks = {"tickvals": legend.levels, "ticktext": legend.texts}
    # Kinds need no legend: the layers have their names beside them.
    bar = color_bar(theme, legend.title.replace(" (", "<br>("), len=1, **ticks)
    return {"showscale": parts.color_by != "kind", "colorbar": bar}


def _stream(parts: ArchitectureResult, theme: Theme) -> dict[str, Any]:
    """The residual stream as a line, with the token embedding, the final norm and the output on it."""
    left, right = _sides(parts.info)
    end = parts.info.n_blocks - 0.5
    names, selected = ("embedding", "norm", "output"), parts.selection.part
    norms = parts.residual_norms
    unit = "(L2 norm of the residual stream here)"
    values = ["", "", ""] if norms is None else [*(f": {n} {unit}" for n in three_digits(norms[[0, -1]])), ""]
    return {
        "type": "scatter",
        "mode": "lines+markers+text",
        "x": [-0.5 - left, end + 0.38 * right, end + 0.76 * right],
        "y": [_STREAM] * 3,
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


def _names(info: ModelInfo, theme: Theme) -> dict[str, Any]:
    """Labels beside the grid: what its columns and its two layers are."""
    _, right = _sides(info)
    return {
        "type": "scatter",
        "mode": "text",
        "x": [info.n_blocks - 0.5 + 0.08 * right] * 3,
        "y": [_TOP, sum(_HEADS) / 2, sum(_TILES) / 2],
        "text": ["block", "heads", "MLP<br>tiles"],
        "textposition": ["top right", "middle right", "middle right"],
        "textfont": {"color": theme.quiet, "size": [11, 12, 12]},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }


def _marks(parts: ArchitectureResult, theme: Theme) -> list[dict[str, Any]]:
    """A frame around the selected block, and the outline of its selected layer, head or tile."""
    selection, info = parts.selection, parts.info
    if selection.block is None:
        return []
    if selection.part == "attention":
        (low, high), columns, unit, count = _HEADS, 1, selection.head, info.n_heads
    else:
        (low, high), columns, count = _TILES, _n_columns(info), info.n_tiles
        unit = None if selection.neuron is None else selection.neuron // info.tile_width
    half = _half(info)
    left, right = selection.block - half, selection.block + half
    if unit is not None:
        row, column = divmod(unit, columns)
        width, height = 2 * half / columns, (high - low) / ceil(count / columns)
        left, right = left + column * width, left + (column + 1) * width
        low, high = high - (row + 1) * height, high - row * height
    frame = {"x0": selection.block - 0.5, "x1": selection.block + 0.5, "y0": -_MARGIN, "y1": 1 + _MARGIN}
    outline = {"x0": left, "x1": right, "y0": low, "y1": high}
    return [
        {"type": "rect", **frame, "line": {"color": theme.accent, "width": 2}},
        {"type": "rect", **outline, "line": {"color": theme.accent2, "width": 2.5}},
    ]


def _sides(info: ModelInfo) -> tuple[float, float]:
    """The room left and right of the blocks, for the ends of the stream and the names, in blocks.

    On a phone, words of the usual size still fit beside the cells.
    """
    return max(0.9, 0.155 * info.n_blocks), max(1.3, 0.235 * info.n_blocks)


def _half(info: ModelInfo) -> float:
    """Half the width of a block's cells."""
    return 0.44 if info.n_blocks <= _DEEP else 0.5


def _n_columns(info: ModelInfo) -> int:
    """The number of columns with which a wall's tiles are most nearly square; full rows are better."""
    width, height = _USUAL[0] / info.n_blocks, _USUAL[1]

    def fault(columns: int) -> float:
        rows = ceil(info.n_tiles / columns)
        return abs(log(width / columns * rows / height)) + (info.n_tiles % columns > 0)

    return min(range(1, info.n_tiles + 1), key=fault)
