"""The colouring "effect of removing": without a sweep, the overview says so; then it is drawn with its numbers."""

import pytest
from playwright.sync_api import expect

from tests.browser.explorer import Explorer

pytestmark = [pytest.mark.browser, pytest.mark.shared_page, pytest.mark.long, pytest.mark.slow]


@pytest.mark.thorough
def test_the_sweep_colours_the_overview(explorer: Explorer) -> None:
    page, reading = explorer.page, explorer.page.locator("#overview-reading")
    page.select_option("#overview-color", "effect")
    # By zero, which no other test of this page asks for: the sweep is not in the cache.
    page.evaluate("dash_clientside.set_props('effect-replacement', { value: 'zero' })")
    expect(reading).to_contain_text("has not been computed for this token yet")
    page.click("#tab-effect")
    button = page.locator("#effect-job-compute")
    page.wait_for_function(
        "/Of all heads/.test(document.querySelector('#overview-reading').textContent)"
        " || document.querySelector('#effect-job-compute').offsetParent"
    )
    if button.is_visible():
        button.click()
    expect(reading).to_contain_text("Of all heads and MLPs, removing", timeout=90_000)
    expect(reading).to_contain_text("The logit is lower without an orange part")
    page.evaluate("dash_clientside.set_props('effect-replacement', { value: 'mean' })")
