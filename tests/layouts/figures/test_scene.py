"""Geometry of the 3D scene: each part has its own box, and boxes do not overlap."""

import numpy as np
import pytest

from analysis.model_info import ModelInfo
from layouts.figures.scene import VERTICES, boxes, make_scene, outline

SIZES = {"bundled": (6, 8, 1024), "gpt2-medium": (24, 16, 4096), "gpt2-xl": (48, 25, 6400), "one": (1, 1, 3)}


def info(n_blocks: int, n_heads: int, n_neurons: int) -> ModelInfo:
    return ModelInfo("GPT-2", n_blocks, n_heads, 64, 8, n_neurons, 100, 64, 1, "f")


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_every_part_has_its_own_place(size: tuple[int, int, int]) -> None:
    model = info(*size)
    scene = make_scene(model)
    assert scene.heads.shape == (model.n_blocks * model.n_heads, 3)
    assert scene.tiles.shape == (model.n_blocks * model.n_tiles, 3)
    assert model.n_tiles <= 64
    for centers, half in ((scene.heads, scene.head_half), (scene.tiles, scene.tile_half)):
        for block in range(model.n_blocks):
            wall = centers.reshape(model.n_blocks, -1, 3)[block]
            apart = np.abs(wall[:, None] - wall[None]) + 1e-4 >= 2 * half
            assert (apart.any(axis=-1) | np.eye(len(wall), dtype=bool)).all(), "boxes overlap"
            assert (wall[:, 0] == scene.block_x[block]).all()
    assert (scene.heads[:, 2] - scene.head_half[2] > 1).all(), "heads stand above the stream"
    assert (scene.tiles[:, 2] + scene.tile_half[2] < -1).all(), "tiles hang below it"
    assert scene.ends[0, 0] < scene.block_x[0]
    assert scene.block_x[-1] < scene.ends[1, 0] < scene.ends[2, 0]


def test_a_box_is_eight_vertices_and_twelve_triangles_of_its_own() -> None:
    centers = np.array([[0, 0, 0], [10, 0, 0]], dtype=np.float32)
    shape = boxes(centers, np.array([1, 2, 3], dtype=np.float32))
    assert len(shape["x"]) == 2 * VERTICES
    second = np.stack([shape[axis][VERTICES:] for axis in "xyz"], axis=1)
    assert second.min(axis=0).tolist() == [9, -2, -3]
    assert second.max(axis=0).tolist() == [11, 2, 3]
    triangles = np.stack([shape[axis] for axis in "ijk"], axis=1)
    assert len(triangles) == 24
    assert set(triangles[12:].ravel()) == set(range(VERTICES, 2 * VERTICES))
    # Closed: each edge belongs to exactly two triangles, or, as a diagonal, to two of one face.
    edges = [tuple(sorted(pair)) for t in triangles[:12] for pair in ((t[0], t[1]), (t[1], t[2]), (t[2], t[0]))]
    assert all(edges.count(edge) == 2 for edge in edges)


def test_an_outline_has_twelve_edges() -> None:
    line = outline(np.zeros(3, dtype=np.float32), np.ones(3, dtype=np.float32), grow=1)
    assert line["x"].count(None) == 12
    assert {abs(value) for value in line["y"] if value is not None} == {2.0}
