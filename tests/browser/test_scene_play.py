"""Play: the walk through the network."""

import pytest

from tests.browser.explorer import Explorer

pytestmark = [pytest.mark.browser, pytest.mark.webgl, pytest.mark.shared_page, pytest.mark.thorough]
LAST = 18
LOG = """() => { window.shown = []; new MutationObserver(() => {
    const { selection } = document.getElementById('architecture-panel').dataset;
    if (selection !== shown.at(-1)) shown.push(selection);
  }).observe(document.getElementById('architecture-panel'), { attributeFilter: ['data-selection'] }); }"""


def test_play_walks_from_the_embedding_to_the_output(explorer: Explorer) -> None:
    """With a pause, and every step is drawn."""
    page, button = explorer.page, explorer.page.locator("#architecture-play")
    length = page.evaluate("history.length")
    page.evaluate(LOG)
    button.click()
    page.select_option("#architecture-speed", "fast")
    page.wait_for_function(f"shown.includes('block.1.attention.head.0@{LAST}')")
    button.click()
    page.wait_for_function("document.getElementById('architecture-play').innerText.includes('Continue')")
    paused = page.evaluate("dash_clientside.explorer.selection().block")
    page.wait_for_timeout(1500)  # more than a step
    assert page.evaluate("dash_clientside.explorer.selection().block") == paused
    button.click()
    explorer.follows(f"output@{LAST}")
    page.wait_for_function("document.getElementById('architecture-play').innerText.includes('Play')")
    blocks = [f"block.{block}.attention.head.0@{LAST}" for block in range(6)]
    assert page.evaluate("shown") == [f"embedding@{LAST}", *blocks, f"norm@{LAST}", f"output@{LAST}"]
    assert page.evaluate("history.length") == length  # a walk leaves no trail
