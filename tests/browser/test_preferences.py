"""Preferences of system and browser: zoom, high contrast, reduced motion; and text from right to left."""

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.explorer import NO_WEBGL, Explorer

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# Elements beyond the right edge of the window, but for rows that scroll.
BEYOND = """() => [...document.querySelectorAll("body *:not(svg *)")].filter((element) =>
  element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 1
  && !element.closest(".strip-chips, .strip-other, .dock-tabs, .visually-hidden")).map(({ outerHTML }) => outerHTML)"""
BACKGROUND = "(selector) => getComputedStyle(document.querySelector(selector)).backgroundColor"


def background(page: Page, selector: str) -> str:
    color: str = page.evaluate(BACKGROUND, selector)
    return color


def test_the_page_follows_them(browser: Browser, address: str) -> None:
    # 1440 x 900 at 200 %.
    context = browser.new_context(
        viewport={"width": 720, "height": 450}, forced_colors="active", reduced_motion="reduce"
    )
    context.add_init_script(NO_WEBGL)
    explorer = Explorer(context.new_page(), address, [])
    explorer.open()
    page = explorer.page
    assert page.evaluate(BEYOND) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 720
    # What is chosen, and colours that are numbers, are seen in high contrast, too.
    assert background(page, ".dock-tab[aria-selected=true]") != background(page, ".dock-tab[aria-selected=false]")
    chips = page.eval_on_selector_all(".chip", "all => all.map((chip) => getComputedStyle(chip).backgroundColor)")
    assert len(set(chips)) > 5
    # Nothing moves.
    page.evaluate("document.querySelector('#attention-panel').setAttribute('aria-busy', 'true')")
    assert page.evaluate("document.getAnimations().length") == 0
    # A text from right to left begins at the right.
    page.fill("#prompt-text", "שלום עולם")
    assert page.evaluate("getComputedStyle(document.querySelector('#prompt-text')).unicodeBidi") == "plaintext"
    context.close()
