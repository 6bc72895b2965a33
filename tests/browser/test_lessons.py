"""Lessons and examples on the page: what their sentences say is what the panels show."""

import re

import pytest
from playwright.sync_api import expect

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt
from layouts.examples import EXAMPLES
from tests.browser.explorer import BEGINNING, Explorer

pytestmark = [pytest.mark.browser, pytest.mark.shared_page]


@pytest.mark.slow
def test_a_lesson_is_opened_and_stepped_through(explorer: Explorer, bundled_model: LanguageModel) -> None:
    page, note = explorer.page, explorer.page.locator("#views-note")
    text = EXAMPLES["The same words twice"].text
    trace = compute_trace(bundled_model, Prompt("bundled", text))
    apple = int(trace.token_ids[15])
    page.click("#learn-menu > summary")
    page.click("text=Two heads that copy")
    expect(page.locator("#views-count")).to_have_text("1 of 6")
    explorer.follows("output@14")
    assert page.input_value("#prompt-text") == text
    spoken_of = page.locator(".spoken-of")
    expect(spoken_of).to_have_id("strip-panel")

    for _ in range(2):
        page.keyboard.press("PageDown")
    explorer.follows(f"block.4.attention.head.0@14~{apple}")
    weight = trace.attention(4)[0, 14, 5]
    expect(note).to_contain_text(f"head 0 of block 4 gives {weight:.0%} to ‘·apple’")
    assert explorer.data("attention-graph", "_fullData[0].z")[14][5] == pytest.approx(float(weight), abs=1e-5)
    expect(page.locator("#architecture-color")).to_have_value("induction")
    expect(spoken_of).to_have_id("attention-panel")
    note.locator(".term", has_text="induction").hover()
    expect(page.locator(".term-tip")).to_contain_text("Copying by example")
    note.locator(".term", has_text="induction").focus()
    for _ in range(2):  # the explanation, and the glossary
        page.keyboard.press("Enter")
    expect(page.locator("#glossary[open] .found").first).to_have_text("induction")
    page.keyboard.press("Escape")

    page.keyboard.press("PageDown")
    explorer.follows(f"block.4.attention.head.4@14~{apple}")
    expect(page.locator("#attribution-panel")).to_be_visible()

    page.keyboard.press("PageDown")
    explorer.follows(f"block.4.attention.head.0@14~{apple}")
    expect(page.locator("#effect-list .effect-row")).to_have_count(5)
    before, after = map(float, re.findall(r"[\d.]+", page.inner_text("#effect-numbers dd >> nth=0")))
    assert before == pytest.approx(float(trace.logits()[14, apple]), abs=0.01)
    expect(note).to_contain_text(f"by −{before - after:.1f}, from 67% to under 1%")

    following = page.locator("#views-bar [data-views=lesson]")
    expect(following).to_be_hidden()
    page.keyboard.press("PageDown")
    expect(page.locator("#views-count")).to_have_text("6 of 6")
    following.click()
    expect(page.locator("#views-title")).to_have_text("Where the answer forms")
    expect(page.locator("#views-count")).to_have_text("1 of 4")
    page.click("#views-bar [data-views=close]")
    expect(spoken_of).to_have_count(0)


@pytest.mark.thorough
def test_an_example_opens_what_shows_it(explorer: Explorer) -> None:
    page, one = explorer.page, EXAMPLES["A noun is due"]
    page.click("#examples-menu > summary")
    page.click("text=A noun is due")
    explorer.follows(one.select)
    expect(page.locator("#examples-menu[open]")).to_have_count(0)
    assert page.input_value("#prompt-text") == one.text
    page.go_back()
    explorer.follows(f"{BEGINNING}@18")
