"""The token strip: one row, one tab stop, arcs of attention; and the mark of a text that is edited and not analysed."""

import re

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from analysis.models.language_model import LanguageModel
from analysis.trace import Trace
from tests.browser.explorer import BEGINNING, NO_WEBGL, Explorer
from tests.serving import wait_until
from tests.tiny import long_text

pytestmark = [pytest.mark.browser, pytest.mark.shared_page, pytest.mark.long]
LAST = 18
TEXT = "The fox said to the crow"
CHIPS = "#strip-chips [data-select]"


def tab_stops(page: Page) -> list[str]:
    script = "all => all.filter((chip) => chip.tabIndex === 0).map((chip) => chip.dataset.select)"
    found: list[str] = page.eval_on_selector_all(CHIPS, script)
    return found


def focused(page: Page) -> str | None:
    found: str | None = page.evaluate("document.activeElement.dataset.select ?? null")
    return found


def has_focus(page: Page, position: int) -> None:
    """Wait until a chip has the focus, which is restored in the frame after its element is replaced."""
    wait_until(lambda: focused(page) == f"@{position}")


def arcs(page: Page) -> dict[int, float]:
    """The widths of the arcs by the position that they lead to."""
    found = page.eval_on_selector_all(
        "#strip-arcs path",
        "all => all.map((p) => [Number(p.dataset.position), parseFloat(p.getAttribute('stroke-width'))])",
    )
    return {int(position): width for position, width in found}


def test_the_chips_are_one_tab_stop_in_which_arrow_keys_move(explorer: Explorer) -> None:
    page = explorer.page
    assert tab_stops(page) == [f"@{LAST}"]
    first = page.locator(CHIPS).first.element_handle()
    page.locator(f"{CHIPS}[data-select='@{LAST}']").focus()
    for key, position in [
        ("ArrowLeft", LAST - 1), ("ArrowLeft", LAST - 2), ("ArrowRight", LAST - 1), ("Home", 0), ("ArrowLeft", 0),
        ("ArrowRight", 1), ("End", LAST), ("ArrowRight", LAST),
    ]:  # fmt: skip
        page.keyboard.press(key)
        has_focus(page, position)
        explorer.follows(f"{BEGINNING}@{position}")
        assert tab_stops(page) == [f"@{position}"]
    page.wait_for_function("document.getElementById('strip-panel').dataset.selection.endsWith('@18')")
    assert first.evaluate("(chip) => chip.isConnected")  # no chip is replaced, so none loses the focus between two keys
    page.keyboard.press("Tab")
    assert focused(page) is None
    page.keyboard.press("Shift+Tab")
    assert focused(page) == f"@{LAST}"


def test_quick_key_presses_lose_no_step(explorer: Explorer) -> None:
    page = explorer.page
    page.locator(f"{CHIPS}[data-select='@{LAST}']").focus()
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    explorer.follows(f"{BEGINNING}@{LAST - 6}")
    has_focus(page, LAST - 6)
    assert tab_stops(page) == [f"@{LAST - 6}"]


@pytest.mark.thorough
def test_the_tab_stop_stays_right_when_the_colour_changes(explorer: Explorer) -> None:
    """With another colouring the chips are sent anew at every click."""
    page = explorer.page
    page.select_option("#strip-color", "attribution")
    page.locator(f"{CHIPS}[data-select='@4']").click()
    explorer.follows(f"{BEGINNING}@4")
    page.keyboard.press("ArrowRight")
    explorer.follows(f"{BEGINNING}@5")
    has_focus(page, 5)
    assert tab_stops(page) == ["@5"]
    page.select_option("#strip-color", "surprisal")
    page.wait_for_function("document.getElementById('strip-high').textContent.includes('bits')")
    assert tab_stops(page) == ["@5"]


@pytest.mark.thorough
def test_a_live_region_says_the_selection(explorer: Explorer, trace: Trace) -> None:
    page, status = explorer.page, explorer.page.locator("#status[role=status]")
    for select, words in [
        ("block.3.attention.head.5@8", "Block 3, head 5"),
        ("block.1.mlp@7", "Block 1, MLP"),
        ("block.1.mlp.neuron.9@7", "Block 1, neuron 9"),
        ("embedding@0", "Embedding"),
        ("output@2", "Output"),
    ]:
        page.evaluate("(select) => dash_clientside.explorer.request({ select })", select)
        position = int(select.partition("@")[2])
        expect(status).to_have_text(f"{words}, at token {position} ‘{trace.tokens[position].label}’")
    explorer.analyse(TEXT)
    expect(status).to_have_text("Output, at token 5 ‘·crow’")


@pytest.mark.thorough
def test_the_count_follows_typing(explorer: Explorer, bundled_model: LanguageModel) -> None:
    page, count, button = (
        explorer.page,
        explorer.page.locator("#prompt-count"),
        explorer.page.locator("#prompt-analyse"),
    )
    asked = []
    page.on(
        "request", lambda request: asked.append(request.url) if "counted.data" in (request.post_data or "") else None
    )
    outdated = page.locator(".strip-outdated")
    plain = button.evaluate("(b) => getComputedStyle(b).backgroundColor")
    expect(count).to_have_text(f"{LAST + 1} of 256 tokens")
    expect(outdated).to_be_hidden()
    page.fill("#prompt-text", "")
    expect(count).to_have_text("Empty, not analysed")
    page.locator("#prompt-text").press_sequentially(TEXT)
    n_tokens = len(bundled_model.tokenizer(TEXT)["input_ids"])
    expect(count).to_have_text(f"{n_tokens} of 256 tokens, not analysed")
    assert 1 <= len(asked) < len(TEXT)  # when the typing pauses
    expect(outdated).to_be_visible()
    assert button.evaluate("(b) => getComputedStyle(b).backgroundColor") != plain
    assert page.locator(CHIPS).count() == LAST + 1
    page.keyboard.press("Enter")
    expect(count).to_have_text(f"{n_tokens} of 256 tokens")
    expect(outdated).to_be_hidden()
    expect(page.locator(CHIPS)).to_have_count(n_tokens)
    page.keyboard.press("x")
    expect(count).to_contain_text("not analysed")
    page.keyboard.press("Backspace")  # the text that was analysed
    expect(count).to_have_text(f"{n_tokens} of 256 tokens")


@pytest.mark.thorough
def test_the_count_of_texts_that_are_too_long_or_empty_of_words(
    explorer: Explorer, bundled_model: LanguageModel
) -> None:
    count = explorer.page.locator("#prompt-count")
    explorer.page.fill("#prompt-text", long_text(bundled_model, 260))
    expect(count).to_have_text("260 of 256 tokens: 4 too many, not analysed")
    explorer.page.fill("#prompt-text", "x" * 20_001)
    expect(count).to_contain_text("at most 20,000 are read")
    explorer.page.fill("#prompt-text", "   ")
    n_tokens = len(bundled_model.tokenizer("   ")["input_ids"])
    expect(count).to_have_text(f"{n_tokens} of 256 tokens, only white space, not analysed")
    expect(explorer.page.locator("#notice")).to_be_hidden()


@pytest.mark.slow
def test_a_new_text_keeps_the_selection(explorer: Explorer) -> None:
    page = explorer.page
    explorer.open()
    opening = explorer.selection().partition("@")[0]
    explorer.analyse("When the king and the queen went to the garden, the king gave a rose to the queen")
    explorer.page.wait_for_function("dash_clientside.explorer.shown().text.startsWith('When')")
    explorer.follows(f"{opening}@{page.locator(CHIPS).count() - 1}")


@pytest.mark.slow
def test_arcs_follow_the_attention_of_the_selected_head(explorer: Explorer, trace: Trace) -> None:
    page = explorer.page
    for block, head, position in [(3, 5, LAST), (0, 7, 8), (5, 3, 12), (2, 0, 0)]:
        page.evaluate(
            "(select) => dash_clientside.explorer.request({ select })",
            f"block.{block}.attention.head.{head}@{position}",
        )
        explorer.follows(f"block.{block}.attention.head.{head}@{position}")
        row = trace.attention(block)[head, position]
        # From 0.75 to 5 pixels, for weights from 0 to 1.
        widths = {key: 0.75 + 4.25 * float(row[key]) for key in range(position + 1) if row[key] >= 0.02}
        wait_until(lambda widths=widths: page.wait_for_timeout(50) or arcs(page) == pytest.approx(widths, abs=0.01))
        share = re.search(r"([\d.]+)% of it on the first token", page.inner_text("#strip-reading"))
        assert bool(share) == (position > 0)
        if share:
            assert float(share[1]) == pytest.approx(100 * float(row[0]), abs=0.6)
    page.click("#summary-mlp")
    explorer.follows("block.2.mlp@0")
    wait_until(lambda: page.wait_for_timeout(50) or not arcs(page))
    assert "Arcs" not in page.inner_text("#strip-reading")


@pytest.mark.thorough
def test_arcs_end_at_their_chips_while_the_row_scrolls(explorer: Explorer, bundled_model: LanguageModel) -> None:
    page = explorer.page
    explorer.analyse(long_text(bundled_model, 60))
    explorer.follows(f"{BEGINNING}@59")
    script = """() => [...document.querySelectorAll('#strip-arcs path')].map((path) => {
      const place = document.getElementById('strip-arcs').getBoundingClientRect();
      const chip = document.querySelector(`#strip-chips [data-select="@${path.dataset.position}"]`);
      const [box, end] = [chip.getBoundingClientRect(), path.getPointAtLength(path.getTotalLength())];
      return [box.left + box.width / 2, place.left + end.x]; })"""
    for left in (10_000, 200, 0):
        page.evaluate("(left) => { document.getElementById('strip-chips').scrollLeft = left; }", left)
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        ends = np.array(page.evaluate(script))
        assert len(ends) > 1
        own = abs(ends[:, 0] - ends[:, 1]) < 8  # a loop ends beside the middle of its chip
        assert own.all(), ends
        assert (abs(ends[:, 0] - ends[:, 1]) < 1).sum() >= len(ends) - 1


@pytest.mark.thorough
def test_the_strip_is_one_row_that_opens(explorer: Explorer, bundled_model: LanguageModel) -> None:
    page = explorer.page
    button, panel = page.locator("#strip-all"), page.locator("#strip-panel")
    tops = "all => [...new Set(all.map((c) => Math.round(c.getBoundingClientRect().top)))].length"

    def is_seen(position: int) -> bool:
        found: bool = page.evaluate(
            """(select) => { const row = document.getElementById('strip-chips').getBoundingClientRect();
               const chip = document.querySelector(`#strip-chips [data-select="${select}"]`).getBoundingClientRect();
               return chip.left >= row.left && chip.right <= row.right && chip.bottom <= row.bottom; }""",
            f"@{position}",
        )
        return found

    explorer.analyse(long_text(bundled_model, 150))
    explorer.follows(f"{BEGINNING}@149")
    wait_until(lambda: page.wait_for_timeout(50) or is_seen(149))
    box = panel.bounding_box()
    assert box
    assert box["height"] <= 64
    assert page.eval_on_selector_all(CHIPS, tops) == 1
    assert "more-before" in (page.get_attribute(".strip-row", "class") or "")
    button.click()
    assert page.eval_on_selector_all(CHIPS, tops) > 3
    expect(button).to_have_attribute("aria-expanded", "true")
    assert panel.bounding_box() == box  # it lies over what is below
    page.locator(f"{CHIPS}[data-select='@75']").click()
    explorer.follows(f"{BEGINNING}@75")
    page.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-expanded", "false")
    assert is_seen(75)
    for where, position in [("output", 140), ("output", 3), (BEGINNING, 75)]:  # of an output there are no arcs
        page.evaluate("(select) => dash_clientside.explorer.request({ select })", f"{where}@{position}")
        explorer.follows(f"{where}@{position}")
        wait_until(lambda position=position: page.wait_for_timeout(50) or is_seen(position))
    button.click()
    page.mouse.click(700, 600)
    assert page.eval_on_selector_all(CHIPS, tops) == 1
    explorer.analyse(TEXT)
    explorer.follows(f"{BEGINNING}@5")
    expect(button).to_be_hidden()


@pytest.mark.thorough
def test_on_a_phone_the_row_scrolls_and_the_page_does_not(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    context.add_init_script(NO_WEBGL)
    explorer = Explorer(context.new_page(), address, [])
    explorer.open(select=BEGINNING)
    page = explorer.page
    heights = page.eval_on_selector_all(CHIPS, "all => all.map((c) => c.getBoundingClientRect().height)")
    assert min(heights) >= 24
    assert page.evaluate(
        "(() => { const r = document.getElementById('strip-chips'); return r.scrollWidth > r.clientWidth; })()"
    )
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
    page.locator(f"{CHIPS}[data-select='@{LAST}']").tap()
    explorer.follows(f"{BEGINNING}@{LAST}")
    context.close()


@pytest.mark.thorough
def test_hovering_a_figure_highlights_the_token(explorer: Explorer) -> None:
    cells = explorer.page.locator("#attention-graph .draglayer .xy .nsewdrag")
    cells.scroll_into_view_if_needed()
    grid = cells.bounding_box()
    assert grid
    explorer.page.mouse.move(grid["x"] + 3, grid["y"] + grid["height"] * 6.5 / 19)
    explorer.page.wait_for_selector("#strip-chips [data-select='@6'].chip-hovered")
    explorer.page.mouse.move(2, 2)
    explorer.page.wait_for_function("!document.querySelector('.chip-hovered')")
