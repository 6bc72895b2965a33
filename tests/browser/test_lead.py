"""The line below the tokens: what the page opened on, and what stands out."""

import re

import pytest
from playwright.sync_api import expect

from analysis.causes.findings import Decision, Repetition, compute_findings
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt, Trace
from layouts.examples import EXAMPLES
from tests.browser.explorer import BEGINNING, Explorer

pytestmark = [pytest.mark.browser, pytest.mark.shared_page, pytest.mark.slow]
LAST = 18


@pytest.mark.thorough
def test_the_page_opens_on_the_head_that_looks_back_most(explorer: Explorer, trace: Trace) -> None:
    page = explorer.page
    weights = {
        (block, head, key): float(weight)
        for block in range(trace.info.n_blocks)
        for head, row in enumerate(trace.attention(block)[:, LAST])
        for key, weight in enumerate(row)
        if 0 < key < LAST - 1
    }
    block, head, key = max(weights, key=lambda place: weights[place])
    lead = page.locator("p.lead-line")
    explorer.open()
    explorer.follows(f"block.{block}.attention.head.{head}@{LAST}")
    said = f"block {block}, head {head}: at ‘.’ it puts {weights[block, head, key]:.0%} of its attention on "
    expect(lead).to_contain_text(f"Opened on {said}‘{trace.tokens[key].label}’. Pick a token")
    page.click("#summary-mlp")
    explorer.follows(f"block.{block}.mlp@{LAST}")
    page.locator("#lead-select").click()
    explorer.follows(f"block.{block}.attention.head.{head}@{LAST}")
    explorer.open(select=f"{BEGINNING}@3")
    expect(lead).to_contain_text(f"Try {said}")
    explorer.open(text="A fox")
    explorer.follows("block.3.attention.head.0@1")
    expect(lead).to_have_text(re.compile("^Pick a token"))


@pytest.mark.thorough
def test_what_stands_out_is_said_in_links(explorer: Explorer, bundled_model: LanguageModel) -> None:
    """Below the tokens of "The same words twice": a head that decides, and an induction head."""
    page, text = explorer.page, EXAMPLES["The same words twice"].text
    decision, repetition = compute_findings(bundled_model, compute_trace(bundled_model, Prompt("bundled", text)))
    assert isinstance(decision, Decision)
    assert isinstance(repetition, Repetition)
    explorer.analyse(text)
    links = page.locator("#lead-findings button")
    expect(links).to_have_text([f"Block {one.block}, head {one.head}" for one in (decision, repetition)])
    expect(page.locator("#lead-findings")).to_contain_text("continues repetitions (induction)")
    links.first.click()
    head = f"block.{decision.block}.attention.head.{decision.head}"
    explorer.follows(f"{head}@{decision.position}~{decision.target.id}")
    explorer.show("attribution")
    share = f"{decision.share:+.2f}"
    expect(page.locator("#attribution-panel .panel-reading")).to_contain_text(f"adds {share}")
    links.last.focus()
    page.keyboard.press("Enter")
    head = f"block.{repetition.block}.attention.head.{repetition.head}"
    explorer.follows(f"{head}@{repetition.query.position}~{decision.target.id}")
    explorer.open(text="A fox")
    expect(links).to_have_count(0)
