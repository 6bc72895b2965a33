"""The workspace: a click in the scene is seen at once; docks, tabs, splitters, and the address of an arrangement."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.boxes import PICTURE_OF, TEXTS, overlaps
from tests.browser.explorer import FRAMES, Explorer, draws_panels

pytestmark = [pytest.mark.browser, pytest.mark.webgl, pytest.mark.shared_page, pytest.mark.long]
PICTURE = 280, 160  # least size of a main picture
WIDTH = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
FITTED = (  # whether all plots have the sizes of their places
    "[...document.querySelectorAll('.panel:not([hidden]) .js-plotly-plot')].every((plot) =>"
    " !plot.clientHeight || Math.abs(plot._fullLayout.height - plot.clientHeight) <= 1)"
)
FIVE = ("summary", "attention", "activation", "embedding", "saliency")


@pytest.fixture(
    scope="module",
    params=[
        (1440, 900),
        pytest.param((1280, 720), marks=pytest.mark.slow),
        pytest.param((1920, 1080), marks=pytest.mark.thorough),
    ],
)
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


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.thorough)])
def test_a_click_in_the_scene_is_seen_at_once_and_whole(screen: Explorer, theme: str) -> None:
    page = screen.page
    _, height = size(page)
    in_theme(page, theme)
    if page.locator("#saliency-panel").is_visible():
        screen.compute()
        page.wait_for_function("document.querySelector('#saliency-graph .js-plotly-plot').data.length")
    head = {"light": 5, "dark": 6}[theme]
    screen.click_box(0, head)
    screen.follows(f"block.0.attention.head.{head}@{screen.selection().split('@')[1]}")
    page.evaluate(FRAMES)
    shown = [panel for panel in FIVE if page.locator(f"#{panel}-panel").is_visible()]
    assert shown == list(FIVE) if height > 720 else len(shown) >= 3, shown
    for panel in shown:
        picture = page.evaluate(PICTURE_OF, panel)
        width, high = picture["whole"]
        assert picture["seen"] == pytest.approx([width, high], abs=1), panel
        assert picture["drawn"] == pytest.approx([width, high], abs=2), panel
        assert picture["isFree"], panel
        assert picture["traces"], panel
        assert width >= PICTURE[0], panel
        assert high >= PICTURE[1], panel
    assert page.evaluate("document.scrollingElement.scrollHeight <= innerHeight && scrollY === 0")
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    texts = page.evaluate(TEXTS)
    assert len(texts) > 40
    assert [text for text in texts if text["cut"]] == []
    assert overlaps(texts) == []


def in_theme(page: Page, theme: str) -> None:
    if page.get_attribute("html", "data-bs-theme") != theme:
        page.click("#theme-button")
        page.wait_for_function(
            "document.querySelectorAll('section.panel[aria-busy=true]').length === 0 &&"
            f" document.documentElement.dataset.bsTheme === '{theme}'"
        )


@pytest.mark.thorough
def test_the_check_of_texts_sees_faults(screen: Explorer) -> None:
    """Texts that are laid over another, or cut off, are found."""
    page = screen.page
    page.evaluate("document.getElementById('summary-title').style.transform = 'translateY(16px)'")
    assert overlaps(page.evaluate(TEXTS))
    page.evaluate("document.getElementById('summary-title').style.transform = ''")
    page.evaluate("document.getElementById('strip-title').style.cssText = 'height: 9px; overflow: hidden'")
    assert [text["text"] for text in page.evaluate(TEXTS) if text["cut"]]
    page.evaluate("document.getElementById('strip-title').style.cssText = ''")


@pytest.mark.thorough
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
    page.click("#views-menu > summary")
    page.click("[data-reset=layout]")
    assert box(page, "#architecture-panel") == pytest.approx(before)
    assert "sizes" not in page.evaluate("location.hash")
    expect(page.locator("[data-reset=layout]")).to_be_disabled()


@pytest.mark.thorough
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
    assert page.eval_on_selector_all("#dock-upper [role=tab]", "all => all.map((tab) => tab.tabIndex)") == [
        0,
        -1,
        -1,
        -1,
    ]


def test_a_hidden_panel_costs_a_click_nothing(explorer: Explorer) -> None:
    """With one dock enlarged, a click asks for that panel alone."""
    page = explorer.page
    page.click("[data-enlarge=middle]")
    page.wait_for_timeout(500)
    with page.expect_response(
        lambda one: draws_panels(one.request) and '@4"' in (one.request.post_data or "")
    ) as waited:
        page.locator("#strip-panel [data-select='@4']").click()
    drawn: dict[str, Any] = waited.value.json()["response"]
    assert {id.removesuffix("-panel") for id, values in drawn.items() if "data-drawn" in values} == {
        "strip", "activation"
    }  # fmt: skip


@pytest.mark.thorough
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


@pytest.mark.thorough
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
        other.page.wait_for_function("document.querySelector('[data-reset=layout]').disabled")
        assert box(other.page, "#attention-panel")["width"] > 200, wrong
    context.close()


@pytest.mark.thorough
def test_full_screen_keeps_tokens_and_scene(explorer: Explorer) -> None:
    page = explorer.page
    page.click("[data-present=middle]")
    page.wait_for_function("document.fullscreenElement?.localName === 'main'")
    for panel in ("strip", "architecture", "activation"):
        expect(page.locator(f"#{panel}-panel")).to_be_visible()
    expect(page.locator("#embedding-panel")).to_be_hidden()
    page.evaluate("document.exitFullscreen()")
    expect(page.locator("#embedding-panel")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.thorough)])
def test_on_a_phone_the_scene_stays_over_one_panel(browser: Browser, address: str, theme: Any) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, color_scheme=theme)
    explorer = Explorer(context.new_page(), address, [])
    explorer.open()
    page = explorer.page
    assert page.evaluate(WIDTH) <= 390
    page.touchscreen.tap(*explorer.box(0, 6))
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
    assert page.evaluate(PICTURE_OF, "attention")["isFree"]
    assert picture["width"] >= PICTURE[0]
    assert picture["height"] >= PICTURE[1]
    assert overlaps(page.evaluate(TEXTS)) == []
    for panel in ("overview", "logit_lens", "saliency", "activation", "embedding", "summary"):
        explorer.show(panel)
        page.wait_for_function(FITTED)
        assert page.evaluate(WIDTH) <= 390, panel
        assert overlaps(page.evaluate(TEXTS)) == [], panel
    expect(page.locator("#summary-panel")).to_be_visible()
    expect(page.locator("#attention-panel")).to_be_hidden()
    explorer.follows(explorer.selection())
    assert len(explorer.selections()) == 3
    context.close()
