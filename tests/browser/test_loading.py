"""Slow and broken connections: the page works before plotly.js has arrived, and says which of its parts did not."""

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.explorer import Explorer

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PLOTLY = "**/plotly.min.js"
WORDS = "getComputedStyle(document.querySelector('#attention-graph'), '::after').content"


def explorer_of(context: BrowserContext, address: str) -> Explorer:
    return Explorer(context.new_page(), address, [])


def test_the_page_works_before_plotly_has_arrived_at_the_second_attempt(context: BrowserContext, address: str) -> None:
    explorer, held = explorer_of(context, address), list[Route]()
    page = explorer.page
    page.route(PLOTLY, lambda route: held.append(route))  # noqa: PLW0108  # it wants a Python function
    page.goto(address)
    page.wait_for_selector("#strip-chips button")
    assert page.evaluate(WORDS) == '"Loading the figure …"'
    explorer.analyse("the wolf ate the red apple")
    expect(page.locator("#strip-chips [aria-pressed=true]")).to_have_text("·apple")
    page.click("#strip-chips [data-select='@1']")
    page.wait_for_function("/^‘·wolf’ attends/.test(document.querySelector('#attention-reading').textContent)")
    for route in held:
        route.abort()
    page.unroute(PLOTLY)
    assert explorer.selection().endswith("@1")
    page.wait_for_selector("#attention-graph .js-plotly-plot")
    assert len(explorer.data("attention-graph", "_fullData[0].z")) == 6


@pytest.mark.thorough
@pytest.mark.parametrize("part", [PLOTLY, "**/async-graph.js"])
def test_a_page_without_figures_says_so_and_goes_on(context: BrowserContext, address: str, part: str) -> None:
    explorer = explorer_of(context, address)
    page = explorer.page
    page.route(part, lambda route: route.abort())
    page.goto(address)
    page.wait_for_selector("#strip-chips button")
    page.wait_for_function("document.documentElement.matches('.no-figures')")
    place = "(document.querySelector('#attention-graph') ?? document.querySelector('#attention-panel .panel-graph'))"
    page.wait_for_function(f"getComputedStyle({place}, '::after').content.includes('Reload the page')")
    if part == PLOTLY:
        expect(page.locator("#notice")).to_contain_text("The figures cannot be drawn")
    page.click("#strip-chips [data-select='@3']")
    page.wait_for_function("document.querySelector('#attention-panel').dataset.selection.endsWith('@3')")


@pytest.mark.parametrize("part", ["**/react-dom*", "**/_dash-layout", "**/dash_bootstrap_components*"])
def test_a_page_that_cannot_open_says_so(context: BrowserContext, address: str, part: str) -> None:
    page: Page = context.new_page()
    page.route(part, lambda route: route.abort())
    page.goto(address)
    expect(page.get_by_text("A part of this page did not load.")).to_be_visible()


def test_without_its_own_scripts_the_page_says_what_to_do(context: BrowserContext, address: str) -> None:
    """By its style sheet alone, after a while, which the test does not wait for."""
    page: Page = context.new_page()
    page.route("**/_bundle/*.js", lambda route: route.abort())
    page.goto(address)
    late = page.get_by_text("If nothing happens, reload the page.")
    expect(late).to_be_hidden()
    page.evaluate("document.getAnimations().forEach((animation) => animation.finish())")
    expect(late).to_be_visible()
