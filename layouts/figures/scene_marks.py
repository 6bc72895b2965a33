"""Marks of the selection in the 3D scene: an outline of the selected part, and a frame around its block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layouts.figures.scene import Scene, Vectors, outline

if TYPE_CHECKING:
    from analysis.model_info import ModelInfo
    from analysis.selection import Selection


def mark(selection: Selection, info: ModelInfo, scene: Scene) -> dict[str, Any]:
    """The outline of the selected box, or of the wall if a whole layer is selected; x, y and z of a line."""
    if selection.block is None:
        end = ("embedding", "norm", "output").index(selection.part)
        return outline(scene.ends[end], 1.15 * scene.ends_half[end])
    if selection.head is not None:
        return _grown(scene.heads[selection.block * info.n_heads + selection.head], scene.head_half)
    if selection.neuron is not None:
        tile = selection.neuron // info.tile_width
        return _grown(scene.tiles[selection.block * info.n_tiles + tile], scene.tile_half)
    z = (scene.free, scene.top) if selection.part == "attention" else (scene.bottom, -scene.free)
    return _around(scene, selection.block, *z, margin=0.04)


def frame(selection: Selection, scene: Scene) -> dict[str, Any]:
    """A thin frame around the selected block; x, y and z of a line."""
    if selection.block is None:
        return {"x": [], "y": [], "z": []}
    return _around(scene, selection.block, scene.bottom, scene.top, margin=0.1)


def _grown(center: Vectors, half: Vectors) -> dict[str, Any]:
    """The outline of a box, in the middle of the gaps around it."""
    return outline(center, half + np.float32(0.12) * min(half[1:]))


def _around(scene: Scene, block: int, low: float, high: float, *, margin: float) -> dict[str, Any]:
    """The outline of a part of a block. margin: around it, in widths of a wall; above and below in proportion."""
    center = np.array([scene.block_x[block], 0, (low + high) / 2], dtype=np.float32)
    half_z = (high - low) / 2 + margin * max(0.3, 0.1 * (scene.top - scene.bottom))
    return outline(center, np.array([0, 0.5 + margin, half_z], dtype=np.float32))


def walls(info: ModelInfo, scene: Scene) -> dict[str, float]:
    """What `assets/scene_marks.js`, which draws the marks on the page, needs besides the boxes."""
    extents = {name: round(float(getattr(scene, name)), 4) for name in ("top", "bottom", "free")}
    return {**extents, "n_tiles": info.n_tiles, "tile_width": info.tile_width}
