"""The overview, from a hand-made result: what each cell stands for, and where it is."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from analysis.architecture import ArchitectureResult, ColorBy
from analysis.model_info import ModelInfo
from analysis.overview import OverviewResult
from analysis.selection import Selection
from layouts.figures.architecture import HEADS, TILES, architecture_changes, architecture_reading
from layouts.figures.overview import overview_figure, overview_reading
from layouts.figures.standalone import standalone
from layouts.theme import DARK, LIGHT
from tests.layouts.figures.test_architecture import RESULT

PHONE, LETTER = 350, 6.2  # pixels: the width of the figure on a screen of 390, and of a letter at size 11
OVERVIEW = OverviewResult(RESULT, value=4.0, rank=1)
KIND = OverviewResult(replace(RESULT, color_by="kind", heads=None, tiles=None), None, None)


def selected(text: str, parts: ArchitectureResult = RESULT) -> OverviewResult:
    return OverviewResult(replace(parts, selection=Selection.parse(text)), None, None)


def deep(n_blocks: int, n_heads: int, n_neurons: int) -> ArchitectureResult:
    """Every part's number is its number in the network."""
    info = ModelInfo("GPT-2", n_blocks, n_heads, 8, 4, n_neurons, 10, 16, 100, "f")
    heads = np.arange(n_blocks * n_heads, dtype=np.float32).reshape(n_blocks, n_heads)
    tiles = np.arange(n_blocks * info.n_tiles, dtype=np.float32).reshape(n_blocks, info.n_tiles)
    strongest = np.tile(np.arange(info.n_tiles) * info.tile_width, (n_blocks, 1))
    norms = np.ones(n_blocks + 1, dtype=np.float32)
    return ArchitectureResult(info, Selection.parse("output"), "norm", heads, tiles, strongest, norms)


def centres(heat: Any) -> dict[int, tuple[float, float, float]]:
    """By a cell's number: x and y of its centre, and its level."""
    x, y = (np.convolve(np.asarray(edges, dtype=float), [0.5, 0.5], "valid") for edges in (heat.x, heat.y))
    boxes, levels = np.asarray(heat.customdata), np.asarray(heat.z)
    assert boxes.shape == levels.shape == (len(y), len(x))
    assert (np.isnan(levels) == (boxes < 0)).all()
    return {
        int(boxes[row, column]): (x[column], y[row], levels[row, column])
        for row, column in zip(*np.nonzero(boxes >= 0), strict=True)
    }


@pytest.mark.parametrize(("n_blocks", "n_heads", "n_neurons"), [(2, 4, 256), (6, 9, 130), (30, 32, 1536), (96, 5, 64)])
def test_every_part_has_one_cell_in_its_block_and_in_reading_order(n_blocks: int, n_heads: int, n_neurons: int) -> None:
    parts = deep(n_blocks, n_heads, n_neurons)
    heads, tiles = overview_figure(OverviewResult(parts, None, None)).data[:2]
    for heat, count, layer in ((heads, n_heads, (0.5, 1)), (tiles, parts.info.n_tiles, (0, 0.5))):
        cells = centres(heat)
        assert sorted(cells) == list(range(n_blocks * count))
        for box, (x, y, _) in cells.items():
            assert round(x) == box // count
            assert layer[0] < y < layer[1]
        first = [cells[box] for box in range(count)]
        assert first == sorted(first, key=lambda cell: (-cell[1], cell[0]))
    assert len({x for x, _, _ in centres(heads).values()}) == n_blocks, "one column per block"
    cells = centres(tiles)
    levels = [cells[box][2] for box in range(n_blocks * parts.info.n_tiles)]
    assert levels == sorted(levels)
    assert levels[-1] > levels[0]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("color_by", get_args(ColorBy))
def test_colours_are_those_of_the_scene(theme: Any, color_by: str) -> None:
    parts = replace(RESULT, color_by=color_by, tiles=RESULT.tiles if color_by in ("attribution", "norm") else None)
    if color_by == "kind":
        parts = KIND.parts
    changes, _ = architecture_changes(parts, theme=theme)
    figure = overview_figure(OverviewResult(parts, None, None), theme=theme)
    for heat, box in ((figure.data[0], HEADS), (figure.data[1], TILES)):
        scene = changes[box]
        assert [list(stop) for stop in heat.colorscale] == [list(stop) for stop in scene["colorscale"]]
        assert (heat.zmin, heat.zmax) == (scene["cmin"], scene["cmax"])
        cells = centres(heat)
        assert [cells[n][2] for n in sorted(cells)] == scene["intensity"][::8].tolist()


def test_cells_are_named_with_number_and_unit_and_select_their_part() -> None:
    heads, tiles = overview_figure(OVERVIEW).data[:2]
    assert heads.meta["words"] == "Block {block} · {name}: {value} (L2 norm of what it adds to the residual stream)"
    assert heads.meta["select"] == "block.{block}.attention.head.{unit}"
    assert list(heads.meta["names"]) == ["head 0", "head 1"]
    assert list(heads.meta["values"]) == [0, 1, 4, 0.25]
    assert tiles.meta["select"] == "block.{block}.mlp.neuron.{neuron}"
    assert tiles.meta["per_block"] == 6
    assert list(tiles.meta["neurons"]) == [0, 1, 2, 3, 4, 5] * 2
    assert tiles.meta["names"][5] == "neuron 5"
    assert overview_figure(KIND).data[0].meta["words"] == "Block {block} · {name}"


@pytest.mark.parametrize(
    ("text", "trace", "box"),
    [("block.1.attention.head.0", 0, 2), ("block.0.attention.head.1", 0, 1), ("block.1.mlp.neuron.4", 1, 10)],
)
def test_the_selected_cell_is_outlined_and_its_block_framed(text: str, trace: int, box: int) -> None:
    figure = overview_figure(selected(text))
    frame, outline = figure.layout.shapes
    x, y, _ = centres(figure.data[trace])[box]
    others = [cell for n, cell in centres(figure.data[trace]).items() if n != box]
    assert outline.x0 < x < outline.x1
    assert outline.y0 < y < outline.y1
    assert not [cell for cell in others if outline.x0 < cell[0] < outline.x1 and outline.y0 < cell[1] < outline.y1]
    assert (frame.x0 + frame.x1) / 2 == round(x)
    assert frame.y0 < 0
    assert frame.y1 > 1


def test_a_whole_layer_is_outlined_and_the_ends_are_marked_on_the_stream() -> None:
    figure = overview_figure(selected("block.1.attention"))
    outline = figure.layout.shapes[1]
    inside = [n for n, (x, y, _) in centres(figure.data[0]).items() if outline.x0 < x < outline.x1 and y > outline.y0]
    assert inside == [3, 2]
    figure = overview_figure(selected("norm"))
    assert not figure.layout.shapes
    ends = figure.data[2]
    assert list(ends.customdata) == ["embedding", "norm", "output"]
    assert np.argmax(ends.marker.line.width) == 1
    assert ends.hovertext[0] == "Token embedding: 1.0 (L2 norm of the residual stream here)"
    assert ends.hovertext[2] == "Output"


def test_the_bar_has_the_scenes_ticks_and_kinds_have_none() -> None:
    heads, tiles = overview_figure(OVERVIEW).data[:2]
    assert (heads.showscale, tiles.showscale) == (True, False)
    for place, label in zip(heads.colorbar.tickvals, heads.colorbar.ticktext, strict=True):
        assert place / heads.zmax == pytest.approx(np.sqrt(float(label) / 4))
    assert not overview_figure(KIND).data[0].showscale


def test_readings() -> None:
    rest = architecture_reading(RESULT, "·fox")
    assert overview_reading(OVERVIEW, "·fox") == f"Block 1 head 0: L2 norm 4, rank 1 of 4 heads. {rest}"
    tile = OverviewResult(replace(RESULT, selection=Selection.parse("block.1.mlp.neuron.5")), 2.0, 3)
    assert overview_reading(tile, "·fox") == f"Block 1 neuron 5: L2 norm 2, rank 3 of 12 tiles. {rest}"
    first = OverviewResult(replace(RESULT, color_by="first", heads=RESULT.heads / 4, tiles=None), 1.0, 1)
    assert overview_reading(first, "·fox").startswith("Block 1 head 0: 100% on the first token, rank 1 of 4 heads. At")
    bits = OverviewResult(replace(RESULT, color_by="entropy", tiles=None), 4.0, 1)
    assert overview_reading(bits, "·fox").startswith("Block 1 head 0: 4 bits, rank 1 of 4 heads. At ‘·fox’")
    assert overview_reading(KIND, "·fox") == architecture_reading(KIND.parts, "·fox")


def test_in_a_notebook_plotly_names_the_cells() -> None:
    figure = standalone([overview_figure(OVERVIEW)], [400], title="Overview", sentences=[], results={})
    heads, tiles = figure.data[:2]
    unit = "(L2 norm of what it adds to the residual stream)"
    assert [name for name in np.ravel(heads.text) if name] == [
        f"Block 0 · head 1: 1.0 {unit}", f"Block 1 · head 1: 0.25 {unit}",
        f"Block 0 · head 0: 0.0 {unit}", f"Block 1 · head 0: 4.0 {unit}",
    ]  # fmt: skip
    assert f"Block 1 · neuron 5: 2.0 {unit}" in np.ravel(tiles.text)
    assert heads.hovertemplate == "%{text}<extra></extra>"


@pytest.mark.parametrize("n_blocks", [2, 6, 12, 30, 48, 96])
def test_on_a_phone_the_ends_words_are_beside_the_cells(n_blocks: int) -> None:
    figure = overview_figure(OverviewResult(deep(n_blocks, 9, 1536), None, None))
    low, high = figure.layout.xaxis.range
    pixels = (PHONE - figure.layout.margin.l - figure.layout.margin.r) / (high - low)
    ends = next(trace for trace in figure.data if "embedding" in (trace.text or ()))
    for x, word in zip(ends.x, ends.text, strict=True):
        half = LETTER * len(word) / 2
        assert abs(x - (n_blocks - 1) / 2) * pixels - half > n_blocks / 2 * pixels + 4  # pixels from the cells
        assert -figure.layout.margin.l < (x - low) * pixels - half
        assert (x - high) * pixels + half < figure.layout.margin.r
    assert np.diff(sorted(ends.x)).min() * pixels > ends.marker.size
