"""Export of the whole view: the report, which works without a network, and the notebook."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from analysis.trace import Trace
from tests.browser.explorer import NO_WEBGL, Explorer

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.slow]
HOSTILE = "a wolf </script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> said \u202e{{ }}"
SAVED = "#export-menu summary"


def saved(explorer: Explorer, kind: str, folder: Path) -> Path:
    """The file that an entry of the header's menu saves."""
    explorer.page.click(SAVED)
    with explorer.page.expect_download() as download:
        explorer.page.click(f"#export-{kind}")
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return file


def drawn(page: Page, panel: str) -> Locator:
    """The first figure of a panel, which is drawn when it comes into view."""
    page.locator(f".{panel}-panel .dash-graph").first.scroll_into_view_if_needed()
    plot = page.locator(f".{panel}-panel .js-plotly-plot").first
    expect(plot).to_be_visible()
    return plot


@pytest.fixture
def alone(browser: Browser) -> Iterator[Page]:
    """A page of a browser without a network; fails at the end if it said anything was wrong, or asked for anything."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light", offline=True)
    context.add_init_script(NO_WEBGL)
    page, problems = context.new_page(), []
    page.on("dialog", lambda dialog: (problems.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: None if page.url == request.url else problems.append(request.url))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    yield page
    problems = [
        one for one in problems if not one.startswith(("file:", "data:", "blob:")) and "webgl" not in one.lower()
    ]
    context.close()
    assert problems == []


def test_a_report_shows_the_view_without_a_network(
    explorer: Explorer, trace: Trace, alone: Page, tmp_path: Path
) -> None:
    explorer.compute()
    expect(explorer.page.locator("#saliency-job-words")).to_contain_text(re.compile("^(Computed|Cached)"))
    file = saved(explorer, "report", tmp_path)
    assert file.name == "bundled-block.3.attention.head.0-18.html"
    assert file.stat().st_size < 6 * 10**6
    alone.goto(file.as_uri())
    expect(alone.locator("h1")).to_have_text("bundled · block.3.attention.head.0@18 · LLM Architecture Explorer")
    assert alone.locator(".strip-chips .chip").all_inner_texts() == [token.label for token in trace.tokens]
    expect(alone.locator(".chip-selected")).to_have_text(trace.tokens[-1].label)
    for panel in ("attention", "saliency", "summary"):
        title = explorer.page.locator(f"#{panel}-title").inner_text().split("\n")[-1]
        assert title.casefold() in alone.locator(f"#{panel}-title").inner_text().casefold()
        assert (
            explorer.page.locator(f"#{panel}-reading").inner_text()
            == alone.locator(f".{panel}-panel > .reading").inner_text()
        )
    plot = drawn(alone, "attention")
    expect(plot.locator(".heatmaplayer image")).to_have_count(1)
    grid = json.loads(plot.evaluate("(plot) => JSON.stringify(plot._fullData[0].z, (_, v) => v?.buffer ? [...v] : v)"))
    assert grid[7][3] == pytest.approx(float(trace.attention(3)[0, 7, 3]), abs=1e-5)
    box = plot.locator(".nsewdrag").first.bounding_box()
    assert box
    alone.mouse.move(box["x"] + 3, box["y"] + box["height"] - 3)
    share = 100 * trace.attention(3)[0, 18, 0]
    words = f"{trace.tokens[-1].label} (18) → {trace.tokens[0].label} (0): {share:.1f}% of its attention"
    expect(alone.locator("#tip.shown")).to_have_text(words)
    bars = drawn(alone, "saliency")
    bar = bars.locator(".point").nth(2).bounding_box()
    assert bar
    alone.mouse.move(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    expect(bars.locator(".hoverlayer .hovertext")).to_contain_text("·a")
    light = alone.evaluate("getComputedStyle(document.body).backgroundColor")
    alone.click(".theme")
    assert alone.evaluate("getComputedStyle(document.body).backgroundColor") != light
    expect(alone.locator(".chip").first).to_have_css("color", "rgb(232, 237, 243)")


@pytest.mark.thorough
def test_what_a_visitor_types_is_text_in_the_report(explorer: Explorer, alone: Page, tmp_path: Path) -> None:
    explorer.analyse(HOSTILE)
    explorer.page.wait_for_function("(text) => dash_clientside.explorer.shown().text === text", arg=HOSTILE)
    explorer.selection()
    file = saved(explorer, "report", tmp_path)
    alone.goto(file.as_uri())
    expect(alone.locator(".facts .wide dd")).to_have_text(HOSTILE, use_inner_text=False)
    alone.set_viewport_size({"width": 390, "height": 844})
    expect(alone.locator(".panel")).to_have_count(12)
    assert alone.evaluate("document.documentElement.scrollWidth") == 390
    assert alone.locator("img, iframe, main script").count() == 0


@pytest.mark.thorough
def test_a_notebook_has_a_cell_for_each_visible_panel(explorer: Explorer, tmp_path: Path) -> None:
    explorer.show("logit_lens")
    file = saved(explorer, "notebook", tmp_path)
    assert file.name == "bundled-block.3.attention.head.0-18.ipynb"
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    drawn = [
        cell.source.partition("visualize.")[2].partition("(")[0] for cell in notebook.cells if "figures[" in cell.source
    ]
    assert "plot_logit_lens" in drawn
    assert "plot_attention" not in drawn  # its tab is not open
    assert {"plot_prediction", "plot_token_activations", "plot_token_embeddings"} <= {*drawn}
