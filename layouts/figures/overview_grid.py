"""Places of the overview: where on its axes the cells of heads and tiles are, and the residual stream between them."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from analysis.model_info import ModelInfo

GAP = 0.12  # between the cells of two blocks, as a share of a block's place
_DEEP = 48  # blocks; deeper models have no gaps between them
_USUAL = (620, 170)  # pixels of one layer of all blocks, for which tiles are about square
PATTERNS_HEIGHT = 0.63  # of the heads, if they show their attention, as a share of the y axis without its margins


class Wall(NamedTuple):
    """Heads of a block that show their attention: `columns` of cells, each `aspect` times as high as wide in pixels."""

    columns: int
    aspect: float


@dataclass(frozen=True)
class Grid:
    """Where cells are. On the x axis block n is around n; the y axis runs from 0 to 1.

    Attributes
    ----------
    half : float
        Half the width of a block's cells; 0.5 without a gap between blocks.
    left, right : float
        The room beside the blocks, for the ends of the residual stream and for names.
    heads, tiles : (float, float)
        Lower and upper y of the two layers.
    stream : float
        y of the residual stream.
    head_columns, tile_columns : int
        Cells of a block beside each other; they are read like a page.
    """

    half: float
    left: float
    right: float
    heads: tuple[float, float]
    tiles: tuple[float, float]
    stream: float
    head_columns: int
    tile_columns: int


def make_grid(info: ModelInfo, wall: Wall | None = None) -> Grid:
    """The grid of a model: heads in one column, or in a wall that is higher and has room for their attention."""
    low = 1 - (PATTERNS_HEIGHT if wall else 0.44)
    tiles = 0.23 if wall else 0.44
    return Grid(
        half=0.5 - GAP / 2 if info.n_blocks <= _DEEP else 0.5,
        # On a phone, words of the usual size still fit beside the cells.
        left=max(0.9, 0.155 * info.n_blocks),
        right=max(1.3, 0.235 * info.n_blocks),
        heads=(low, 1.0),
        tiles=(0.0, tiles),
        stream=(low + tiles) / 2,
        head_columns=wall.columns if wall else 1,
        tile_columns=_n_columns(info),
    )


def _n_columns(info: ModelInfo) -> int:
    """The number of columns with which a wall's tiles are most nearly square; full rows are better."""
    width, height = _USUAL[0] / info.n_blocks, _USUAL[1]

    def fault(columns: int) -> float:
        rows = ceil(info.n_tiles / columns)
        return abs(log(width / columns * rows / height)) + (info.n_tiles % columns > 0)

    return min(range(1, info.n_tiles + 1), key=fault)
