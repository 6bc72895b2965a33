"""The depths of the logit lens: rows of heat maps, their axis, and the marks of the selected one.

On axes of blocks, -1 is the input of block 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from layouts.theme import LIGHT, Theme, axis


class DepthRows(NamedTuple):
    """Rows of the heat map whose cells select the same kind of part."""

    depths: slice
    part: str  # template of the selected part
    words: str  # template of its name

    @property
    def blocks(self) -> list[int]:
        """The rows on the axis of blocks."""
        return list(range(self.depths.start - 1, self.depths.stop - 1))


def depth_rows(n_blocks: int) -> list[DepthRows]:
    """All rows of a model, from the input of block 0 to the output."""
    inner = [DepthRows(slice(1, n_blocks), "block.{y}", "after block {y}")] if n_blocks > 1 else []
    return [
        DepthRows(slice(0, 1), "embedding", "before block 0"),
        *inner,
        DepthRows(slice(n_blocks, n_blocks + 1), "output", "the model’s output"),
    ]


def depth_parts(n_blocks: int) -> list[tuple[str, str]]:
    """The part that each depth selects, and its name."""
    return [
        (rows.part.replace("{y}", str(block)), rows.words.replace("{y}", str(block)))
        for rows in depth_rows(n_blocks)
        for block in rows.blocks
    ]


def depth_axis(n_blocks: int, theme: Theme) -> dict[str, Any]:
    """An axis of depths: the input of block 0, after each block, the output."""
    last = n_blocks - 1
    step = -(-n_blocks // 13)
    blocks = [block for block in range(0, last, step) if last - block >= step]
    return axis(
        theme,
        title="after block",
        tickmode="array",
        tickvals=[-1, *blocks, last],
        ticktext=["embedding", *map(str, blocks), "output"],
        range=[-1.5, last + 0.5],
        showgrid=False,
        zeroline=False,
    )


def cell_mark(depth: int, position: int, *, theme: Theme = LIGHT) -> dict[str, Any]:
    """The shape that marks the selected cell of a heat map."""
    x, y = position, depth - 1
    corners = {"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
    return {"type": "rect", **corners, "line": {"color": theme.accent2, "width": 2}}


def column_mark(block: int, theme: Theme) -> dict[str, Any]:
    """The shape that marks the selected depth of a line plot."""
    ends = {"x0": block - 0.5, "x1": block + 0.5, "y0": 0, "y1": 1, "yref": "paper"}
    return {"type": "rect", "layer": "below", **ends, "fillcolor": theme.accent2, "line": {"width": 0}, "opacity": 0.16}
