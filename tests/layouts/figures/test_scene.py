"""Geometry of the 3D scene: each part has its own box, boxes do not overlap, and walls are read like a page."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.model_info import ModelInfo
from layouts.figures.architecture import ENDS, STREAM, TILES, architecture_figure
from layouts.figures.scene import VERTICES, boxes, head_columns, make_scene, outline
from tests.layouts.figures.test_architecture import seen, without_values

SIZES = {  # blocks, heads, neurons
    "one": (1, 1, 3),
    "two": (2, 12, 1024),
    "bundled": (6, 8, 1024),
    "gpt2": (12, 12, 3072),
    "gpt2-medium": (24, 16, 4096),
    "smollm2": (30, 9, 1536),
    "gpt2-xl": (48, 25, 6400),
    "gpt3": (96, 32, 8192),
    "narrow": (96, 4, 8192),
}


def info(n_blocks: int, n_heads: int, n_neurons: int) -> ModelInfo:
    return ModelInfo("GPT-2", n_blocks, n_heads, 64, 8, n_neurons, 100, 64, 1, "f")


@pytest.fixture(params=SIZES.values(), ids=SIZES)
def model(request: pytest.FixtureRequest) -> ModelInfo:
    return info(*request.param)


def test_every_part_has_its_own_place(model: ModelInfo) -> None:
    scene = make_scene(model)
    assert scene.heads.shape == (model.n_blocks * model.n_heads, 3)
    assert scene.tiles.shape == (model.n_blocks * model.n_tiles, 3)
    assert model.n_tiles <= 64
    for centers, half in ((scene.heads, scene.head_half), (scene.tiles, scene.tile_half)):
        for block in range(model.n_blocks):
            wall = centers.reshape(model.n_blocks, -1, 3)[block]
            gaps = np.abs(wall[:, None] - wall[None]) - 2 * half
            least = 0.15 * min(2 * half[1:])
            assert ((gaps > least).any(axis=-1) | np.eye(len(wall), dtype=bool)).all(), "boxes touch"
            assert (wall[:, 0] == scene.block_x[block]).all()
    assert scene.heads[:, 2].min() - scene.head_half[2] > scene.free, "heads stand above the stream"
    assert scene.heads[:, 2].max() + scene.head_half[2] < scene.top
    assert scene.tiles[:, 2].max() + scene.tile_half[2] < -scene.free, "tiles hang below it"
    assert scene.tiles[:, 2].min() - scene.tile_half[2] > scene.bottom
    assert scene.ends[0, 0] + scene.ends_half[0, 0] < scene.block_x[0] - scene.head_half[0]
    assert scene.block_x[-1] + scene.head_half[0] < scene.ends[1, 0] - scene.ends_half[1, 0]
    assert scene.ends[1, 0] + scene.ends_half[1, 0] < scene.ends[2, 0] - scene.ends_half[2, 0]


def test_the_stream_leads_from_the_embedding_through_all_blocks_to_the_norm(model: ModelInfo) -> None:
    scene = make_scene(model)
    starts, ends = (scene.segments[:, 0] + sign * scene.segment_halves for sign in (-1, 1))
    assert len(starts) == model.n_blocks + 1
    assert (starts[1:] > ends[:-1]).all(), "segments can be told apart"
    assert (starts[1:] > scene.block_x).all()
    assert (ends[:-1] < scene.block_x).all()
    assert scene.ends[0, 0] < starts[0]
    assert ends[-1] < scene.ends[1, 0]
    assert (scene.segments[:, 1:] == 0).all()


def on_screen(model: ModelInfo, mesh: int) -> NDArray[np.float64]:
    """Where the opening view has the boxes of a mesh: (boxes, vertices, 2), to the right and up.

    The residual stream is as wide as it can be.
    """
    norms = np.ones(model.n_blocks + 1, dtype=np.float32)
    figure = architecture_figure(replace(without_values(model), residual_norms=norms))
    corners = np.stack([figure.data[mesh][axis] for axis in "xyz"], axis=1)
    return seen(figure, corners).reshape(-1, VERTICES, 2)


@pytest.mark.long
@pytest.mark.parametrize(("mesh", "count"), [(0, "n_heads"), (1, "n_tiles")])
def test_walls_are_read_from_left_to_right_and_from_top_to_bottom(model: ModelInfo, mesh: int, count: str) -> None:
    wall = on_screen(model, mesh)[: getattr(model, count)].mean(axis=1)
    z = make_scene(model).heads[:, 2] if mesh == 0 else make_scene(model).tiles[:, 2]
    rows = [np.flatnonzero(np.isclose(z[: len(wall)], height)) for height in sorted(set(z[: len(wall)]), reverse=True)]
    assert np.concatenate(rows).tolist() == list(range(len(wall))), "the first row is on top"
    assert len({len(row) for row in rows[:-1]}) <= 1
    assert len(rows[-1]) <= len(rows[0])
    for row in rows:
        assert (np.diff(wall[row, 0]) > 0).all(), "left to right"
    assert (np.diff(wall[:: len(rows[0]), 1]) < 0).all(), "top to bottom"
    if mesh == 0:
        assert len(rows[0]) == head_columns(model)


@pytest.mark.long
def test_no_wall_stands_before_another_in_the_opening_view(model: ModelInfo) -> None:
    for mesh in (0, 1):
        across = on_screen(model, mesh)[..., 0].reshape(model.n_blocks, -1)
        assert (across.max(axis=1)[:-1] < across.min(axis=1)[1:]).all()


@pytest.mark.long
def test_the_stream_hides_no_tile_in_the_opening_view(model: ModelInfo) -> None:
    """It stands before the tiles, but above them: measured across its own direction on the screen."""
    start, end = (on_screen(model, ENDS)[end].mean(axis=0) for end in (0, -1))
    across = np.array([start[1] - end[1], end[0] - start[0]])
    assert (on_screen(model, STREAM) @ across).min() > (on_screen(model, TILES) @ across).max()


@pytest.mark.long
def test_the_opening_view_fits_a_figure_twice_as_wide_as_high(model: ModelInfo) -> None:
    """Which shows 4 of Plotly's units across and 2 up; and it is wide enough, with room for the texts at its sides."""
    everything = np.concatenate([on_screen(model, mesh).reshape(-1, 2) for mesh in range(4)])
    (left, low), (right, high) = everything.min(axis=0), everything.max(axis=0)
    assert max(-left, right) < 1.6
    assert max(-low, high) < 0.9
    assert right - left > 2.7 or high - low > 1.4


def test_ends_are_smaller_than_walls(model: ModelInfo) -> None:
    scene = make_scene(model)
    assert (2 * scene.ends_half[:, 2] < scene.top - scene.free).all()
    assert (scene.ends_half[:, 2] < scene.free).all(), "they stay between the walls"


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


@pytest.mark.parametrize(("depth", "count"), [(2, 12), (0, 4)])
def test_an_outline_has_all_edges_of_a_box_or_of_a_rectangle(depth: int, count: int) -> None:
    line = outline(np.zeros(3, dtype=np.float32), np.array([depth, 2, 2], dtype=np.float32))
    points = list(zip(line["x"], line["y"], line["z"], strict=True))
    edges = {frozenset(pair) for pair in pairwise(points) if (None, None, None) not in pair}
    assert len(edges) == count
    for edge in edges:
        one, other = (np.array(point, dtype=float) for point in edge)
        assert (one != other).sum() == 1, "edges are parallel to the axes"
        assert set(np.abs([one[1:], other[1:]]).ravel()) == {2}
