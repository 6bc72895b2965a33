"""The 3D scene: clicks, hovering, and a view that stays."""

import math

import numpy as np
import pytest
from playwright.sync_api import expect

from analysis.selection import Selection
from analysis.trace import Trace
from layouts.figures.scene import make_scene
from layouts.figures.scene_marks import frame, mark
from layouts.theme import DARK
from tests.browser.explorer import FRAMES, Explorer
from tests.browser.projection import Projection

pytestmark = [pytest.mark.browser, pytest.mark.webgl, pytest.mark.shared_page, pytest.mark.long]
N_HEADS, N_TILES, TILE_WIDTH, LAST = 8, 64, 16, 18


def test_clicks_in_the_scene(explorer: Explorer, trace: Trace) -> None:
    """On heads, on tiles of neurons, of which the strongest is selected, and on what stands at the ends."""
    for block, head in [(0, 1), (3, 5), (5, 7)]:
        explorer.click_box(0, block * N_HEADS + head)
        explorer.follows(f"block.{block}.attention.head.{head}@{LAST}")
        explorer.shows_attention(trace, block, head)
        assert f"Block {block}, head {head}" in explorer.page.inner_text("#attention-title")
    for block, tile in [(1, 20), (4, 63)]:
        values = abs(trace.neurons(block)[LAST, tile * TILE_WIDTH : (tile + 1) * TILE_WIDTH])
        explorer.click_box(1, block * N_TILES + tile)
        explorer.follows(f"block.{block}.mlp.neuron.{tile * TILE_WIDTH + int(values.argmax())}@{LAST}")
    for node, part in enumerate(("embedding", "norm", "output")):
        explorer.click_box(2, node)
        explorer.follows(f"{part}@{LAST}")


@pytest.mark.thorough
def test_the_same_click_counts_again_after_another_selection(explorer: Explorer) -> None:
    explorer.click_box(0, 5)
    explorer.follows(f"block.0.attention.head.5@{LAST}")
    explorer.page.locator("#strip-panel [data-select='@3']").click()
    explorer.follows("block.0.attention.head.5@3")
    explorer.click_box(0, 6)
    explorer.follows("block.0.attention.head.6@3")
    explorer.click_box(0, 5)
    explorer.follows("block.0.attention.head.5@3")


@pytest.mark.thorough
def test_the_camera_stays_where_it_was_put(explorer: Explorer) -> None:
    page = explorer.page
    page.click("#architecture-reset")  # another test may have turned it
    opening = explorer.camera()
    turned = explorer.turn_scene()
    page.locator("#strip-panel [data-select='@2']").click()
    explorer.follows("block.3.attention.head.0@2")
    explorer.click_box(0, 1)  # of the first block, which none stands before
    explorer.follows("block.0.attention.head.1@2")
    page.click("#theme-button")
    page.wait_for_function(
        f"document.querySelector('#architecture-graph .js-plotly-plot').layout.font.color === '{DARK.text}'"
    )
    assert explorer.camera() == pytest.approx(turned, abs=1e-3)
    page.click("#architecture-reset")
    assert azimuth(explorer.camera()) == pytest.approx(azimuth(opening), abs=0.02)
    assert azimuth(turned) != pytest.approx(azimuth(opening), abs=0.1)


def azimuth(eye: dict[str, float]) -> float:
    return math.atan2(eye["y"], eye["x"])


@pytest.mark.slow
def test_hovering_names_a_part_with_its_number(explorer: Explorer, trace: Trace) -> None:
    """And all that is drawn is drawn in one WebGL context."""
    explorer.page.select_option("#architecture-color", "norm")
    expect(explorer.page.locator("#architecture-reading")).to_contain_text("longest vector")
    explorer.page.evaluate(FRAMES)
    words = explorer.hover_box(0, 3 * N_HEADS + 5)
    assert words.startswith("Block 3 · head 5: ")
    assert float(words.split(": ")[1].split()[0]) == pytest.approx(float(trace.head_norms(3)[LAST, 5]), rel=0.01)
    count = "document.querySelectorAll('#architecture-panel canvas').length, [...document.querySelectorAll('canvas')]"
    contexts = explorer.page.evaluate(
        f"({count}.filter((c) => c.getContext('webgl') || c.getContext('webgl2')).length)"
    )
    assert contexts == 1


@pytest.mark.thorough
def test_marks_follow_the_selection_before_the_server_has_drawn_it(explorer: Explorer, trace: Trace) -> None:
    """As projected outlines of the lines that the server draws."""
    page, scene = explorer.page, make_scene(trace.info)
    page.emulate_media(reduced_motion="reduce")

    def shows(select: str) -> None:
        selection, seen = Selection.parse(select), Projection.of(page)
        for name, line in (("mark", mark(selection, trace.info, scene)), ("frame", frame(selection, scene))):
            ends = np.array([line[axis] for axis in "xyz"], float).T
            ends = ends[np.isfinite(ends).all(axis=1)]
            points = page.eval_on_selector(f".scene-{name}", "(p) => [...p.points].map(({ x, y }) => [x, y])")
            assert bool(points) == bool(len(ends))
            for drawn, there in zip(np.transpose(points), seen.in_picture(ends), strict=False) if points else ():
                assert [drawn.min(), drawn.max()] == pytest.approx([there.min(), there.max()], abs=1)

    for select in ("block.0.attention.head.5", "block.4.mlp.neuron.700", "block.2.mlp", "block.1.attention", "output",
                   "block.5.attention.head.7", "norm", "embedding"):  # fmt: skip
        with explorer.held():
            page.evaluate("(select) => dash_clientside.explorer.request({ select })", select)
            assert page.get_attribute("#architecture-panel", "data-selection") != f"{select}@{LAST}"
            shows(select)
        explorer.follows(f"{select}@{LAST}")
        shows(select)
    explorer.turn_scene()
    page.evaluate(FRAMES)
    shows("embedding")
    page.emulate_media(reduced_motion="no-preference")
