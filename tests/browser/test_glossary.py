"""Terms, tabs, menus and help: explanations on hover, focus and tap, which are whole in the window."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from layouts.glossary import GLOSSARY
from tests.browser.explorer import BEGINNING, NO_WEBGL, Explorer

pytestmark = [pytest.mark.browser, pytest.mark.shared_page]
TIP = ".term-tip"


def term(explorer: Explorer, name: str) -> Any:
    """A term of the strip's reading, which the text field covers while it is typed in."""
    explorer.page.locator("#prompt-text").blur()
    return explorer.page.locator(f"#strip-reading [aria-describedby='term-{name}']")


def boxes(page: Page) -> Any:
    """The places of all panels and of the words in the strip."""
    script = "all => all.map((one) => JSON.stringify(one.getBoundingClientRect()))"
    return page.eval_on_selector_all("section.panel, #strip-reading, #strip-reading *", script)


def test_a_term_is_explained_while_the_mouse_is_on_it_or_on_the_explanation(explorer: Explorer) -> None:
    page, tip = explorer.page, explorer.page.locator(TIP)
    before = boxes(page)
    term(explorer, "surprisal").hover()
    expect(tip).to_be_visible()
    expect(tip.locator("p")).to_have_text(f"surprisal {GLOSSARY['surprisal']}")
    assert boxes(page) == before, "nothing moves"
    where = tip.bounding_box()
    assert where
    assert where["x"] >= 0
    assert where["x"] + where["width"] <= 1440
    tip.hover()
    page.wait_for_timeout(500)
    expect(tip).to_be_visible()
    page.mouse.move(700, 5)
    expect(tip).to_be_hidden()


@pytest.mark.slow
def test_escape_closes_the_explanation_alone(explorer: Explorer) -> None:
    page, tip = explorer.page, explorer.page.locator(TIP)
    page.click("[data-enlarge=middle]")
    term(explorer, "surprisal").hover()
    expect(tip).to_be_visible()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    assert explorer.stored("large") == "middle"
    page.keyboard.press("Escape")
    assert explorer.stored("large") is None


@pytest.mark.slow
def test_the_terms_of_a_panel_are_one_tab_stop_with_arrow_keys_inside(explorer: Explorer) -> None:
    page, tip = explorer.page, explorer.page.locator(TIP)
    before = explorer.selection()
    terms = page.locator("#overview-panel .panel-line .term")
    assert terms.count() >= 2
    page.focus("#overview-panel .panel-help > summary")
    page.keyboard.press("Tab")
    expect(terms.first).to_be_focused()
    described = str(terms.first.get_attribute("aria-describedby"))
    expect(tip).to_contain_text(GLOSSARY[described.removeprefix("term-")])
    expect(page.locator(f"[id='{described}']")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(terms.nth(1)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(terms.first).to_be_focused()
    assert explorer.selection() == before, "the keys have not moved the selection"
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.matches('.term')")
    page.focus("#prompt-analyse")  # tabs explain what they name, too
    expect(tip).to_be_hidden()


@pytest.mark.thorough
def test_a_tap_explains_and_another_one_ends_it(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    context.add_init_script(NO_WEBGL)
    explorer = Explorer(context.new_page(), address, [])
    explorer.open()
    page, tip = explorer.page, explorer.page.locator(TIP)
    term(explorer, "attention").tap()
    expect(tip).to_contain_text(GLOSSARY["attention"])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    where = tip.bounding_box()
    assert where
    assert where["x"] >= 0
    assert where["x"] + where["width"] <= 390
    page.locator("#strip-title").tap(position={"x": 2, "y": 2})
    expect(tip).to_be_hidden()
    context.close()


@pytest.mark.slow
def test_tabs_and_menus_explain_what_they_name(explorer: Explorer) -> None:
    page, tip = explorer.page, explorer.page.locator(TIP)
    explorer.show("logit_lens")
    explorer.show("attention")
    page.hover("#tab-logit_lens")
    expect(tip.locator("p")).to_have_text(f"logit lens {GLOSSARY['logit lens']}")
    page.select_option("#attention-view", "rollout")
    page.hover("#attention-view")
    expect(tip).to_contain_text(GLOSSARY["rollout"])
    page.locator("#strip-panel [data-select='@3']").click()
    explorer.follows(f"{BEGINNING}@3")
    page.hover("#tab-logit_lens")
    expect(tip).to_contain_text("It changes with the selection when you open it.")
    page.mouse.move(700, 5)
    expect(tip).to_be_hidden()


@pytest.mark.thorough
def test_tokens_are_never_terms(explorer: Explorer) -> None:
    """Neither a token with the name of a term nor one of HTML is marked or read."""
    explorer.analyse("the head of a <b>token</b> ’ logit ’")
    explorer.page.wait_for_function("dash_clientside.explorer.shown().text.startsWith('the head of')")
    explorer.follows(explorer.selection())
    for chip in range(explorer.page.locator("#strip-chips .chip").count()):
        explorer.page.locator(f"#strip-chips [data-select='@{chip}']").click()
        explorer.page.wait_for_function(f"document.getElementById('strip-panel').dataset.selection.endsWith('@{chip}')")
        label = explorer.page.locator(f"#strip-chips [data-select='@{chip}']").inner_text()
        marked = explorer.page.locator("#strip-reading .term").all_inner_texts()
        assert label not in marked
        assert label in explorer.page.locator("#strip-reading").inner_text()
        assert explorer.page.locator("#strip-reading b").count() == 0


@pytest.mark.thorough
@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
def test_help_and_settings_are_whole_in_the_window(browser: Browser, address: str, size: tuple[int, int]) -> None:
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height})
    context.add_init_script(NO_WEBGL)
    explorer = Explorer(context.new_page(), address, [])
    explorer.open()
    page = explorer.page
    pop_ups = page.locator("details:is(.pop-up, .token-search) > summary:visible")
    assert pop_ups.count() >= 4
    for n in range(pop_ups.count()):
        pop_ups.nth(n).click()
        window = page.locator("details:is(.pop-up, .token-search)[open] > div")
        expect(window).to_have_count(1)
        more = window.locator(".panel-help-more > summary")
        if more.count():
            assert window.locator("> p").count() == 3
            more.click()
        page.wait_for_timeout(50)
        where = window.bounding_box()
        assert where
        assert where["x"] >= 0, n
        assert where["x"] + where["width"] <= width, n
        assert where["y"] >= 0, n
        assert where["y"] + where["height"] <= height, n
        assert window.evaluate("(box) => box.scrollWidth <= box.clientWidth"), n
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press("Escape")
        expect(window).to_have_count(0)
    if width > 1200:
        assert page.evaluate("scrollY") == 0
    context.close()
