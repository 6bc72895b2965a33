"""Compare: a second text B, the switch between A, B and A − B, and links that keep both."""

import pytest
from playwright.sync_api import expect

from layouts.examples import EXAMPLES
from tests.browser.explorer import Explorer

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.slow]
TEXT = next(iter(EXAMPLES.values())).text
OTHER = TEXT.replace("little girl", "very old man")  # three tokens for two: later positions move by one
GIRL, WHO = 8, 9  # positions in A


def type_b(explorer: Explorer, text: str) -> None:
    explorer.page.click("#compare-open")
    explorer.page.fill("#compare-text", text)
    explorer.page.keyboard.press("Enter")
    expect(explorer.page.locator("#compare-words")).to_contain_text("B has")


def switch(explorer: Explorer, side: str) -> None:
    explorer.page.click(f".compare-side label:text-is('{side}')")


def titles(explorer: Explorer) -> list[str]:
    found = explorer.page.eval_on_selector_all(
        "section.panel:not([hidden])", "all => all.map((s) => s.querySelector('h2').innerText)"
    )
    return [str(one) for one in found]


@pytest.mark.webgl
def test_every_panel_follows_a_click_in_the_scene_in_the_chosen_mode(explorer: Explorer) -> None:
    page = explorer.page
    type_b(explorer, OTHER)
    switch(explorer, "A − B")
    expect(page.locator("#attention-title")).to_contain_text("A − B")
    explorer.click_box(0, 3)
    explorer.follows(selection := explorer.selection())
    assert ".head." in selection
    assert all("A − B" in title for title in titles(explorer)), titles(explorer)
    page.reload()
    page.wait_for_function("document.querySelector('#attention-title')?.innerText.includes('A − B')")
    explorer.follows(selection)
    assert page.input_value("#compare-text") == OTHER
    expect(page.locator("#strip-other > *")).to_have_count(20)


@pytest.mark.thorough
def test_a_position_belongs_to_the_side_that_is_shown(explorer: Explorer) -> None:
    page = explorer.page
    type_b(explorer, OTHER)
    page.click(f"#strip-chips [data-select='@{WHO}']")
    explorer.follows(f"block.3.attention.head.0@{WHO}")
    switch(explorer, "B")
    explorer.follows(f"block.3.attention.head.0@{WHO + 1}")
    assert page.inner_text("#strip-chips [aria-pressed=true]") == "·who"
    assert page.inner_text("#strip-other .compare-selected") == "·who"
    expect(page.locator("#strip-other .chip-missing, #strip-other .chip-changed")).not_to_have_count(0)
    page.click("#strip-other >> text=·lived")  # of A, which selects its counterpart
    explorer.follows(f"block.3.attention.head.0@{WHO + 2}")
    switch(explorer, "A")
    explorer.follows(f"block.3.attention.head.0@{WHO + 1}")
    assert page.inner_text("#strip-chips [aria-pressed=true]") == "·lived"


@pytest.mark.thorough
def test_back_keeps_b_and_closing_takes_it_away(explorer: Explorer) -> None:
    page = explorer.page
    type_b(explorer, OTHER)
    switch(explorer, "A − B")
    expect(page.locator("#attention-title")).to_contain_text("A − B")
    page.click(f"#strip-chips [data-select='@{GIRL}']")
    explorer.follows(f"block.3.attention.head.0@{GIRL}")
    page.go_back()
    explorer.follows("block.3.attention.head.0@18")
    assert explorer.stored("compare-text") == OTHER
    assert explorer.stored("compare-side") == "difference"
    page.click("#compare-open")
    expect(page.locator("#attention-title")).not_to_contain_text("A − B")
    expect(page.locator("#strip-other")).to_be_hidden()
    assert explorer.stored("compare-text") is None


@pytest.mark.thorough
def test_a_text_that_is_too_long_is_refused_and_a_is_still_shown(explorer: Explorer) -> None:
    page = explorer.page
    page.click("#compare-open")
    page.fill("#compare-text", "the fox " * 300)
    page.keyboard.press("Enter")
    assert "B cannot be shown. The text has" in explorer.notice()
    page.locator("#compare-text").blur()
    page.click(f"#strip-chips [data-select='@{GIRL}']")
    explorer.follows(f"block.3.attention.head.0@{GIRL}")
    page.fill("#compare-text", OTHER)
    page.keyboard.press("Enter")
    expect(page.locator("#compare-words")).to_contain_text("B has 20 tokens")


@pytest.mark.thorough
def test_swapped_questions_have_the_opposite_differences(explorer: Explorer) -> None:
    page = explorer.page
    type_b(explorer, TEXT.replace("girl", "boy"))
    switch(explorer, "A − B")
    expect(page.locator("#attention-title")).to_contain_text("A − B")
    explorer.follows("block.3.attention.head.0@18")
    before = explorer.data("activation-graph", "_fullData[0].y")
    page.click("#compare-swap")
    page.wait_for_function("document.querySelector('#prompt-text').value.includes('boy')")
    explorer.follows("block.3.attention.head.0@18")
    assert page.input_value("#compare-text") == TEXT
    page.wait_for_function(
        "(y) => Math.abs(document.querySelector('#activation-graph .js-plotly-plot')._fullData[0].y.at(-2) + y) < 1e-6",
        arg=before[-2],
    )
    after = explorer.data("activation-graph", "_fullData[0].y")
    assert [y for y in after if y is not None] == pytest.approx([-y for y in before if y is not None], abs=1e-6)
