"""Marks of the selection in the 3D scene."""

from typing import Any

import numpy as np
import pytest

from analysis.selection import Selection
from layouts.figures.scene import make_scene
from layouts.figures.scene_marks import frame, mark
from tests.layouts.figures.test_architecture import INFO

SCENE = make_scene(INFO)


def extent(line: dict[str, Any]) -> Any:
    """The lowest and highest x, y and z: (2, 3)."""
    points = [[value for value in line[axis] if value is not None] for axis in "xyz"]
    return np.array([np.min(points, axis=1), np.max(points, axis=1)])


@pytest.mark.parametrize(
    ("selection", "boxes", "half"),
    [
        ("block.0.attention.head.1", SCENE.heads[[1]], SCENE.head_half),
        ("block.1.mlp.neuron.5", SCENE.tiles[[11]], SCENE.tile_half),
        ("block.0.attention", SCENE.heads[:2], SCENE.head_half),
        ("block.1.mlp", SCENE.tiles[6:], SCENE.tile_half),
        ("embedding", SCENE.ends[[0]], SCENE.ends_half[0]),
        ("norm", SCENE.ends[[1]], SCENE.ends_half[1]),
        ("output", SCENE.ends[[2]], SCENE.ends_half[2]),
    ],
)
def test_the_mark_is_close_around_the_selected_part(selection: str, boxes: Any, half: Any) -> None:
    low, high = extent(mark(Selection.parse(selection), INFO, SCENE))
    around = np.stack([boxes.min(axis=0) - half - low, high - boxes.max(axis=0) - half])[:, 1:]
    assert (around > 0).all()
    assert around.max() < 0.3
    assert low[0] - 1e-3 <= boxes[0, 0] <= high[0] + 1e-3


def test_the_frame_is_around_the_whole_block_and_no_other() -> None:
    low, high = extent(frame(Selection.parse("block.1.mlp"), SCENE))
    assert low[0] == high[0] == pytest.approx(SCENE.block_x[1], abs=1e-3)
    for centers, half in ((SCENE.heads[2:], SCENE.head_half), (SCENE.tiles[6:], SCENE.tile_half)):
        assert (low < centers.min(axis=0) - half)[1:].all()
        assert (high > centers.max(axis=0) + half)[1:].all()


def test_outside_the_blocks_there_is_no_frame() -> None:
    assert frame(Selection.parse("output"), SCENE) == {"x": [], "y": [], "z": []}
