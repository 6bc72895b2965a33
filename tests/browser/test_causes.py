"""The panels of causes as a person uses them: remove a part, the grid of all removals, a patch, and the ledger."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.explorer import BEGINNING, Explorer

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LAST = 18
COMPUTED = re.compile("^(Computed|Cached)")
# The cell of a grid with the largest value, in the window's pixels, and what a click on it selects.
STRONGEST = """() => {
  const plot = document.querySelector("#effect-sweep-graph .js-plotly-plot"), { xaxis, yaxis } = plot._fullLayout;
  const trace = plot._fullData.at(-1), { left, top } = plot.getBoundingClientRect();
  let best = [-1];
  trace.z.forEach((row, y) => row.forEach((value, x) => {
    if (Math.abs(value) > best[0]) best = [Math.abs(value), x, y];
  }));
  const [, x, y] = best;
  return [left + xaxis._offset + xaxis.c2p(x), top + yaxis._offset + yaxis.c2p(y), trace.customdata[y][x]];
}"""


def computed(page: Page) -> None:
    """Have the grid computed, unless that begins by itself, and wait until it is drawn."""
    words, compute = page.locator("#effect-job-words"), page.locator("#effect-job-compute")
    page.wait_for_timeout(1000)
    if compute.is_visible():
        compute.click()
    expect(words).to_contain_text(COMPUTED, timeout=90_000)
    page.wait_for_function("document.querySelector('#effect-sweep-graph .js-plotly-plot')?._fullData?.length")


def test_a_head_is_removed_and_taken_back_by_keyboard(explorer: Explorer) -> None:
    page = explorer.page
    explorer.show("effect")
    expect(page.locator("#effect-numbers")).not_to_contain_text("→")
    page.focus("#effect-list > [data-set='effect-removed']")
    page.keyboard.press("Enter")
    expect(page.locator("#effect-reading")).to_contain_text("With 1 part removed")
    expect(page.locator("#effect-numbers")).to_contain_text("KL divergence")
    assert explorer.stored("effect-removed") == f"{BEGINNING}=mean"
    assert page.evaluate("document.activeElement !== document.body")
    page.focus("#effect-list .effect-row [data-set='effect-removed']")
    page.keyboard.press("Enter")
    expect(page.locator("#effect-list .effect-row")).to_have_count(0)
    expect(page.locator("#effect-numbers")).not_to_contain_text("→")


@pytest.mark.thorough
def test_the_strongest_cell_of_the_grid_selects_its_part(explorer: Explorer) -> None:
    page = explorer.page
    explorer.show("effect")
    computed(page)
    x, y, select = page.evaluate(STRONGEST)
    page.mouse.click(x, y)
    explorer.follows(f"{select}@{LAST}")


@pytest.mark.thorough
def test_a_cell_of_the_grid_of_patches_carries_its_value_over(explorer: Explorer) -> None:
    page = explorer.page
    explorer.show("effect")
    page.select_option("#effect-grid", "stream")
    other = page.input_value("#prompt-text").replace("girl", "boy")
    page.click("#compare-open")
    page.fill("#compare-text", other)
    page.keyboard.press("Enter")
    expect(page.locator("#effect-reading")).not_to_contain_text("type a second text")
    computed(page)
    x, y, select = page.evaluate(STRONGEST)
    page.mouse.click(x, y)
    expect(page.locator("#effect-reading")).to_contain_text("With this value from A")
    block, position = select.split("@")
    assert explorer.selection().startswith(f"{block}.")
    assert explorer.selection().endswith(f"@{position}")


@pytest.mark.thorough
def test_the_ledger_holds(explorer: Explorer) -> None:
    page = explorer.page
    page.focus("#ledger-open")
    page.keyboard.press("Enter")
    expect(page.locator("#ledger-lines strong")).to_have_text(re.compile(r"^All \d+ lines hold\.$"), timeout=60_000)
    assert page.locator("#ledger-lines tr[data-state='holds']").count() >= 8
    page.keyboard.press("Escape")
    expect(page.locator("#ledger-lines")).to_be_hidden()
    expect(page.locator("#ledger-open")).to_have_text("Checks ✓")
