"""A session by keyboard alone: every step is reached with Tab, seen where it is, and done with keys."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.explorer import PANELS, Explorer

pytestmark = pytest.mark.browser
TEXT = "the wolf ate the red apple"
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
    """Press Tab until an element has the focus; at every stop, the focus must be seen."""
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


def choose(page: Page, tab: str) -> None:
    """Choose a tab of the dock in whose tabs the focus is."""
    for _ in range(8):
        if page.evaluate("document.activeElement.id") == f"tab-{tab}":
            return
        page.keyboard.press("ArrowRight")
    raise AssertionError(f"no arrow leads to {tab}")


def test_a_session_by_keyboard_alone(explorer: Explorer, tmp_path: Path) -> None:
    page, status = explorer.page, explorer.page.locator("#status")
    # Analyse a text.
    tab_to(page, "#prompt-text")
    page.keyboard.press("Control+a")
    page.keyboard.type(TEXT)
    page.keyboard.press("Enter")
    expect(page.locator("#strip-chips [aria-pressed=true]")).to_have_text("·apple")
    explorer.follows("block.3.attention.head.0@5")
    # Choose a token.
    tab_to(page, "#strip-chips button")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    explorer.follows("block.3.attention.head.0@3")
    assert page.evaluate("document.activeElement.textContent") == "·the"
    # Walk through blocks and heads.
    tab_to(page, "#overview-panel")
    page.keyboard.press("ArrowRight")
    explorer.follows("block.4.attention.head.0@3")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("/head.[1-7]@3$/.test(document.querySelector('#attention-panel').dataset.selection)")
    selection = explorer.selection()
    expect(status).to_have_text(f"Block 4, head {selection.split('.')[4][0]}, at token 3 ‘·the’")
    # Save what the attention panel shows.
    tab_to(page, "#attention-panel .panel-more > summary")
    page.keyboard.press("Enter")
    tab_to(page, "[data-export=json]")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    saved = tmp_path / "attention.json"
    download.value.save_as(saved)
    assert json.loads(saved.read_text())["selection"] == selection
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('#attention-panel .panel-more > summary')")
    expect(page.locator("#attention-panel .panel-more")).not_to_have_attribute("open", "")
    # Run saliency.
    tab_to(page, "#tab-saliency")
    tab_to(page, "#saliency-method")
    page.keyboard.press("o")  # occlusion, which begins only when it is asked for, or integrated gradients
    tab_to(page, "#saliency-job-compute")
    page.keyboard.press("Enter")
    expect(status).to_contain_text("Saliency: Computed in", timeout=60_000)
    expect(status).to_contain_text(page.inner_text("#saliency-reading"))
    # Remove the selected head.
    tab_to(page, "#tab-saliency", key="Shift+Tab")
    choose(page, "effect")
    tab_to(page, "#effect-list > [data-set='effect-removed']")
    page.keyboard.press("Enter")
    expect(page.locator("#effect-reading")).to_contain_text("With 1 part removed")
    # Back from a dialog, the focus is where it was.
    tab_to(page, "#ledger-open", key="Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#ledger-lines strong")
    assert page.evaluate("document.activeElement.closest('.modal') !== null")
    page.keyboard.press("Escape")
    page.wait_for_selector("#ledger-lines", state="hidden")
    assert page.evaluate("document.activeElement.id") == "ledger-open"
    assert page.locator(PANELS).count() > 5
