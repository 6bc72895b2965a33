"""Geometry of the 3D scene: boxes on a grid, computed from a model's sizes alone.

x is the depth of the network, y goes across a block's walls, z is up. The residual stream runs along y = z = 0. Each
block has its attention above the stream, a wall with one box per head, and its MLP below, a wall with one box per tile.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from analysis.model_info import ModelInfo

VERTICES = 8  # per box; the number of a clicked vertex, divided by this, is the number of its box
_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float32)
_TRIANGLES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4],
     [1, 5, 7], [1, 7, 3]], dtype=np.int32,
)  # fmt: skip
_EDGES = [(0, 1), (1, 3), (3, 2), (2, 0), (4, 5), (5, 7), (7, 6), (6, 4), (0, 4), (1, 5), (2, 6), (3, 7)]
_STREAM_GAP = 1.6  # free space above and below the residual stream
_HEAD = 2.0  # side of a head's cell; a tile's is 1
_THICK = 0.35  # half of a wall's thickness
_SHRINK = 0.8  # share of a cell that its box fills

Vectors = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scene:
    """Where the boxes are: `x, y, z` of centres, and half sizes.

    Attributes
    ----------
    heads, tiles : float32 array (boxes, 3)
        Centres of the heads and of the MLP tiles, block by block.
    ends : float32 array (3, 3)
        Centres of token embedding, final norm and output.
    head_half, tile_half : float32 array (3,)
        Half sizes of one head's and one tile's box.
    ends_half : float32 array (3, 3)
        Half sizes of the three boxes of `ends`.
    block_x : float32 array (n_blocks,)
        x of each block.
    top, bottom : float
        z of the upper end of the attention walls and of the lower end of the MLP walls.
    width : float
        Extent of a wall in y.
    """

    heads: Vectors
    tiles: Vectors
    ends: Vectors
    head_half: Vectors
    tile_half: Vectors
    ends_half: Vectors
    block_x: NDArray[np.float32]
    top: float
    bottom: float
    width: float


@lru_cache(maxsize=16)  # every click draws in the same scene
def make_scene(info: ModelInfo) -> Scene:
    """The scene of a model; deeper models get narrower and taller walls, so that the whole scene fits the view."""
    columns = 8 if info.n_blocks <= 8 else 4 if info.n_blocks <= 32 else 2
    width = float(columns)
    head_columns = max(1, min(columns // 2, info.n_heads))
    pitch = 0.6 * width + 1.0
    x = (np.arange(info.n_blocks, dtype=np.float32) + 1.5) * pitch
    heads, top = _wall(info.n_heads, head_columns, width / head_columns, _HEAD, up=True)
    tiles, bottom = _wall(info.n_tiles, columns, 1.0, 1.0, up=False)
    end_x = np.array([0.4 * pitch, x[-1] + pitch, x[-1] + 1.7 * pitch], dtype=np.float32)
    ends = np.stack([end_x, np.zeros(3), np.zeros(3)], axis=1).astype(np.float32)
    tall = min(top, -bottom)
    return Scene(
        heads=_repeated(heads, x),
        tiles=_repeated(tiles, x),
        ends=ends,
        head_half=np.array([_THICK, width / head_columns * _SHRINK / 2, _HEAD * _SHRINK / 2], dtype=np.float32),
        tile_half=np.array([_THICK, _SHRINK / 2, _SHRINK / 2], dtype=np.float32),
        ends_half=np.array(
            [[_THICK, width / 3, 0.5 * tall], [_THICK, width / 6, 0.25 * tall], [_THICK, width / 3, 0.5 * tall]],
            dtype=np.float32,
        ),
        block_x=x,
        top=top,
        bottom=bottom,
        width=width,
    )


def boxes(centers: Vectors, half: Vectors) -> dict[str, NDArray[np.float32] | NDArray[np.int32]]:
    """Vertices and triangles of many boxes, as the x, y, z, i, j, k of one Mesh3d; boxes share no vertices."""
    corners = (centers[:, None] + _CORNERS * np.atleast_2d(half)[:, None]).reshape(-1, 3).astype(np.float32)
    triangles = (np.arange(len(centers), dtype=np.int32)[:, None, None] * VERTICES + _TRIANGLES).reshape(-1, 3)
    return {**dict(zip("xyz", corners.T, strict=True)), **dict(zip("ijk", triangles.T, strict=True))}


def outline(center: Vectors, half: Vectors, *, grow: float = 0.0) -> dict[str, list[float | None]]:
    """The twelve edges of one box, as the x, y, z of one line with gaps."""
    corners = center + _CORNERS * (half + grow)
    points: list[list[float | None]] = [[round(value, 2) for value in corner] for corner in corners.tolist()]
    gap: list[float | None] = [None] * 3
    path = [point for start, end in _EDGES for point in (points[start], points[end], gap)]
    return {name: [point[n] for point in path] for n, name in enumerate("xyz")}


def _wall(count: int, columns: int, cell_width: float, cell_height: float, *, up: bool) -> tuple[Vectors, float]:
    """Centres of `count` cells, (count, 3), row by row away from the stream, and the z at which the wall ends."""
    row, column = np.divmod(np.arange(count), columns)
    sign = 1 if up else -1
    y = (column - (columns - 1) / 2) * cell_width
    z = sign * (_STREAM_GAP + (row + 0.5) * cell_height)
    cells = np.stack([np.zeros(count), y, z], axis=1).astype(np.float32)
    return cells, sign * (_STREAM_GAP + -(-count // columns) * cell_height)


def _repeated(cells: Vectors, x: NDArray[np.float32]) -> Vectors:
    repeated = np.tile(cells, (len(x), 1))
    repeated[:, 0] = np.repeat(x, len(cells))
    return repeated
