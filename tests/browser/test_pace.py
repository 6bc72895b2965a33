"""Keys that are pressed faster than the server draws: one request at a time, for the newest selection."""

import json
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Request

from tests.browser.explorer import BEGINNING, Explorer, follows_selection
from tests.serving import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.shared_page, pytest.mark.long, pytest.mark.slow]
LAST = 18
MOST_WRITES = 100  # of the address in 30 seconds; Safari throws at the next one
PRESS = """([key, count, ms, repeat]) => new Promise((done) => {
  const began = performance.now();
  let pressed = 0;
  const next = () => {
    for (; pressed < count && pressed <= (performance.now() - began) / ms; pressed++) {
      document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, repeat, bubbles: true }));
    }
    pressed < count ? setTimeout(next, 1) : done();
  };
  next();
})"""
COUNT_WRITES = """() => { window.addressWrites = 0;
  for (const name of ["pushState", "replaceState"]) {
    const write = history[name].bind(history);
    history[name] = (...given) => { window.addressWrites++; write(...given); };
  } }"""


def selected(explorer: Explorer) -> str:
    """The selection in the browser, which the panels may not show yet."""
    script = "() => { const { explorer } = dash_clientside; return explorer.writeSelection(explorer.selection()); }"
    return str(explorer.page.evaluate(script))


def asked_for(request: Request) -> str:
    """Selection for which a request asks the panels to be drawn."""
    parts = json.loads(request.post_data or "")
    (value,) = [one["value"] for one in [*parts["inputs"], *parts["state"]] if one["id"] == "selection"]
    return str(value)


@pytest.mark.thorough
def test_of_many_presses_only_the_newest_is_asked_for(explorer: Explorer) -> None:
    asked: list[str] = []
    explorer.page.on("request", lambda one: asked.append(asked_for(one)) if follows_selection(one) else None)
    explorer.page.focus("#summary-panel")
    with explorer.held():
        explorer.page.evaluate(PRESS, ["ArrowDown", 6, 20, False])  # down two columns
        explorer.page.evaluate(PRESS, ["ArrowRight", 2, 20, False])
        assert selected(explorer) == f"block.5.attention.head.5@{LAST}"
        explorer.page.wait_for_timeout(500)
        assert len(set(asked)) == 1
    explorer.follows(f"block.5.attention.head.5@{LAST}")
    # The first press at once, and the last one as soon as the first has its answer.
    assert list(dict.fromkeys(asked)) == [f"block.3.attention.head.2@{LAST}", f"block.5.attention.head.5@{LAST}"]


@pytest.mark.thorough
def test_a_request_without_an_answer_does_not_hold_back_the_next_one_for_ever(explorer: Explorer) -> None:
    explorer.page.focus("#summary-panel")
    with explorer.held() as routes:
        explorer.page.keyboard.press("ArrowRight")
        explorer.page.keyboard.press("ArrowRight")
        wait_until(lambda: explorer.page.wait_for_timeout(50) or len(routes) == 2)
        routes.pop(0)
    explorer.follows(f"block.5.attention.head.0@{LAST}")


@pytest.mark.parametrize(
    ("seconds", "presses", "repeat"),
    [pytest.param(10, 300, True, id="held", marks=pytest.mark.thorough), pytest.param(7, 450, False, id="distinct")],
)
def test_a_long_run_of_presses_ends_with_the_last_one_drawn(
    explorer: Explorer, seconds: int, presses: int, repeat: bool
) -> None:
    page, refused, writes = explorer.page, [], 0
    page.on("response", lambda answer: refused.append(answer.status) if answer.status >= 400 else None)
    page.evaluate(COUNT_WRITES)
    explorer.page.focus("#summary-panel")
    page.evaluate(PRESS, ["ArrowDown", presses, 1000 * seconds / presses, repeat])
    order = [0, 2, 4, 6, 1, 3, 5, 7]  # of two columns
    last = f"block.3.attention.head.{order[presses % 8]}@{LAST}"
    assert selected(explorer) == last
    page.wait_for_timeout(2000)
    explorer.follows(last)
    assert parse_qs(page.evaluate("location.hash.slice(1)"))["select"] == [last]
    writes = page.evaluate("window.addressWrites")
    assert 0 < writes <= MOST_WRITES
    assert not refused


@pytest.mark.thorough
def test_the_strips_mark_follows_at_once(explorer: Explorer) -> None:
    page = explorer.page
    page.focus(f"#strip-chips [data-select='@{LAST}']")
    with explorer.held() as routes:
        page.evaluate(PRESS, ["ArrowLeft", 3, 20, False])
        marked = "all => all.filter((c) => c.matches('.chip-selected[aria-pressed=true]')).map((c) => c.dataset.select)"
        assert page.eval_on_selector_all("#strip-chips > *", marked) == [f"@{LAST - 3}"]
        page.wait_for_timeout(300)
        assert len(routes) == 1
        assert set(explorer.selections()) == {f"{BEGINNING}@{LAST}"}
    explorer.follows(f"{BEGINNING}@{LAST - 3}")
    assert page.eval_on_selector_all("#strip-chips > *", marked) == [f"@{LAST - 3}"]
