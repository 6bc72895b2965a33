"""The 3D scene by touch and by wheel: the page scrolls until the scene was tapped."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.explorer import FRAMES, Explorer

pytestmark = [pytest.mark.browser, pytest.mark.webgl, pytest.mark.slow]
LAST = 18


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A phone."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    yield context
    context.close()


class Fingers:
    """Fingers on a phone's screen: Playwright itself only taps."""

    def __init__(self, explorer: Explorer) -> None:
        self._page = explorer.page
        self._session = explorer.page.context.new_cdp_session(explorer.page)

    def _send(self, kind: str, points: list[tuple[float, float]]) -> None:
        touches: Any = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def move(self, start: list[tuple[float, float]], end: list[tuple[float, float]], steps: int = 8) -> None:
        """Put fingers down, move them on straight lines, and lift them."""
        self._send("touchStart", start)
        for n in range(1, steps + 1):
            share = n / steps
            self._send(
                "touchMove",
                [(a + (c - a) * share, b + (d - b) * share) for (a, b), (c, d) in zip(start, end, strict=True)],
            )
            self._page.wait_for_timeout(16)
        self._send("touchEnd", [])
        self._page.evaluate(FRAMES)


def test_fingers(explorer: Explorer) -> None:
    """A swipe scrolls; a tap selects and leaves the view as it is; then one finger turns, and two zoom at any time."""
    page, fingers = explorer.page, Fingers(explorer)
    box = explorer.scene_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    opening, ratio = explorer.camera(), explorer.data("architecture-graph", "_fullLayout.scene.aspectratio")
    before = page.evaluate("scrollY")
    fingers.move([(x, y + 60)], [(x, y - 60)])
    page.wait_for_function("(before) => scrollY > before + 40", arg=before)
    assert explorer.camera() == opening

    point = explorer.box(0, 1)
    page.touchscreen.tap(*point)
    explorer.follows(f"block.0.attention.head.1@{LAST}")
    assert explorer.camera() == opening
    assert explorer.data("architecture-graph", "_fullLayout.scene.aspectratio") == ratio

    box = explorer.scene_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = page.evaluate("scrollY")
    fingers.move([(x, y)], [(x + 60, y + 20)])
    turned = explorer.camera()
    assert turned != pytest.approx(opening, abs=0.1)
    assert page.evaluate("scrollY") == before

    fingers.move([(x - 30, y), (x + 30, y)], [(x - 60, y), (x + 60, y)])
    zoomed = explorer.data("architecture-graph", "_fullLayout.scene.aspectratio")
    assert zoomed["x"] == pytest.approx(2 * ratio["x"], rel=0.2)
    # And all of it stays through what the server sends.
    page.locator("#strip-panel [data-select='@2']").click()
    explorer.follows("block.0.attention.head.1@2")
    assert explorer.data("architecture-graph", "_fullLayout.scene.aspectratio") == zoomed


@pytest.mark.thorough
def test_two_fingers_zoom_before_a_tap(explorer: Explorer) -> None:
    box = explorer.scene_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    ratio = explorer.data("architecture-graph", "_fullLayout.scene.aspectratio")
    Fingers(explorer).move([(x, y - 40), (x, y + 40)], [(x, y - 80), (x, y + 80)])
    zoomed = explorer.data("architecture-graph", "_fullLayout.scene.aspectratio")
    assert zoomed["x"] == pytest.approx(2 * ratio["x"], rel=0.2)
