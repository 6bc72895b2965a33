"""The workspace: a click in the scene is seen at once; docks, tabs, splitters, and the address of an arrangement."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.explorer import FRAMES, Explorer

pytestmark = [pytest.mark.browser, pytest.mark.webgl, pytest.mark.shared_page, pytest.mark.long]
PICTURE = 280, 160  # least size of a main picture
FIVE = ("summary", "attention", "activation", "embedding", "saliency")
# Rectangles of the texts that are visible: not hidden, and inside every ancestor that cuts off what it does not show.
TEXTS = r"""() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {
    const { currentNode: node } = walker, parent = node.parentElement;
    if (!node.data.trim() || !parent.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (parent.closest('option, .modebar, .visually-hidden, svg, #tip, textarea')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    let { left, top, right, bottom } = range.getBoundingClientRect();
    const height = bottom - top;
    for (let cut = parent; cut; cut = cut.parentElement) {
      const style = getComputedStyle(cut), box = cut.getBoundingClientRect();
      if (style.overflowX !== 'visible') [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
      if (style.overflowY !== 'visible') [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
      if (style.clipPath !== 'none') right = left;
    }
    if (right - left > 1 && bottom - top > 1) found.push({ text: node.data, left, top, right, bottom, height });
  }
  for (const text of document.querySelectorAll('.panel svg text')) {  // of slanted ones, the rectangles say nothing
    if (!text.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (/rotate\((?!0[,)])/.test(text.getAttribute('transform')) || !text.textContent.trim()) continue;
    const { left, top, right, bottom, height } = text.getBoundingClientRect();
    if (height) found.push({ text: text.textContent, left, top, right, bottom, height });
  }
  return found;
}"""


@pytest.fixture(scope="module", params=[(1440, 900), (1280, 720), pytest.param((1920, 1080), marks=pytest.mark.slow)])
def screen(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Explorer]:
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="light")
    explorer = Explorer(context.new_page(), address, [])
    explorer.open()
    yield explorer
    context.close()


def box(page: Page, selector: str) -> dict[str, float]:
    found: dict[str, float] = page.evaluate(
        "(s) => document.querySelector(s).getBoundingClientRect().toJSON()", selector
    )
    return found


def size(page: Page) -> tuple[int, int]:
    assert page.viewport_size
    return page.viewport_size["width"], page.viewport_size["height"]


def test_a_click_in_the_scene_is_seen_at_once_and_whole(screen: Explorer) -> None:
    page = screen.page
    width, height = size(page)
    screen.click_box(0, 5)
    screen.follows(f"block.0.attention.head.5@{screen.selection().split('@')[1]}")
    seen = []
    for panel in FIVE:
        if page.locator(f"#{panel}-panel").is_hidden():
            continue
        where = box(page, f"#{panel}-graph")
        assert where["width"] >= PICTURE[0], panel
        assert where["height"] >= PICTURE[1], panel
        assert where["left"] >= 0, panel
        assert where["top"] >= 0, panel
        assert where["right"] <= width, panel
        assert where["bottom"] <= height, panel
        assert where["bottom"] <= box(page, f"#{panel}-panel")["bottom"], panel
        seen.append(panel)
    assert len(seen) == len(FIVE) if height > 720 else len(seen) >= 3, seen
    assert page.evaluate("document.scrollingElement.scrollHeight <= innerHeight && scrollY === 0")
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def test_no_visible_text_overlaps_another(screen: Explorer) -> None:
    for theme in ("light", "dark"):
        texts = screen.page.evaluate(TEXTS)
        assert len(texts) > 40
        for n, one in enumerate(texts):
            for other in texts[n + 1 :]:
                across = min(one["right"], other["right"]) - max(one["left"], other["left"])
                down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
                assert across < 2 or down < 4, (theme, one, other)
        screen.page.click("#theme-button")


def test_splitters_by_mouse_and_keyboard_and_reset(explorer: Explorer) -> None:
    page = explorer.page
    before = box(page, "#architecture-panel")
    bar = box(page, "[data-splitter=scene]")
    page.mouse.move(bar["x"] + 4, bar["y"] + 100)
    page.mouse.down()
    page.mouse.move(bar["x"] + 104, bar["y"] + 100, steps=4)
    page.mouse.up()
    dragged = box(page, "#architecture-panel")
    assert dragged["width"] == pytest.approx(before["width"] + 100, abs=3)
    page.focus("[data-splitter=scene]")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    moved = box(page, "#architecture-panel")
    assert moved["width"] < dragged["width"] - 30
    page.focus("[data-splitter=rows]")
    page.keyboard.press("End")
    assert page.get_attribute("[data-splitter=rows]", "aria-valuenow") == page.get_attribute(
        "[data-splitter=rows]", "aria-valuemax"
    )
    assert "sizes" in page.evaluate("location.hash")
    page.evaluate("window.plot = document.querySelector('#attention-graph .js-plotly-plot')")
    page.wait_for_function("Math.abs(plot._fullLayout.width - plot.clientWidth) <= 1")
    page.click("[data-reset=layout]")
    assert box(page, "#architecture-panel") == pytest.approx(before)
    assert "sizes" not in page.evaluate("location.hash")
    expect(page.locator("[data-reset=layout]")).to_be_hidden()


def test_tabs_by_keyboard_draw_what_was_hidden(explorer: Explorer) -> None:
    page = explorer.page
    page.locator("#strip-panel [data-select='@3']").click()
    page.wait_for_function("document.querySelector('#attention-panel').dataset.selection.endsWith('@3')")
    assert page.get_attribute("#logit_lens-panel", "data-selection") != explorer.selection()
    page.focus("#tab-attention")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#logit_lens-panel")).to_be_visible()
    expect(page.locator("#attention-panel")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "tab-logit_lens"
    explorer.follows(explorer.selection())
    assert explorer.data("logit_lens-graph", "_fullData.length") >= 1
    page.locator("#strip-panel [data-select='@5']").click()
    page.wait_for_function("document.querySelector('#logit_lens-panel').dataset.selection.endsWith('@5')")
    expect(page.locator("#tab-attention.changed")).to_have_count(1)
    page.keyboard.press("Tab")
    page.focus("#tab-logit_lens")
    page.keyboard.press("Home")
    explorer.follows(explorer.selection())
    expect(page.locator("#tab-attention.changed")).to_have_count(0)
    assert page.eval_on_selector_all("#dock-upper [role=tab]", "all => all.map((tab) => tab.tabIndex)") == [0, -1]


def test_a_hidden_panel_costs_a_click_nothing(explorer: Explorer) -> None:
    """With one dock enlarged, a click asks for that panel alone."""
    page = explorer.page
    page.click("[data-enlarge=middle]")
    page.wait_for_timeout(500)
    with page.expect_response(lambda answer: "panels.data-selection" in (answer.request.post_data or "")) as waited:
        page.locator("#strip-panel [data-select='@4']").click()
    drawn: dict[str, Any] = waited.value.json()["response"]
    assert {id.removesuffix("-panel") for id, values in drawn.items() if "data-drawn" in values} == {
        "strip", "activation"
    }  # fmt: skip


def test_a_dock_is_enlarged_and_escape_brings_the_others_back(explorer: Explorer) -> None:
    page = explorer.page
    before = box(page, "#embedding-panel")
    page.locator(".dock-head[data-dock=right]").dblclick(position={"x": 150, "y": 14})
    expect(page.locator("#architecture-panel")).to_be_hidden()
    assert box(page, "#embedding-panel")["width"] > 1380
    assert explorer.stored("large") == "right"
    page.keyboard.press("Escape")
    expect(page.locator("#architecture-panel")).to_be_visible()
    assert box(page, "#embedding-panel") == pytest.approx(before)
    page.click("[data-enlarge=left]")
    expect(page.locator("#embedding-panel")).to_be_hidden()
    page.click("[data-enlarge=left]")
    expect(page.locator("#embedding-panel")).to_be_visible()


def test_the_arrangement_is_part_of_the_address(explorer: Explorer, browser: Browser) -> None:
    page = explorer.page
    page.focus("[data-splitter=left]")
    page.keyboard.press("ArrowRight")
    explorer.show("logit_lens")
    fragment = page.evaluate("location.hash")
    width = box(page, "#summary-panel")["width"]
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    other = Explorer(context.new_page(), explorer.address, [])
    other.page.goto(explorer.address + fragment)
    other.page.wait_for_function("document.querySelector('#logit_lens-panel')?.dataset.selection")
    assert box(other.page, "#summary-panel")["width"] == pytest.approx(width)
    expect(other.page.locator("#attention-panel")).to_be_hidden()
    for wrong in ("sizes=1_2", "sizes=a_b_c_d_e", "sizes=1e9_-5_nan_0_0", "tabs=nothing", "large=<b>", "large=panels"):
        other.page.evaluate("(hash) => { location.hash = hash; }", f"select=block.1.mlp&{wrong}")
        other.page.wait_for_function("document.querySelector('[data-reset=layout]').hidden")
        assert box(other.page, "#attention-panel")["width"] > 200, wrong
    context.close()


def test_full_screen_keeps_tokens_and_scene(explorer: Explorer) -> None:
    page = explorer.page
    page.click("[data-present=middle]")
    page.wait_for_function("document.fullscreenElement?.localName === 'main'")
    for panel in ("strip", "architecture", "activation"):
        expect(page.locator(f"#{panel}-panel")).to_be_visible()
    expect(page.locator("#embedding-panel")).to_be_hidden()
    page.evaluate("document.exitFullscreen()")
    expect(page.locator("#embedding-panel")).to_be_visible()


def test_on_a_phone_the_scene_stays_over_one_panel(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    explorer = Explorer(context.new_page(), address, [])
    explorer.open()
    page = explorer.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    explorer.click_box(0, 6)
    explorer.follows(f"block.0.attention.head.6@{explorer.selection().split('@')[1]}")
    page.wait_for_function("Math.abs(document.getElementById('panels').getBoundingClientRect().top) < 1")
    page.evaluate(FRAMES)
    scene, picture = box(page, "#architecture-panel"), box(page, "#attention-graph")
    assert scene["top"] >= 0
    tabs = box(page, "#dock-scene")
    assert tabs["bottom"] <= scene["top"] + 1
    assert scene["bottom"] - box(page, "#panels")["top"] == pytest.approx(0.4 * 844, abs=2)
    assert picture["top"] >= scene["bottom"]
    assert picture["bottom"] <= 844
    page.tap("#tab-summary")
    expect(page.locator("#summary-panel")).to_be_visible()
    expect(page.locator("#attention-panel")).to_be_hidden()
    explorer.follows(explorer.selection())
    assert len(explorer.selections()) == 3
    context.close()
