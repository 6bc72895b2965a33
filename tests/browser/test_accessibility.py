"""Accessibility: axe-core finds no violation on the page, in a panel, menu or dialog, in both themes and on a phone."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

from layouts.models import OPEN_ANOTHER
from tests.browser.explorer import NO_WEBGL, Explorer

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SCREENS = [
    ("dark", 1440),
    pytest.param("light", 390, marks=pytest.mark.thorough),
    pytest.param("light", 1440, marks=pytest.mark.thorough),
    pytest.param("dark", 390, marks=pytest.mark.thorough),
]
# All rules, those of good practice too, and the one on the size of targets, which is off unless it is asked for.
RUN = """async (include) => {
  const options = { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } };
  const { violations } = await axe.run(include.length ? { include } : document, options);
  return violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html.slice(0, 160))]);
}"""
SET_OPEN = """([selector, open]) => document.querySelectorAll(selector).forEach((popUp) => { popUp.open = open; })"""
TABS = "all => all.filter((tab) => tab.checkVisibility()).map((tab) => tab.dataset.shows)"
OPEN_DIALOG = ".modal.show, dialog[open]"
MENUS = "#strip-panel details, header details"


@pytest.fixture(scope="module")
def explorer(browser: Browser, address: str) -> Iterator[Explorer]:
    """The page with axe-core in it, for all screens: opening it takes longer than to check it."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light", bypass_csp=True)
    context.add_init_script(NO_WEBGL)
    explorer = Explorer(context.new_page(), address, [])
    explorer.open()
    explorer.page.evaluate(AXE_SCRIPT)
    yield explorer
    context.close()


@pytest.mark.parametrize(("theme", "width"), SCREENS)
def test_axe_finds_nothing(explorer: Explorer, theme: str, width: int) -> None:
    page = explorer.page
    page.set_viewport_size({"width": width, "height": 900})
    if page.evaluate("document.documentElement.dataset.bsTheme") != theme:
        page.click("#theme-button")
    found = {"the page": violations(page)}
    for panel in page.eval_on_selector_all(".dock-tab", TABS):
        explorer.show(panel)
        with_open(page, f"#{panel}-panel details")
        found[panel] = violations(page, f"#{panel}-panel", f"#tab-{panel}")
        with_open(page, f"#{panel}-panel details", open=False)
    with_open(page, MENUS)
    found["the menus"] = violations(page, "header", "#strip-panel")
    with_open(page, MENUS, open=False)
    for name in dialogs(explorer):
        found[name] = violations(page, OPEN_DIALOG)
    for name in below_the_header(explorer):
        found[name] = violations(page)
    assert {state: wrong for state, wrong in found.items() if wrong} == {}


def dialogs(explorer: Explorer) -> Iterator[str]:
    """Open each dialog in turn."""
    page = explorer.page
    page.click("#ledger-open")
    page.wait_for_selector("#ledger-lines strong")
    yield "checks"
    close(page)
    for entry in ("Glossary", "Keyboard shortcuts"):
        page.click("#help-menu > summary")
        page.click(f"#help-menu >> text={entry}")
        yield entry
        close(page)
    explorer.show("attention")
    page.click("#attention-panel .panel-more > summary")
    page.click("#attention-panel [data-export=table]")
    page.wait_for_selector("#export-dialog td")
    yield "the numbers as a table"
    close(page)
    page.evaluate("dash_clientside.set_props('own-numbers', { is_open: true })")
    page.wait_for_selector("#own-numbers-choose")
    yield "the dialog of own numbers"
    close(page)
    page.select_option("#prompt-model", OPEN_ANOTHER)
    for text, result in (("/no/such/folder", "p"), ("analysis/bundled", "dl")):
        page.fill("#open-model-source", text)
        page.press("#open-model-source", "Enter")  # a dialog that has just opened may take the focus
        page.wait_for_selector(f"#open-model-found {result}")
        yield f"the dialog about {text}"
    close(page)


def below_the_header(explorer: Explorer) -> Iterator[str]:
    """Show the tour's card and the bars in turn."""
    page = explorer.page
    page.click("#help-menu > summary")
    page.click("#help-menu >> text=Take the tour")
    page.wait_for_selector("#tour:not([hidden])")
    yield "the tour"
    page.keyboard.press("Escape")
    page.evaluate(
        """() => { const view = { name: "One", note: "A note.", address: location.hash.slice(1), fingerprint: "" };
          dash_clientside.explorer.openSession({ title: "Two views", views: [view, { ...view, name: "Two" }] }); }"""
    )
    page.wait_for_selector("#views-bar:not([hidden])")
    yield "the bar of views"
    page.click("#views-bar [data-views=close]")
    page.click("#learn-menu > summary")
    page.click("text=What a token is")
    page.wait_for_selector("#views-note .term")
    page.click("#views-bar [data-views=next]", click_count=3, delay=50)
    page.wait_for_selector("#views-bar [data-views=lesson]:not([hidden])")
    explorer.selection()
    yield "the bar of a lesson"
    page.click("#views-bar [data-views=close]")
    explorer.restart()  # the lesson has selected what other panels have nothing to show for
    page.click("#compare-open")
    yield "the bar of B"
    page.click("#compare-open")


def close(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.locator(OPEN_DIALOG)).to_have_count(0)


def with_open(page: Page, selector: str, *, open: bool = True) -> None:
    page.evaluate(SET_OPEN, [selector, open])


def violations(page: Page, *include: str) -> Sequence[Any]:
    """Rules that parts of the page break, each with what breaks it; of the whole page without `include`."""
    page.wait_for_timeout(300)  # a button that was disabled fades in, and so does a dialog
    return page.evaluate(RUN, include)
