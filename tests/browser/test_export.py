"""Saving panels: what is downloaded is opened, and holds what the page shows."""

import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from analysis.trace import Trace
from dashboard.panels import PANELS
from tests.browser.explorer import Explorer

pytestmark = [pytest.mark.browser, pytest.mark.shared_page]
SVG = "{http://www.w3.org/2000/svg}"
FLAT = [panel.name for panel in PANELS if panel.name != "architecture"]  # without WebGL, the overview is in its place


def saved(explorer: Explorer, panel: str, kind: str) -> tuple[str, bytes]:
    """The name and the content of the file that an entry of a panel's menu downloads."""
    page = explorer.page
    if page.locator(f"#{panel}-panel").is_hidden():
        explorer.show(panel)
    page.click(f"#{panel}-panel .panel-more > summary")
    with page.expect_download() as download:
        page.click(f"#{panel}-panel [data-export={kind}]")
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def words_of(svg: ET.Element) -> list[str]:
    return ["".join(text.itertext()) for text in svg.iter(f"{SVG}text")]


def check_pictures(explorer: Explorer, panel: str) -> ET.Element:
    """The SVG, after it and the PNG have been compared with each other and the page."""
    page = explorer.page
    name, content = saved(explorer, panel, "svg")
    svg = ET.fromstring(content)
    width, height = float(svg.attrib["width"]), float(svg.attrib["height"])
    title = page.text_content(f"#{panel}-title")
    assert svg.findtext(f"{SVG}title") == title
    words = words_of(svg)
    assert title.startswith(words[0])
    assert any(word.startswith("Text: “Once upon a time") for word in words)
    assert "LLM Architecture Explorer" in words
    ground = svg.find(f"{SVG}rect").attrib["fill"]
    assert ground == page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--surface')")
    assert len(list(svg.iter())) > 20
    picture_name, picture = saved(explorer, panel, "png")
    assert (Path(name).stem, Path(name).suffix) == (Path(picture_name).stem, ".svg")
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    assert image.size == (round(3 * width), round(3 * height))
    assert image.getpixel((0, 0)) == tuple(int(ground[n : n + 2], 16) for n in (1, 3, 5))
    between = image.crop((0, 3 * 80, image.width, image.height - 3 * 80))  # without title and caption
    assert len(between.getcolors(2**24)) > 10
    return svg


def test_a_panel_is_saved_in_every_form(explorer: Explorer, trace: Trace) -> None:
    page = explorer.page
    svg = check_pictures(explorer, "attention")
    labels = page.locator("#attention-graph .ytick text").all_text_contents()
    assert labels
    assert set(labels) <= set(words_of(svg))
    images = list(svg.iter(f"{SVG}image"))
    assert images
    assert all("image-rendering: pixelated" in image.attrib["style"] for image in images)

    name, content = saved(explorer, "attention", "json")
    assert name == "attention_block-3-head-0_position-18.json"
    found = json.loads(content)
    assert found["A"]["fingerprint"] == trace.info.fingerprint
    grid = np.float32(found["arrays"]["attention.grid"]["values"])
    np.testing.assert_allclose(grid, trace.attention(3)[0], atol=1e-6)

    name, content = saved(explorer, "attention", "csv")
    assert name == "attention_block-3-head-0_position-18.zip"
    with ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["attention.csv", "heads.csv", "about.json"]
    expect(page.locator("#export-status")).to_have_text(f"Saved {name}.")

    page.click("#attention-panel .panel-more > summary")
    page.click("#attention-panel [data-export=table]")
    expect(page.locator("#export-body h3")).to_have_text("Attention · block 3, head 0")
    assert page.locator("#export-body caption").count() == page.locator("#export-body table").count() == 2
    first = page.locator("#export-body tbody tr").first.locator("td").all_text_contents()
    assert first[:3] == ["3", "0", "0"]
    assert page.locator("#export-body thead th[scope=col]").first.text_content() == "block"
    page.keyboard.press("Escape")
    expect(page.locator("#export-dialog")).to_be_hidden()


@pytest.mark.slow
def test_a_token_is_neither_markup_nor_half_a_character_in_a_picture(explorer: Explorer) -> None:
    text = "the <b>wolf</b> & ]]> \x0b\x01 king"
    explorer.analyse(text)
    explorer.page.wait_for_function("(text) => dash_clientside.explorer.shown().text === text", arg=text)
    explorer.selection()
    for panel in ("strip", "attention"):
        svg = ET.fromstring(saved(explorer, panel, "svg")[1])
        assert any("<b>wolf</b> & ]]>" in word for word in words_of(svg))


@pytest.mark.slow
def test_a_picture_that_cannot_be_made_is_said(explorer: Explorer) -> None:
    page = explorer.page
    page.evaluate(
        "() => { const canvas = HTMLCanvasElement.prototype; canvas.kept = canvas.toBlob;"
        " canvas.toBlob = (done) => done(null); }"
    )
    page.click("#attention-panel .panel-more > summary")
    page.click("#attention-panel [data-export=png]")
    assert "could not be made (no memory for the picture)" in explorer.notice()
    page.evaluate("() => { HTMLCanvasElement.prototype.toBlob = HTMLCanvasElement.prototype.kept; }")


@pytest.mark.thorough
def test_every_panel_is_a_picture_in_both_themes(explorer: Explorer) -> None:
    for theme in ("light", "dark"):
        for panel in FLAT:
            check_pictures(explorer, panel)
        explorer.page.click("#theme-button")
        explorer.page.wait_for_function(f"document.documentElement.dataset.bsTheme !== '{theme}'")
        explorer.selection()


@pytest.mark.thorough
def test_every_panel_shows_its_tables(explorer: Explorer) -> None:
    page = explorer.page
    for panel in FLAT:
        if panel == "saliency":
            continue
        if page.locator(f"#{panel}-panel").is_hidden():
            explorer.show(panel)
        page.click(f"#{panel}-panel .panel-more > summary")
        page.click(f"#{panel}-panel [data-export=table]")
        expect(page.locator("#export-body h3")).to_have_text(page.text_content(f"#{panel}-title") or "")
        assert page.locator("#export-body td").count() > 4
        page.click("#export-dialog [data-close]")
