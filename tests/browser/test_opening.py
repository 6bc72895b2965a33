"""While the page opens: words before the scripts have run, and figures after the words of their panels."""

import json

import pytest
from playwright.sync_api import BrowserContext, Route, expect

from layouts.document import WORDS
from tests.browser.explorer import PANELS, Explorer

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# What is seen in each frame in which it changes: the readings of panels, and the figures that are drawn.
RECORD = """(() => {
  window.seen = [];
  const look = () => {
    const panels = [...document.querySelectorAll('%s')];
    const now = [
      panels.filter((panel) => panel.dataset.selection).length,
      document.querySelectorAll('.dash-graph--pending').length,
    ];
    if (String(now) !== String(window.seen.at(-1))) window.seen.push(now);
    requestAnimationFrame(look);
  };
  addEventListener('DOMContentLoaded', look);
})()"""


def test_the_page_says_what_it_is_until_it_is_there(context: BrowserContext, address: str) -> None:
    page = context.new_page()
    held: list[Route] = []
    page.route("**/_dash-layout", lambda route: held.append(route))  # noqa: PLW0108  # it wants a Python function
    page.goto(address)
    expect(page.get_by_text(WORDS)).to_be_visible()
    expect(page.get_by_text("Loading …")).to_be_visible()
    page.wait_for_selector("._dash-loading", state="attached")  # Dash has begun
    expect(page.get_by_text(WORDS)).to_be_visible()
    held[0].continue_()
    expect(page.locator("#panels")).to_be_visible()
    expect(page.get_by_text(WORDS)).to_be_hidden()
    page.wait_for_selector(".js-plotly-plot", state="attached")
    scripts = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert {name for name in scripts if "plotly.min" in name} == {
        page.evaluate("document.querySelector('link[rel=prefetch]').href")
    }


@pytest.mark.thorough
def test_a_measured_label_has_few_elements_styled_again(context: BrowserContext, address: str) -> None:
    """Style recalculation: Plotly measures every label of an axis, and the browser must not match the whole page again
    each time, as it does for some rules with `:has`.
    """
    explorer = Explorer(context.new_page(), address, [])
    explorer.open()
    page = explorer.page
    assert context.browser
    context.browser.start_tracing(page=page, categories=["devtools.timeline"])
    page.click("#strip-chips [data-select='@3']")
    page.wait_for_function("document.getElementById('attention-panel').dataset.selection.endsWith('@3')")
    explorer.selection()
    events = json.loads(context.browser.stop_tracing())["traceEvents"]
    counts = [event["args"]["elementCount"] for event in events if event["name"] == "UpdateLayoutTree"]
    assert len(counts) > 50
    assert max(counts) < page.evaluate("document.querySelectorAll('body *').length") / 8


def test_words_come_first_and_then_the_figures(context: BrowserContext, address: str) -> None:
    context.add_init_script(RECORD % PANELS)
    explorer = Explorer(context.new_page(), address, [])
    explorer.open()
    explorer.page.wait_for_function("window.seen.at(-1)[1] === 0")  # a figure that is fitted may be drawn once more
    seen = explorer.page.evaluate("window.seen.slice(0, 1 + window.seen.findLastIndex((one) => one[1] === 0))")
    n_panels = max(shown for shown, _ in seen)
    waiting = [pending for shown, pending in seen if shown == n_panels]
    assert waiting[0] > 1
    assert waiting[-1] == 0
