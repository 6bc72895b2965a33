"""The menu "?": the tour of the first visit, the glossary and the keyboard shortcuts."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from layouts.glossary import GLOSSARY
from layouts.tour import STEPS
from tests.browser.explorer import NO_WEBGL, Explorer

pytestmark = pytest.mark.browser


def overlap(one: Any, other: Any) -> bool:
    return bool(
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )


def explains_without_covering(page: Page) -> None:
    """Each step by keyboard, beside the ring around what it explains and whole in the window."""
    size = page.viewport_size
    assert size
    for step in STEPS:
        expect(page.locator("#tour-title")).to_have_text(step.title)
        assert page.evaluate("document.activeElement.id") == "tour"
        card, ring = (page.locator(one).bounding_box() for one in ("#tour", ".tour-ring"))
        assert card
        assert ring
        assert not overlap(card, ring), step.title
        assert card["x"] >= 0
        assert card["x"] + card["width"] <= size["width"]
        assert 0 <= card["y"] <= card["y"] + card["height"] <= size["height"]
        page.keyboard.press("Tab")
        while not page.evaluate("document.activeElement.dataset.tour === 'next'"):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    expect(page.locator("#tour")).to_be_hidden()


def test_the_tour_is_offered_once_and_can_be_taken_again(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(NO_WEBGL)
    page = context.new_page()
    explorer = Explorer(page, address, [])
    explorer.open()
    expect(page.locator("#tour")).to_be_hidden()
    page.get_by_role("button", name="Take the tour").click()
    expect(page.locator("#tour-offer")).to_be_hidden()
    explains_without_covering(page)
    explorer.open()
    expect(page.locator("#tour-offer")).to_be_hidden()
    page.focus("#help-menu > summary")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#tour")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#tour")).to_be_hidden()
    assert page.evaluate("document.activeElement.matches('#help-menu > summary')")
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "height"),
    [*(pytest.param(*size, marks=pytest.mark.thorough) for size in [(1280, 720), (1024, 768)]), (390, 844)],
)
def test_the_tour_covers_nothing_that_it_explains(browser: Browser, address: str, width: int, height: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": height})
    context.add_init_script(NO_WEBGL)
    explorer = Explorer(context.new_page(), address, [])
    explorer.open()
    explorer.page.click("#tour-offer [data-tour=start]")
    explains_without_covering(explorer.page)
    assert explorer.page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


@pytest.mark.slow
def test_every_term_leads_to_the_glossary_and_the_shortcuts_open_by_their_key(explorer: Explorer) -> None:
    page, glossary = explorer.page, explorer.page.get_by_role("dialog", name="Glossary")
    page.locator("#strip-reading [aria-describedby='term-surprisal']").hover()
    page.click(".term-tip .to-glossary")
    expect(glossary).to_be_visible()
    expect(page.locator("#glossary dt")).to_have_count(len(GLOSSARY))
    expect(page.locator("#glossary .found")).to_have_text(["surprisal", GLOSSARY["surprisal"]])
    expect(page.locator("#glossary dt.found")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(glossary).to_be_hidden()

    page.focus("#overview-panel .panel-help > summary")
    page.keyboard.press("Tab")  # to the panel's first term
    described = page.evaluate("document.activeElement.getAttribute('aria-describedby')")
    page.keyboard.press("Enter")
    expect(page.locator("#glossary dd.found")).to_have_attribute("id", described)
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == described

    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    page.keyboard.press("?")
    expect(shortcuts).to_be_visible()
    page.keyboard.press("Escape")
    expect(shortcuts).to_be_hidden()
    page.focus("#prompt-text")
    page.keyboard.press("?")
    expect(shortcuts).to_be_hidden()
    assert page.input_value("#prompt-text").endswith("?")
