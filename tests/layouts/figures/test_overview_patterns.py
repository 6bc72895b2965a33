"""The heads' attention on the overview's cells: each pattern where its head is, with its numbers as levels."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.overview import OverviewResult, Patterns
from layouts.figures.attention import attention_figure
from layouts.figures.image import levels
from layouts.figures.overview import overview_figure
from layouts.figures.overview_grid import Wall
from layouts.theme import DARK, LIGHT, Theme
from tests.layouts.figures.test_attention import result
from tests.layouts.figures.test_overview import centres, deep


def patterns(n_blocks: int, n_heads: int, n_cells: int, n_positions: int = 100) -> Patterns:
    shares = np.random.default_rng(0).random((n_blocks, n_heads, n_cells, n_cells), dtype=np.float32)
    return Patterns(shares, 1, n_positions)


def drawn(given: Patterns, wall: Wall, theme: Theme = LIGHT) -> Any:
    n_blocks, n_heads, *_ = given.heads.shape
    result = OverviewResult(deep(n_blocks, n_heads, 64), None, None)
    return overview_figure(result, wall=wall, patterns=given, theme=theme)


def pixels(image: Any) -> tuple[Any, Any, Any]:
    """x of each column, y of each row, and the levels."""
    grid = np.asarray(image.z)
    return image.x0 + image.dx * np.arange(grid.shape[1]), image.y0 + image.dy * np.arange(grid.shape[0]), grid


@pytest.mark.parametrize("wall", [Wall(1, 1.0), Wall(2, 1.0), Wall(2, 2.4), Wall(4, 0.4), Wall(9, 1.3)], ids=str)
@pytest.mark.parametrize(("n_blocks", "n_heads"), [(3, 9), (60, 9)])
def test_each_pattern_is_inside_its_heads_cell_and_upright(n_blocks: int, n_heads: int, wall: Wall) -> None:
    given = patterns(n_blocks, n_heads, 6)
    figure = drawn(given, wall)
    heads, image = figure.data[0], figure.data[4]
    x, y, grid = pixels(image)
    assert grid.dtype == np.uint8
    rows, half = -(-n_heads // wall.columns), 0.44 if n_blocks <= 48 else 0.5
    width, height = 2 * half / wall.columns, (heads.y[-1] - heads.y[0]) / rows
    cells = centres(heads)
    assert sorted(cells) == list(range(n_blocks * n_heads))
    for box, (middle, center, _) in cells.items():
        block, head = divmod(box, n_heads)
        columns = np.flatnonzero(np.abs(x - middle) < width / 2)
        lines = np.flatnonzero(np.abs(y - center) < height / 2)
        own = grid[np.ix_(lines[::-1], columns)]
        shown = own[np.ix_(own.any(axis=1), own.any(axis=0))]
        assert (shown == np.round(1 + 254 * given.heads[block, head])).all()
        assert not own[0].any(), "an edge of the head's own colour is left"
        assert not own[:, 0].any()
    assert (grid > 0).sum() == given.heads.size


def test_a_pattern_is_square_on_the_screen() -> None:
    """aspect: of a cell, its height divided by its width; so one of its pixels is as high as wide."""
    for wall in (Wall(1, 1.0), Wall(2, 2.4), Wall(3, 0.5)):
        figure = drawn(patterns(5, 8, 20), wall)
        heads, image = figure.data[0], figure.data[4]
        cell = 0.88 / wall.columns, (heads.y[-1] - heads.y[0]) / -(-8 // wall.columns)
        assert (image.dx / cell[0]) / (image.dy / cell[1] * wall.aspect) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_colours_are_the_attention_panels(theme: Theme) -> None:
    """Of a share between the ends of the scale, too: even steps up to 128 tokens, and square roots beyond."""
    image = drawn(patterns(2, 4, 5), Wall(1, 1.0), theme).data[4]
    scale = [(place, color) for place, color in image.colorscale if color.startswith("#")]
    heat = attention_figure(result(), theme=theme).data[0]
    for (place, color), (share, expected) in zip(scale[1:], heat.colorscale, strict=True):
        assert color == expected
        assert place * 255 == pytest.approx(1 + 254 * share)
    assert image.colorscale[0][1] == "rgba(0,0,0,0)"
    long = patterns(2, 4, 5, n_positions=129)
    _, _, grid = pixels(drawn(long, Wall(1, 1.0)).data[4])
    assert sorted(grid[grid > 0]) == sorted(levels(long.heads, 1).ravel())


def test_without_patterns_there_is_no_image_and_heads_are_one_column() -> None:
    figure = overview_figure(OverviewResult(deep(3, 9, 64), None, None))
    assert len(figure.data) == 4
    assert len({x for x, _, _ in centres(figure.data[0]).values()}) == 3


def test_it_is_not_hovered_and_not_a_number_is_blank() -> None:
    given = patterns(2, 4, 5)
    shares = given.heads.copy()
    shares[1, 2] = np.nan
    image = drawn(replace(given, heads=shares), Wall(1, 1.0)).data[4]
    assert image.hoverinfo == "skip"
    assert (np.asarray(image.z) > 0).sum() == given.heads.size - 25
