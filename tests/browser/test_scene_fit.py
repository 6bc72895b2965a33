"""The 3D scene fits its box for any number of blocks and any shape, until somebody turns it."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.architecture import architecture_without_values
from analysis.model_info import ModelInfo
from analysis.selection import Selection
from analysis.tokens import Piece
from layouts.figures.architecture import architecture_figure
from layouts.figures.scene import make_scene
from tests.browser.explorer import FRAMES, PLOT, Explorer
from tests.browser.projection import Projection

pytestmark = [pytest.mark.browser, pytest.mark.webgl, pytest.mark.shared_page, pytest.mark.long]
SIZES = [(820, 420), (500, 500), (390, 320)]
INFO = ModelInfo("GPT-2", 12, 12, 768, 64, 3072, 50_257, 1024, 124_439_808, "made up")
PREDICTIONS = [(Piece(1, "·once"), 0.4), (Piece(2, "·yesterday"), 0.123), (Piece(3, "·a"), 0.05), (Piece(4, ","), 0.04)]
TOKENS = [Piece(n, label) for n, label in enumerate(("Once", "·upon", "·yesterday"))]
LABELS = """() => {
  const texts = [...document.querySelectorAll('#architecture-graph .annotation-scene .annotation-text')];
  return texts.filter((text) => getComputedStyle(text).visibility === 'visible' && text.textContent).map((text) => {
    const { left, top, right, bottom } = text.getBoundingClientRect();
    return { text: text.textContent, box: [left, top, right, bottom] };
  });
}"""
Box = tuple[float, float, float, float]


def made_up(n_blocks: int) -> Any:
    """The scene of a made-up model, as JSON."""
    info = replace(INFO, n_blocks=n_blocks, fingerprint=f"{n_blocks} blocks")
    result = replace(
        architecture_without_values(info, Selection.parse(f"block.{n_blocks // 2}.attention.head.3@4")),
        color_by="norm",
        heads=np.random.default_rng(0).uniform(0, 9, (n_blocks, info.n_heads)).astype(np.float32),
        tiles=np.random.default_rng(1).uniform(0, 9, (n_blocks, info.n_tiles)).astype(np.float32),
        residual_norms=np.linspace(1, 90, n_blocks + 1, dtype=np.float32),
    )
    return json.loads(architecture_figure(result, tokens=TOKENS, predictions=PREDICTIONS).to_json())


def draw(explorer: Explorer, figure: Any, width: int, height: int) -> None:
    """Draw a scene in a box of these CSS pixels."""
    resize(explorer, width, height)
    explorer.page.evaluate(f"(figure) => Plotly.react({PLOT.format(id='architecture-graph')}, figure)", figure)
    explorer.page.evaluate(FRAMES)


def resize(explorer: Explorer, width: int, height: int) -> None:
    """Resize the scene's box, as dragging a dock's border does."""
    explorer.page.evaluate(
        """([width, height]) => { const { style } = document.querySelector('#architecture-graph');
           Object.assign(style, { width: `${width}px`, height: `${height}px`, flex: 'none' }); }""",
        [width, height],
    )
    plot = PLOT.format(id="architecture-graph")
    explorer.page.wait_for_function(
        f"([width, height]) => {plot}._fullLayout.width === width && {plot}._fullLayout.height === height",
        arg=[width, height],
    )
    explorer.page.evaluate(FRAMES)


def fills_its_box(explorer: Explorer, width: int, height: int) -> list[str]:
    """Fail unless model and labels are inside the box and large enough, and no labels overlap. Gives the labels."""
    scene, box = Projection.of(explorer.page), explorer.scene_box()
    left, top = box["x"], box["y"]
    assert [box["width"], box["height"]] == [width, height]
    labels = explorer.page.evaluate(LABELS)
    boxes: list[Box] = [label["box"] for label in labels]
    everything = np.array([scene.bounds(), *boxes])
    low, high = everything[:, :2].min(axis=0), everything[:, 2:].max(axis=0)
    assert (low >= (left, top)).all()
    assert (high <= (left + width, top + height)).all()
    assert ((high - low) / (width, height)).max() >= 0.8
    for n, one in enumerate(boxes):
        for m, other in enumerate(boxes[:n]):
            assert not overlap(one, other), (labels[n], labels[m])
    return [label["text"] for label in labels]


def label(n: int) -> str:
    return f"a label, number {n}"


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "n_blocks", [12, *(pytest.param(n, marks=[pytest.mark.slow, pytest.mark.thorough]) for n in (2, 6, 24, 30, 48, 96))]
)
def test_model_and_labels_fill_the_box(explorer: Explorer, n_blocks: int) -> None:
    figure = made_up(n_blocks)
    for size in SIZES:
        draw(explorer, figure, *size)
        labels = fills_its_box(explorer, *size)
        for text in ("·yesterday 12%", "Once·upon·yesterday"):  # the most important labels are never hidden
            assert any(text in label.replace("\u00a0", " ") for label in labels), (text, labels)


@pytest.mark.thorough
def test_in_a_low_box_the_colour_bar_is_beside_the_scene(explorer: Explorer) -> None:
    """Below it, it would make the scene smaller; it comes back with the height, and nothing of it stays behind."""
    bars = """() => { const box = document.querySelector('#architecture-graph').getBoundingClientRect();
      return [...document.querySelectorAll('#architecture-graph .colorbar')].map((bar) => {
        const { left, top, right, bottom } = bar.getBoundingClientRect();
        return [left - box.left, top - box.top, right - box.left, bottom - box.top]; }); }"""
    draw(explorer, made_up(12), 680, 250)
    for width, height in ((680, 250), (820, 520), (680, 250)):
        resize(explorer, width, height)
        ((left, top, right, bottom),) = explorer.page.evaluate(bars)
        is_beside = left > width / 2
        assert is_beside == (height == 250)
        assert (bottom - top > right - left) == is_beside
        assert min(left, top) >= 0
        assert right <= width
        assert bottom <= height
        labels = fills_its_box(explorer, width, height)
        assert any("12%" in text for text in labels)


@pytest.mark.thorough
def test_the_view_fits_again_when_the_box_changes_until_somebody_turns_it(explorer: Explorer) -> None:
    draw(explorer, made_up(12), 820, 420)
    resize(explorer, 500, 500)
    fills_its_box(explorer, 500, 500)
    turned = explorer.turn_scene()
    resize(explorer, 820, 420)
    assert explorer.camera() == pytest.approx(turned, abs=1e-3)
    explorer.page.click("#architecture-reset")
    explorer.page.evaluate(FRAMES)
    fills_its_box(explorer, 820, 420)


@pytest.mark.thorough
def test_labels_give_way_to_more_important_ones_and_come_back(explorer: Explorer) -> None:
    """The first is the most important one, unless the figure ranks them."""
    figure = made_up(12)
    length = float(make_scene(replace(INFO, n_blocks=12)).ends[-1, 0])
    figure["layout"]["scene"]["annotations"] = [
        {"x": share * length, "y": 0, "z": 0, "showarrow": False, "font": {"size": 14}, "text": label(n)}
        for n, share in enumerate((0.1, 0.25, 0.5))
    ]
    draw(explorer, figure, 390, 320)
    assert fills_its_box(explorer, 390, 320) == [label(0), label(2)]
    resize(explorer, 1400, 700)
    assert fills_its_box(explorer, 1400, 700) == [label(0), label(1), label(2)]
    figure["layout"]["meta"]["labels"] = [1, 0, 2]
    draw(explorer, figure, 390, 320)
    assert fills_its_box(explorer, 390, 320) == [label(1)]
