"""A session by keyboard alone: every step is reached with Tab, seen where it is, and done with keys."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.explorer import Explorer, draws_panels

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TEXT = "the wolf ate the red apple near the river and the wolf ate the red apple near the river"
# The focus is where a person sees it: in the window, and with a ring around it.
FOCUS = """() => {
  const focused = document.activeElement, { left, top, right, bottom, width } = focused.getBoundingClientRect();
  const { outlineStyle, boxShadow } = getComputedStyle(focused);
  return {
    name: focused.id || focused.className || focused.localName,
    inWindow: width > 0 && right > 0 && left < innerWidth && bottom > 0 && top < innerHeight,
    isMarked: outlineStyle !== "none" || boxShadow !== "none",
  };
}"""


def tab_to(page: Page, selector: str, *, key: str = "Tab") -> None:
    """Keyboard walk: Tab until an element has the focus, which must be visible at every stop."""
    passed = []
    for _ in range(120):
        page.keyboard.press(key)
        stop = page.evaluate(FOCUS)
        assert stop["inWindow"], f"{stop['name']} has the focus outside of the window"
        assert stop["isMarked"], f"nothing marks the focus of {stop['name']}"
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        passed.append(stop["name"])
    raise AssertionError(f"Tab does not lead to {selector}, but to {passed}")


def has_focus(page: Page, selector: str) -> None:
    page.wait_for_function("(selector) => document.activeElement.matches(selector)", arg=selector)


def choose(page: Page, tab: str) -> None:
    """Choose a tab of the dock in whose tabs the focus is."""
    for _ in range(8):
        if page.evaluate("document.activeElement.id") == f"tab-{tab}":
            return
        page.keyboard.press("ArrowRight")
    raise AssertionError(f"no arrow leads to {tab}")


def saves_numbers(page: Page, folder: Path, selection: str) -> None:
    """Save what the attention panel shows, and read how to read it."""
    tab_to(page, "#attention-panel .panel-more > summary")
    page.keyboard.press("Enter")
    tab_to(page, "[data-export=json]")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    saved = folder / "attention.json"
    download.value.save_as(saved)
    assert json.loads(saved.read_text())["selection"]["text"] == selection
    has_focus(page, "#attention-panel .panel-more:not([open]) > summary")
    # Escape closes the help, and gives the focus back.
    tab_to(page, "#attention-panel .panel-help > summary")
    page.keyboard.press("Enter")
    tab_to(page, "#attention-panel .panel-help > div")
    page.keyboard.press("Escape")
    has_focus(page, "#attention-panel .panel-help:not([open]) > summary")


def run_saliency(page: Page) -> None:
    """Choose the slowest method, and have it computed, unless it turns out to be fast and is computed by itself."""
    words, status = page.locator("#saliency-job-words"), page.locator("#status")
    tab_to(page, "#tab-saliency")
    tab_to(page, "#saliency-method")
    with page.expect_response(lambda answer: draws_panels(answer.request)):
        page.keyboard.press("i")  # the next method with this letter: integrated gradients, per block
    page.wait_for_timeout(500)
    expect(words).to_contain_text(re.compile("^(Computed|Cached|Not computed)"), timeout=90_000)
    if words.inner_text().startswith("Not computed"):
        tab_to(page, "#saliency-job-compute")
        page.keyboard.press("Enter")
        has_focus(page, "#saliency-job-cancel")
        expect(status).to_contain_text(re.compile("^Saliency: (Computed|Cached)"), timeout=120_000)
        has_focus(page, "#tab-saliency")
        expect(status).to_contain_text(page.inner_text("#saliency-reading"))
    else:
        tab_to(page, "#tab-saliency", key="Shift+Tab")
    expect(words).to_contain_text(re.compile("^(Computed|Cached)"))


def dialog_gives_focus_back(page: Page) -> None:
    tab_to(page, "#ledger-open", key="Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#ledger-lines strong")
    has_focus(page, ".modal, .modal *")
    page.keyboard.press("Escape")
    has_focus(page, "#ledger-open")


def test_a_session_by_keyboard_alone(explorer: Explorer, tmp_path: Path) -> None:
    page, status = explorer.page, explorer.page.locator("#status")
    # Analyse a text.
    tab_to(page, "#prompt-text")
    page.keyboard.press("Control+a")
    page.keyboard.type(TEXT)
    page.keyboard.press("Enter")
    expect(page.locator("#strip-chips [aria-pressed=true]")).to_have_text("·river")
    last = page.locator("#strip-chips button").count() - 1
    explorer.follows(f"block.3.attention.head.0@{last}")
    # Choose a token.
    tab_to(page, "#strip-chips button")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    explorer.follows(f"block.3.attention.head.0@{last - 2}")
    assert page.evaluate("document.activeElement.textContent") == "·near"
    # Walk through blocks and heads.
    tab_to(page, "#overview-panel")
    page.keyboard.press("ArrowRight")
    explorer.follows(f"block.4.attention.head.0@{last - 2}")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("/head.[1-7]@/.test(document.querySelector('#attention-panel').dataset.selection)")
    selection = explorer.selection()
    expect(status).to_have_text(f"Block 4, head {selection.split('.')[4][0]}, at token {last - 2} ‘·near’")
    saves_numbers(page, tmp_path, selection)
    run_saliency(page)
    # Remove the selected head.
    choose(page, "effect")
    page.wait_for_selector("#effect-list > [data-set='effect-removed']")
    tab_to(page, "#effect-list > [data-set='effect-removed']")
    page.keyboard.press("Enter")
    expect(page.locator("#effect-reading")).to_contain_text("With 1 part removed")
    dialog_gives_focus_back(page)
