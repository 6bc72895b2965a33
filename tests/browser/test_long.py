"""Long texts: above 128 tokens the heat map is an image of one byte per cell, with values and clicks as before."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt
from tests.browser.explorer import Explorer
from tests.tiny import long_text

pytestmark = [pytest.mark.browser, pytest.mark.slow]
N = 150


def test_cells_of_an_image_are_named_and_select(explorer: Explorer, bundled_model: LanguageModel) -> None:
    page, text = explorer.page, long_text(bundled_model, N)
    trace = compute_trace(bundled_model, Prompt("bundled", text))
    explorer.analyse(text)
    explorer.follows(f"block.3.attention.head.0@{N - 1}")
    assert explorer.data("attention-graph", "_fullData[0].z[149].length") == N
    assert explorer.data("attention-graph", "_fullData[0].zmax") == 255
    page.click("[data-enlarge=upper]")
    page.wait_for_function("document.querySelector('#attention-graph .js-plotly-plot')._fullLayout.height > 400")
    grid = page.locator("#attention-graph .draglayer .xy .nsewdrag").bounding_box()
    assert grid
    tip, attention = page.locator("#tip"), trace.attention(3)[0]
    query = 120
    key = int(attention[query].argmax())
    cell = grid["width"] / N, grid["height"] / N
    page.mouse.move(grid["x"] + cell[0] * (key + 0.5), grid["y"] + cell[1] * (query + 0.5))
    expect(tip).to_have_class(re.compile("shown"))
    expect(tip).to_contain_text(f"({query}) → ")
    words = tip.inner_text()
    found = re.fullmatch(r"(.*) \((\d+)\) → (.*) \((\d+)\): about ([\d.]+)% of its attention", words)
    assert found, words
    assert (found[1], int(found[2])) == (trace.tokens[query].label, query)
    assert (found[3], int(found[4])) == (trace.tokens[key].label, key)
    assert float(found[5]) / 100 == pytest.approx(float(attention[query, key]), rel=0.1)
    plotlys_own = page.locator("#attention-graph .hoverlayer")
    assert plotlys_own.evaluate("(e) => getComputedStyle(e).display") == "none"
    expect(page.locator(f"#strip-chips [data-select='@{query}']")).to_have_class(re.compile("chip-hovered"))
    page.mouse.down()
    page.mouse.up()
    explorer.follows(f"block.3.attention.head.0@{query}")
    page.mouse.move(grid["x"] + cell[0] * (N - 20), grid["y"] + cell[1] * 10)  # above the diagonal there is nothing
    expect(tip).not_to_have_class(re.compile("shown"))
    assert plotlys_own.evaluate("(e) => getComputedStyle(e).display") == "none"
    expect(page.locator(".chip-hovered")).to_have_count(1)
    page.mouse.move(grid["x"] + cell[0] * (N - 20), grid["y"] - 300)
    expect(page.locator(".chip-hovered")).to_have_count(0)
    assert plotlys_own.evaluate("(e) => getComputedStyle(e).display") != "none"
    page.locator("#attention-heads-graph .draglayer .x7y7 .nsewdrag").click()
    explorer.follows(f"block.3.attention.head.6@{query}")
    shown = np.array(explorer.data("attention-graph", f"_fullData[0].z[{query}]"))[: query + 1]
    assert np.allclose(((shown - 1) / 254) ** 2, trace.attention(3)[6, query, : query + 1], atol=0.005)
