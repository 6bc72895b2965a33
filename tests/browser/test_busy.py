"""A busy server: the page retries its requests, and shows a notice only if all retries fail."""

from collections import Counter
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.browser.explorer import Explorer
from tests.serving import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.shared_page, pytest.mark.long, pytest.mark.slow]
DRAWING = "attention-panel.data-selection"  # in the one request that a click sends
CALLBACKS = "**/_dash-update-component*"
BUSY = {"Retry-After": "1", "Content-Type": "text/plain"}


def refuse(explorer: Explorer, refused: Callable[[str], bool], *, status: int = 503) -> Counter[str]:
    """Refuse requests to draw the panels by what they ask for; gives how often each was refused, by its body."""
    counts: Counter[str] = Counter()

    def answer(route: Route) -> None:
        body = route.request.post_data or ""
        if DRAWING in body and refused(body):
            counts[body] += 1
            route.fulfill(status=status, headers=BUSY, body="The server is busy.")
        else:
            route.continue_()

    explorer.page.route(CALLBACKS, answer)
    return counts


@pytest.mark.parametrize("status", [503, pytest.param(429, marks=pytest.mark.thorough)])
def test_a_busy_server_is_asked_again_and_the_panels_follow(explorer: Explorer, status: int) -> None:
    seen: Counter[str] = Counter()
    last: list[str] = []  # the panels may be asked for anew before they were answered

    def twice(body: str) -> bool:
        seen[body] += 1
        last.append(body)
        return seen[body] <= 2

    counts = refuse(explorer, twice, status=status)
    explorer.page.locator("#strip-panel [data-select='@2']").click()
    explorer.follows("block.3.attention.head.0@2")
    wait_until(lambda: explorer.page.wait_for_timeout(50) or seen[last[-1]] == 3)
    assert counts[last[-1]] == 2
    expect(explorer.page.locator("#notice")).to_be_hidden()
    explorer.errors.clear()  # the browser's own report of the status


@pytest.mark.thorough
def test_what_was_refused_is_not_asked_again_once_something_newer_is(explorer: Explorer) -> None:
    counts = refuse(explorer, lambda body: "@2" in body)
    explorer.page.locator("#strip-panel [data-select='@2']").click()
    explorer.page.wait_for_selector("#attention-panel[aria-busy='true']")
    explorer.page.locator("#strip-panel [data-select='@4']").dispatch_event("click")  # at once on a slow page too
    explorer.follows("block.3.attention.head.0@4")
    until_then = dict(counts)
    assert 0 < max(until_then.values()) < 6  # it would still have been asked again
    explorer.page.wait_for_timeout(2500)  # longer than the pause before that
    assert counts == until_then
    assert set(explorer.selections()) == {"block.3.attention.head.0@4"}
    expect(explorer.page.locator("#notice")).to_be_hidden()
    explorer.errors.clear()


@pytest.mark.thorough
def test_when_it_stays_busy_the_page_says_so(explorer: Explorer) -> None:
    counts = refuse(explorer, lambda _body: True)
    explorer.page.locator("#strip-panel [data-select='@2']").click()
    explorer.page.wait_for_selector("#notice")  # it is asked again for a while before
    assert "The server is busy" in explorer.notice()
    assert "previous result" in explorer.notice()
    assert max(counts.values()) == 6  # a result that arrives meanwhile makes the page ask anew, with another body
    assert explorer.page.get_attribute("#attention-panel", "data-selection") == "block.3.attention.head.0@18"
    explorer.page.unroute(CALLBACKS)
    explorer.errors.clear()
    explorer.page.locator("#strip-panel [data-select='@2']").click()  # the same again, as the notice says
    explorer.follows("block.3.attention.head.0@2")
    expect(explorer.page.locator("#notice")).to_be_hidden()
