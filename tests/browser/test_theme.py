"""Themes: page, figures and scene switch between light and dark together."""

import pytest
from playwright.sync_api import Browser

from layouts.theme import DARK, LIGHT
from tests.browser.explorer import Explorer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def background(explorer: Explorer) -> str:
    color: str = explorer.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return "#" + "".join(f"{int(part):02X}" for part in color[4:-1].split(","))


@pytest.mark.webgl
def test_switching(explorer: Explorer) -> None:
    assert background(explorer) == LIGHT.page
    explorer.page.click("#theme-button")
    explorer.page.wait_for_function(
        "document.querySelector('#attention-graph .js-plotly-plot').layout.font.color === arguments[0]".replace(
            "arguments[0]", repr(DARK.text)
        )
    )
    assert background(explorer) == DARK.page
    for graph in ("architecture-graph", "attention-heads-graph", "activation-graph", "embedding-graph"):
        explorer.page.wait_for_function(
            f"document.querySelector('#{graph} .js-plotly-plot').layout.font.color === '{DARK.text}'"
        )
    explorer.page.reload()
    explorer.page.wait_for_function("document.documentElement.dataset.bsTheme === 'dark'")


@pytest.mark.thorough
def test_the_system_is_followed_at_first(browser: Browser, address: str) -> None:
    context = browser.new_context(color_scheme="dark")
    explorer = Explorer(context.new_page(), address, [])
    explorer.open()
    assert background(explorer) == DARK.page
    explorer.page.emulate_media(color_scheme="light")
    explorer.page.wait_for_function("document.documentElement.dataset.bsTheme === 'light'")
    context.close()


@pytest.mark.thorough
def test_nothing_scrolls_sideways(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    explorer = Explorer(context.new_page(), address, [])
    explorer.open()
    for width in (390, 768, 1440):
        explorer.page.set_viewport_size({"width": width, "height": 844})
        explorer.page.wait_for_function(
            "document.documentElement.scrollWidth <= innerWidth"
        )  # once figures are resized
    context.close()
