"""Geometry of the 3D scene: boxes on a grid, computed from a model's sizes alone.

x is the depth of the network, y goes across a block's walls, z is up; the unit is the width of a wall. The residual
stream runs along y = z = 0. Each block has its attention above the stream, a wall with one box per head, and its MLP
below, a wall with one box per tile. Seen from the opening view, both are read like a page: box 0 is top left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, cos, log, radians, sin
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from analysis.model_info import ModelInfo

VERTICES = 8  # per box; the number of a clicked vertex, divided by this, is the number of its box
AZIMUTH, ELEVATION = radians(38), radians(10)  # of the opening view, from the left of the y axis and from the ground
_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float32)
_TRIANGLES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4],
     [1, 5, 7], [1, 7, 3]], dtype=np.int32,
)  # fmt: skip
_FRONT = (0, 1, 3, 2, 0)  # corners around a box's first side; those of the opposite side are greater by 4
_PITCH = 1.25  # from block to block: in the opening view, no wall stands before another
_SHAPE = 1.75  # width of the whole scene in the opening view, divided by its height
_STREAM = 0.22  # share of the height that is kept free for the residual stream
_GAP = 0.2  # between boxes, as a share of a cell's shorter side
_THICK = 0.2  # of a wall, at most

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
    segments : float32 array (n_blocks + 1, 3)
        Centres of the residual stream's segments: before block 0, and after each block.
    segment_halves : float32 array (n_blocks + 1,)
        Half of each segment's length.
    block_x : float32 array (n_blocks,)
        x of each block.
    top, bottom : float
        z of the upper end of the attention walls and of the lower end of the MLP walls.
    free : float
        z from the residual stream to the walls above and below it.
    """

    heads: Vectors
    tiles: Vectors
    ends: Vectors
    head_half: Vectors
    tile_half: Vectors
    ends_half: Vectors
    segments: Vectors
    segment_halves: NDArray[np.float32]
    block_x: NDArray[np.float32]
    top: float
    bottom: float
    free: float


@lru_cache(maxsize=16)  # every click draws in the same scene
def make_scene(info: ModelInfo) -> Scene:
    """The scene of a model; deeper models get taller walls, so that all have about the same shape on the screen."""
    n = info.n_blocks
    first = max(1.25, 0.12 * n) * _PITCH  # the embedding is at 0; between the two, the stream's name has room
    x = (first + np.arange(n) * _PITCH).astype(np.float32)
    norm = float(x[-1]) + max(1, 0.06 * n) * _PITCH
    output = norm + max(0.7, 0.05 * n) * _PITCH
    height = _height(output, float(x[-1] - x[0]))
    free = max(height * _STREAM / 2, 0.26)
    heads, head_half, top = _wall(info.n_heads, height / 2 - free)
    tiles, tile_half, bottom = _wall(info.n_tiles, height / 2 - free)
    thick = max(0.09, 0.004 * output)
    plate = np.array([thick, min(0.4, 0.75 * free), 0.75 * free])
    ends_half = plate * [[1, 1, 1], [0.6, 0.6, 0.6], [1, 1, 1]]
    borders = np.array([thick, *x, norm - 0.6 * thick])
    middles = (borders[1:] + borders[:-1]) / 2
    return Scene(
        heads=_repeated(heads + np.array([0, 0, free]), x),
        tiles=_repeated(tiles - np.array([0, 0, free + bottom]), x),
        ends=_on_axis(np.array([0, norm, output])),
        head_half=head_half,
        tile_half=tile_half,
        ends_half=ends_half.astype(np.float32),
        segments=_on_axis(middles),
        segment_halves=(np.diff(borders) / 2 - 0.03 * _PITCH).astype(np.float32),
        block_x=x,
        top=free + top,
        bottom=-free - bottom,
        free=free,
    )


def head_columns(info: ModelInfo) -> int:
    """The number of columns of an attention wall."""
    return len(np.unique(make_scene(info).heads[: info.n_heads, 1]))


def boxes(centers: Vectors, half: Vectors) -> dict[str, NDArray[np.float32] | NDArray[np.int32]]:
    """Vertices and triangles of many boxes, as the x, y, z, i, j, k of one Mesh3d; boxes share no vertices."""
    triangles = (np.arange(len(centers), dtype=np.int32)[:, None, None] * VERTICES + _TRIANGLES).reshape(-1, 3)
    return {**dict(zip("xyz", vertices(centers, half).T, strict=True)), **dict(zip("ijk", triangles.T, strict=True))}


def vertices(centers: Vectors, half: Vectors) -> Vectors:
    """The vertices of many boxes, (boxes × vertices, 3)."""
    corners: Vectors = (centers[:, None] + _CORNERS * np.atleast_2d(half)[:, None]).reshape(-1, 3).astype(np.float32)
    return corners


def outline(center: Vectors, half: Vectors) -> dict[str, list[float | None]]:
    """The edges of a box, or of a rectangle if it has no depth, as the x, y, z of one line with gaps."""
    corners = (center + _CORNERS * half).round(3).tolist()
    gap: list[float | None] = [None] * 3
    path = [corners[corner] for corner in _FRONT]
    if half[0]:
        path += [gap, *(corners[corner + 4] for corner in _FRONT)]
        path += [point for corner in range(4) for point in (gap, corners[corner], corners[corner + 4])]
    return {name: [point[n] for point in path] for n, name in enumerate("xyz")}


def on_screen(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the opening view has points, (points, 2): to the right and up, in the scene's unit."""
    right = [cos(AZIMUTH), -sin(AZIMUTH), 0]
    up = [sin(ELEVATION) * sin(AZIMUTH), sin(ELEVATION) * cos(AZIMUTH), cos(ELEVATION)]
    seen: NDArray[np.float64] = points @ np.array([right, up]).T
    return seen


def cube(scene: Scene) -> tuple[dict[str, float], dict[str, float]]:
    """The corners with the lowest and the highest x, y and z of a cube around the scene and its texts."""
    length = float(scene.ends[-1, 0])
    half = round(0.55 * max(length, scene.top - scene.bottom), 2)
    middle = {"x": round(length / 2, 2), "y": 0.0, "z": round((scene.top + scene.bottom) / 2, 2)}
    low, high = ({name: round(value + sign * half, 2) for name, value in middle.items()} for sign in (-1, 1))
    return low, high


def _height(length: float, blocks: float) -> float:
    """The height with which a scene has the shape `_SHAPE`. length: of all; blocks: from the first to the last."""
    slope = sin(ELEVATION) * (blocks * sin(AZIMUTH) + cos(AZIMUTH))
    return (length * cos(AZIMUTH) / _SHAPE - slope) / cos(ELEVATION)


def _wall(count: int, height: float) -> tuple[Vectors, Vectors, float]:
    """Centres of `count` cells, (count, 3), row by row from the top; half the size of a box; the wall's height.

    The wall is at most `height` high, and stands on z = 0.
    """
    columns = _n_columns(count, height)
    rows = ceil(count / columns)
    cell_width, cell_height = 1 / columns, min(height / rows, 2.5 / columns)
    row, column = np.divmod(np.arange(count), columns)
    y = ((columns - 1) / 2 - column) * cell_width  # in the opening view, y goes to the left
    z = (rows - 0.5 - row) * cell_height
    short = min(cell_width, cell_height)
    half = np.array([min(0.6 * short, _THICK), cell_width - _GAP * short, cell_height - _GAP * short]) / 2
    cells = np.stack([np.zeros(count), y, z], axis=1)
    return cells.astype(np.float32), half.astype(np.float32), rows * cell_height


def _n_columns(count: int, height: float) -> int:
    """The number of columns with which cells look most like squares; full rows are much better."""

    def fault(columns: int) -> float:
        rows = ceil(count / columns)
        return abs(log(0.8 / columns * rows / height)) + 1.2 * (count % columns > 0)

    return min(range(1, count + 1), key=fault)


def _on_axis(x: NDArray[np.float64]) -> Vectors:
    return np.stack([x, 0 * x, 0 * x], axis=1).astype(np.float32)


def _repeated(cells: NDArray[np.float64], x: NDArray[np.float32]) -> Vectors:
    repeated = np.tile(cells, (len(x), 1)).astype(np.float32)
    repeated[:, 0] = np.repeat(x, len(cells))
    return repeated
