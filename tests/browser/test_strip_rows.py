"""The token strip in several rows: arrow keys move as the eye does."""

import pytest

from tests.browser.explorer import BEGINNING, Explorer
from tests.browser.test_strip import CHIPS, focused, has_focus
from tests.serving import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.shared_page, pytest.mark.long, pytest.mark.slow]


def test_up_and_down_move_between_the_rows_of_all_chips(explorer: Explorer) -> None:
    page = explorer.page
    page.set_viewport_size({"width": 700, "height": 900})
    page.click("#strip-all")
    places = page.eval_on_selector_all(
        CHIPS,
        "all => all.map((c) => c.getBoundingClientRect()).map(({ left, right, top }) => [(left + right) / 2, top])",
    )
    start = 3
    below = min(top for _, top in places if top > places[start][1])
    row = [position for position, (_, top) in enumerate(places) if top == below]
    under = min(row, key=lambda position: abs(places[position][0] - places[start][0]))
    page.locator(f"{CHIPS}[data-select='@{start}']").focus()
    for key, position in [("ArrowUp", start), ("ArrowDown", under), ("ArrowRight", under + 1), ("ArrowLeft", under)]:
        page.keyboard.press(key)
        has_focus(page, position)
    explorer.follows(f"{BEGINNING}@{under}")
    page.keyboard.press("ArrowUp")
    wait_until(lambda: places[int((focused(page) or "@0")[1:])][1] == places[start][1])
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1440, "height": 900})
