"""The 3D scene's view: wheel, what stays, a lost WebGL context, and what is drawn where."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.explorer import FRAMES, PLOT, Explorer
from tests.browser.projection import Projection

pytestmark = [pytest.mark.browser, pytest.mark.webgl, pytest.mark.shared_page, pytest.mark.slow]
RATIO = "_fullLayout.scene.aspectratio"


def colors(explorer: Explorer, points: list[tuple[float, float]]) -> Any:
    """The colours on the screen at some points of the window."""
    explorer.page.evaluate(FRAMES)
    image = np.asarray(Image.open(io.BytesIO(explorer.page.screenshot())).convert("RGB"), dtype=int)
    return np.array([image[round(y - 0.5), round(x - 0.5)] for x, y in points])


@pytest.mark.thorough
def test_boxes_are_drawn_where_the_tests_expect_them(explorer: Explorer) -> None:
    """The tests of clicks rely on `Projection`: a box changes its colour at the point that it gives, and only there."""
    explorer.scene_box()
    scene = Projection.of(explorer.page)
    heads = [head for head in range(48) if scene.point(0, head)][::5]
    points = [scene.point(0, head) for head in heads]
    explorer.page.mouse.move(2, 2)
    script = f"(levels) => Plotly.restyle({PLOT.format(id='architecture-graph')}, {{ intensity: [levels] }}, [0])"
    top = explorer.data("architecture-graph", "_fullData[0].cmax")
    explorer.page.evaluate(script, [0] * 48 * 8)
    plain = colors(explorer, [point for point in points if point])
    for n, head in enumerate(heads[1:4], 1):
        explorer.page.evaluate(script, np.repeat(top * (np.arange(48) == head), 8).tolist())
        changed = abs(colors(explorer, [point for point in points if point]) - plain).max(axis=1) > 20
        assert changed.tolist() == [m == n for m in range(len(heads))]


def test_a_copied_link_has_the_view_of_the_scene(explorer: Explorer) -> None:
    """Opening it turns the scene back, and a link without a view then lets it be fitted again."""
    page = explorer.page
    fitted = page.evaluate("dash_clientside.explorer.currentAddress()")
    assert "camera" not in fitted
    start = explorer.camera()
    turned = explorer.turn_scene()
    address = page.evaluate("dash_clientside.explorer.currentAddress()")
    assert explorer.turn_scene()["z"] > turned["z"] + 0.1
    for link, expected in [(address, turned), (fitted, start)]:
        page.evaluate("(link) => dash_clientside.explorer.openLink(`#${link}`)", link)
        page.evaluate(FRAMES)
        assert explorer.camera() == pytest.approx(expected, abs=0.02)


def test_the_wheel_zooms_only_with_ctrl_or_after_a_click(explorer: Explorer) -> None:
    page = explorer.page
    page.locator("h1").click()
    before = explorer.data("architecture-graph", RATIO)
    x, y = explorer.box(0, 9)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -100)
    page.evaluate(FRAMES)
    assert explorer.data("architecture-graph", RATIO) == before
    x, y = explorer.box(0, 9)  # the page may have scrolled
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_function(f"(x) => {PLOT.format(id='architecture-graph')}.{RATIO}.x > 1.05 * x", arg=before["x"])
    page.evaluate(FRAMES)
    assert Projection.of(page).at(x, y) == (0, 9), "what is under the mouse stays there"
    page.mouse.wheel(0, 100)
    page.evaluate(FRAMES)
    smaller = explorer.data("architecture-graph", RATIO)["x"]
    explorer.click_box(0, 9)
    page.mouse.wheel(0, -100)
    page.wait_for_function(f"(x) => {PLOT.format(id='architecture-graph')}.{RATIO}.x > 1.05 * x", arg=smaller)


def test_a_lost_context_comes_back_with_its_view(explorer: Explorer) -> None:
    page = explorer.page
    turned = explorer.turn_scene()
    ratio = explorer.data("architecture-graph", RATIO)
    points = [point for head in range(0, 48, 7) if (point := Projection.of(page).point(0, head))]
    page.mouse.move(2, 2)
    drawn = colors(explorer, points)
    canvas = "document.querySelector('#architecture-graph canvas')"
    page.evaluate(
        f"window.lost = ({canvas}.getContext('webgl')).getExtension('WEBGL_lose_context'), lost.loseContext()"
    )
    page.wait_for_timeout(300)
    assert abs(colors(explorer, points) - drawn).max() > 20, "nothing is drawn without a context"
    page.evaluate("lost.restoreContext()")
    page.wait_for_function(f"!{PLOT.format(id='architecture-graph')}._fullLayout.scene._scene.glplot.contextLost")
    page.wait_for_timeout(500)
    assert abs(colors(explorer, points) - drawn).max() <= 3
    assert explorer.camera() == pytest.approx(turned, abs=1e-3)
    assert explorer.data("architecture-graph", RATIO) == pytest.approx(ratio, abs=1e-3)
    assert page.locator("#architecture-graph canvas").count() == 1
    explorer.click_box(0, 1)
    explorer.follows("block.0.attention.head.1@18")
