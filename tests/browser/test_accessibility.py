"""Accessibility: axe-core finds no violation, on a desktop and on a phone, in both themes."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from layouts.models import OPEN_ANOTHER
from tests.browser.explorer import NO_WEBGL, Explorer

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OPEN = "(selector) => document.querySelectorAll(selector).forEach((popUp) => { popUp.open = true; })"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing(browser: Browser, address: str, theme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme, bypass_csp=True)
    context.add_init_script(NO_WEBGL)
    explorer = Explorer(context.new_page(), address, [])
    explorer.open()
    check(explorer, "as it opens")
    for panel in ("logit_lens", "attribution", "saliency"):
        explorer.show(panel)
        check(explorer, panel)
    explorer.show("effect")
    explorer.page.click("#effect-list > [data-set='effect-removed']")
    explorer.page.wait_for_selector("#effect-list .effect-row")
    check(explorer, "with a removed part")
    explorer.show("summary")
    explorer.page.click("#summary-heads")
    explorer.page.wait_for_selector("#summary-heads-found tr")
    check(explorer, "with the list of heads")
    explorer.page.keyboard.press("Escape")
    explorer.page.click("#ledger-open")
    explorer.page.wait_for_selector("#ledger-lines strong")
    check(explorer, "with the ledger")
    explorer.page.keyboard.press("Escape")
    explorer.page.wait_for_selector("#ledger-lines", state="hidden")
    explorer.show("saliency")
    explorer.page.evaluate(OPEN, ".panel:not([hidden]) .panel-more")
    check(explorer, "with settings open")
    explorer.page.evaluate(OPEN, "#saliency-panel .panel-help")
    check(explorer, "with help open")
    explorer.page.select_option("#prompt-model", OPEN_ANOTHER)
    for text, found in [("/no/such/folder", "p"), ("analysis/bundled", "dl")]:
        explorer.page.fill("#open-model-source", text)
        explorer.page.keyboard.press("Enter")
        explorer.page.wait_for_selector(f"#open-model-found {found}")
        check(explorer, f"with the dialog about {text}")
    context.close()


def check(explorer: Explorer, state: str) -> None:
    explorer.page.wait_for_timeout(300)  # a button that was disabled fades in
    found = Axe().run(explorer.page)
    assert found.violations_count == 0, f"{state}: {found.generate_report()}"
