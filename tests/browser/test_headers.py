"""Content security policy: nothing that the page does in a whole visit violates it."""

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.explorer import PLOT, Explorer

pytestmark = [pytest.mark.browser, pytest.mark.webgl, pytest.mark.slow]

CHOICES = (
    "[...document.querySelectorAll('.panel:not([hidden]) select')].filter((menu) => menu.checkVisibility())"
    ".flatMap((menu) => [...menu.options].filter(({ disabled, value }) => !disabled && value !== 'own')"  # a dialog
    ".map((option) => [menu.id, option.value]))"
)
LISTEN = (
    "document.addEventListener('securitypolicyviolation',"
    " (event) => window.violated(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`));"
)


@pytest.fixture
def violations(context: BrowserContext) -> list[str]:
    """What the browser has refused to do; to be asked for before the page."""
    found: list[str] = []
    context.expose_function("violated", lambda words: found.append(words))  # noqa: PLW0108  # it wants a Python function
    context.add_init_script(LISTEN)
    return found


@pytest.mark.thorough
def test_a_whole_visit_breaks_no_rule_of_the_page(violations: list[str], explorer: Explorer) -> None:
    page = explorer.page
    explorer.analyse("the wolf ate the red apple near the river")
    page.locator("#strip-chips button").nth(3).click()
    page.wait_for_function("document.querySelector('#strip-panel').dataset.selection.endsWith('@3')")
    for more in page.locator(".panel:not([hidden]) .panel-more").all():
        more.evaluate("(element) => { element.open = true; }")
    for menu, value in page.evaluate(CHOICES):
        page.select_option(f"#{menu}", value)
        page.wait_for_function("!document.querySelector('[aria-busy=true]')")
    page.select_option("#embedding-method", "pca")  # t-SNE may wait for its button
    page.wait_for_function(f"{PLOT.format(id='embedding-graph')}?.data?.[0]?.type === 'scatter3d'")
    explorer.compute()
    page.wait_for_function("/^(Computed|Cached)/.test(document.querySelector('#saliency-job-words').innerText)")
    for panel, kind in (("saliency", "json"), ("attention", "png"), ("architecture", "svg")):
        with page.expect_download():
            page.evaluate(f"document.querySelector('#{panel}-panel [data-export={kind}]').click()")
    page.click("#theme-button")
    page.wait_for_function("document.documentElement.dataset.bsTheme === 'dark'")
    page.click("[data-present=upper]")
    page.wait_for_function("document.fullscreenElement?.localName === 'main'")
    page.evaluate("document.exitFullscreen()")
    page.wait_for_function("!document.querySelector('#summary-panel').hidden")
    page.click("#architecture-panel .panel-help summary")
    page.wait_for_timeout(500)
    assert violations == []


def test_the_browser_does_refuse_what_the_page_does_not_allow(violations: list[str], explorer: Explorer) -> None:
    explorer.page.evaluate(
        "() => { const script = document.createElement('script'); script.textContent = 'window.broken = 1';"
        " document.head.append(script); }"
    )
    explorer.page.wait_for_timeout(300)
    assert explorer.page.evaluate("window.broken") is None
    assert [one.split()[0] for one in violations] == ["script-src-elem"]
    explorer.errors.clear()
