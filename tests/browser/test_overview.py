"""The overview, in a browser without WebGL: it takes the 3D scene's place, and cells can be pointed at and clicked."""

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from analysis.trace import Trace
from tests.browser.explorer import FRAMES, NO_WEBGL, Explorer, follows_selection

pytestmark = [pytest.mark.browser, pytest.mark.shared_page, pytest.mark.long]
LAST = 18
PLACE = """([trace, box]) => {
  const plot = document.querySelector('#overview-graph .js-plotly-plot');
  const { xaxis, yaxis } = plot._fullLayout, { x, y, customdata } = plot._fullData[trace];
  const row = customdata.findIndex((cells) => [...cells].includes(box)), column = [...customdata[row]].indexOf(box);
  const { left, top } = plot.getBoundingClientRect(), mid = (edges, n) => (edges[n] + edges[n + 1]) / 2;
  return [left + xaxis._offset + xaxis.c2p(mid(x, column)), top + yaxis._offset + yaxis.c2p(mid(y, row))];
}"""
HEADS, TILES = 0, 1


SQUARE = """() => { const { _fullData: data, _fullLayout: { xaxis, yaxis, width } } =
    document.querySelector('#overview-graph .js-plotly-plot');
  return data.length === 5 && width > 1000 && Math.abs(data[4].dx * xaxis._m / data[4].dy / yaxis._m) > 0.93
    && Math.abs(data[4].dx * xaxis._m / data[4].dy / yaxis._m) < 1.07; }"""


def hover(explorer: Explorer, trace: int, box: int) -> str:
    """Put the mouse on the cell with this number; gives the words beside it."""
    x, y = explorer.page.evaluate(PLACE, [trace, box])
    explorer.page.mouse.move(x + 1, y)
    explorer.page.mouse.move(x, y)
    explorer.page.wait_for_selector("#tip.shown")
    explorer.page.wait_for_timeout(150)
    return explorer.page.inner_text("#tip")


def click(explorer: Explorer, trace: int, box: int) -> None:
    hover(explorer, trace, box)
    explorer.page.mouse.down()
    explorer.page.mouse.up()


def number(words: str) -> float:
    found = re.search(r": ([\d.]+) ", words)
    assert found, words
    return float(found[1])


def test_it_is_shown_in_place_of_the_scene(explorer: Explorer) -> None:
    page = explorer.page
    expect(page.locator("#overview-panel")).to_be_visible()
    expect(page.locator("#architecture-panel")).to_be_hidden()
    expect(page.locator("#tab-architecture")).to_have_count(0)
    expect(page.locator("#overview-panel .webgl-note")).to_be_visible()
    assert "tabs" not in page.evaluate("location.hash")
    expect(page.locator("[data-reset=layout]")).to_be_disabled()


@pytest.mark.slow
def test_cells_are_named_with_the_traces_numbers(explorer: Explorer, trace: Trace) -> None:
    n_heads, n_tiles, width = trace.info.n_heads, trace.info.n_tiles, trace.info.tile_width
    explorer.page.select_option("#overview-color", "norm")
    explorer.page.wait_for_function(
        "document.getElementById('overview-reading').textContent.includes('longest vector')"
    )
    for block, head in [(0, 5), (5, 0), (2, 7)]:
        words = hover(explorer, HEADS, block * n_heads + head)
        assert words.startswith(f"Block {block} · head {head}: ")
        assert words.endswith("(L2 norm of what it adds to the residual stream)")
        assert number(words) == pytest.approx(float(trace.head_norms(block)[LAST, head]), rel=5e-3)
    for block, tile in [(0, 0), (5, 7), (3, 40)]:
        words = hover(explorer, TILES, block * n_tiles + tile)
        assert words.startswith(f"Block {block} · neurons {tile * width}–{(tile + 1) * width - 1}: ")
        assert number(words) == pytest.approx(float(trace.tile_norms(block)[LAST, tile]), rel=5e-3)


@pytest.mark.slow
def test_clicks_select_a_head_a_tiles_strongest_neuron_and_the_ends(explorer: Explorer, trace: Trace) -> None:
    n_heads, n_tiles, width = trace.info.n_heads, trace.info.n_tiles, trace.info.tile_width
    click(explorer, HEADS, 4 * n_heads + 2)
    explorer.follows(f"block.4.attention.head.2@{LAST}")
    explorer.shows_attention(trace, 4, 2)
    click(explorer, TILES, 1 * n_tiles + 9)
    neurons = np.abs(trace.neurons(1)[LAST, 9 * width : 10 * width])
    explorer.follows(f"block.1.mlp.neuron.{9 * width + int(neurons.argmax())}@{LAST}")
    page = explorer.page
    page.locator("#overview-graph .scatterlayer .point").nth(2).hover(force=True)
    page.wait_for_timeout(200)
    page.mouse.down()
    page.mouse.up()
    explorer.follows(f"output@{LAST}")


@pytest.mark.thorough
def test_arrow_keys_move_where_the_cells_are(explorer: Explorer) -> None:
    page = explorer.page
    click(explorer, HEADS, 2 * 8 + 3)
    explorer.follows(f"block.2.attention.head.3@{LAST}")
    assert page.evaluate("document.activeElement.id") == "overview-panel"
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    below = 3 + page.evaluate("dash_clientside.explorer.overviewColumns()")
    explorer.follows(f"block.3.attention.head.{below}@{LAST}")
    (x, y), (other, lower) = (page.evaluate(PLACE, [HEADS, head]) for head in (3, below))
    assert other == pytest.approx(x, abs=1)
    assert lower > y


@pytest.mark.thorough
def test_the_colouring_is_the_scenes_and_in_the_address(explorer: Explorer, trace: Trace) -> None:
    page = explorer.page
    page.select_option("#overview-color", "first")
    page.wait_for_function("location.hash.includes('architecture-color=first')")
    explorer.selection()
    page.wait_for_function("document.getElementById('overview-reading').textContent.includes('first token')")
    words = hover(explorer, HEADS, 3 * 8 + 1)
    share = float(trace.attention(3)[1, LAST, 0])
    assert number(words) == pytest.approx(share, rel=5e-3)
    explorer.open(**{"architecture-color": "entropy", "select": "block.1.attention.head.1@4"})
    page.wait_for_function("document.getElementById('overview-color').value === 'entropy'")
    assert "bits" in page.inner_text("#overview-reading")


@pytest.mark.thorough
def test_the_opening_colouring_is_direct_attribution_and_old_links_keep_theirs(explorer: Explorer) -> None:
    page = explorer.page
    explorer.open(select="block.1.attention.head.1@4")
    expect(page.locator("#overview-color")).to_have_value("norm")
    assert "architecture-color" not in page.evaluate("location.hash")
    explorer.open()
    expect(page.locator("#overview-color")).to_have_value("attribution")
    page.wait_for_function("location.hash.includes('architecture-color=attribution')")
    assert "the logit for ‘" in page.inner_text("#overview-reading")
    explorer.open(**{"attribution-against": "7", "architecture-color": "attribution", "select": "output@4~9"})
    assert " minus ‘" in page.inner_text("#overview-reading")


@pytest.mark.thorough
def test_embeddings_fall_back_to_2d_and_say_so(explorer: Explorer) -> None:
    explorer.page.select_option("#embedding-dimensions", "3")
    assert "does not support WebGL" in explorer.notice()
    expect(explorer.page.locator("#embedding-dimensions")).to_have_value("2")
    explorer.follows(explorer.selection())
    assert explorer.data("embedding-graph", "_fullData[0].type") == "scatter"
    explorer.page.click("#notice .btn-close")
    explorer.open(**{"embedding-dimensions": "3", "select": "block.1.attention.head.1@4"})
    assert "2D" in explorer.notice()
    expect(explorer.page.locator("#embedding-dimensions")).to_have_value("2")


def cell_at(explorer: Explorer, block: int, head: int) -> tuple[Any, Any]:
    """What the image of attention shows on a head's cell, upright, and the cell's size in pixels."""
    found = explorer.page.evaluate(
        """(box) => { const { _fullData: [heads,,,, image], _fullLayout: { xaxis, yaxis } } =
             document.querySelector('#overview-graph .js-plotly-plot');
           const row = heads.customdata.findIndex((cells) => [...cells].includes(box));
           const column = [...heads.customdata[row]].indexOf(box);
           const edges = (all, n) => [all[n], all[n + 1]];
           const [[left, right], [low, high]] = [edges(heads.x, column), edges(heads.y, row)];
           const inside = (from, to, start, step, count) =>
             [...Array(count).keys()].filter((n) => start + n * step > from && start + n * step < to);
           const { x0, dx, y0, dy, z } = image;
           const columns = inside(left, right, x0, dx, z[0].length), rows = inside(low, high, y0, dy, z.length);
           return { cells: rows.reverse().map((one) => columns.map((other) => z[one][other])),
             pixels: [xaxis.l2p(x0 + dx) - xaxis.l2p(x0), yaxis.l2p(y0) - yaxis.l2p(y0 + dy)],
             size: [xaxis.l2p(right) - xaxis.l2p(left), yaxis.l2p(low) - yaxis.l2p(high)] }; }""",
        block * 8 + head,
    )
    cells = np.array(found["cells"])
    shown = cells[np.ix_(cells.any(axis=1), cells.any(axis=0))]
    assert found["pixels"][0] == pytest.approx(found["pixels"][1], rel=0.1), "square"
    assert min(found["size"]) >= 24
    return shown, found["size"]


@pytest.mark.thorough
def test_with_room_every_cell_shows_its_heads_attention(explorer: Explorer, trace: Trace) -> None:
    """Sent with the first picture only; clicks and keys are as before."""
    page = explorer.page
    page.click("[data-enlarge=scene]")
    page.wait_for_function(SQUARE)  # once the server knows how much room there is
    page.evaluate(FRAMES)
    for block, head in [(0, 0), (3, 5), (5, 7)]:
        shown, _ = cell_at(explorer, block, head)
        np.testing.assert_array_equal(shown, np.round(1 + 254 * trace.attention(block)[head]))
    sent: list[str] = []
    page.on("response", lambda one: sent.append(one.text()) if follows_selection(one.request) else None)
    click(explorer, HEADS, 4 * 8 + 2)
    explorer.follows(f"block.4.attention.head.2@{LAST}")
    page.evaluate(FRAMES)
    (answer,) = sent
    assert len(answer) < 40_000
    columns = page.evaluate("dash_clientside.explorer.overviewColumns()")
    assert columns > 1
    page.keyboard.press("ArrowDown")
    explorer.follows(f"block.4.attention.head.{2 + columns}@{LAST}")
    x, y = page.evaluate(PLACE, [HEADS, 4 * 8 + 2])
    below = page.evaluate(PLACE, [HEADS, 4 * 8 + 2 + columns])
    assert below[0] == pytest.approx(x, abs=1)
    assert below[1] > y
    shown, _ = cell_at(explorer, 4, 2)
    np.testing.assert_array_equal(shown, np.round(1 + 254 * trace.attention(4)[2]))
    page.keyboard.press("Escape")


@pytest.mark.thorough
def test_on_a_phone_it_fits_its_place(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    context.add_init_script(NO_WEBGL)
    explorer = Explorer(context.new_page(), address, [])
    explorer.open()
    panel, picture = (
        explorer.page.evaluate("(s) => document.querySelector(s).getBoundingClientRect().toJSON()", selector)
        for selector in ("#overview-panel", "#overview-graph")
    )
    assert panel["height"] == pytest.approx(0.4 * 844, abs=2)
    assert picture["bottom"] <= panel["bottom"]
    assert picture["height"] > 200
    click(explorer, HEADS, 8)
    explorer.follows(f"block.1.attention.head.0@{LAST}")
    context.close()


@pytest.mark.webgl
@pytest.mark.thorough
def test_with_webgl_it_is_the_second_tab(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    explorer = Explorer(context.new_page(), address, [])
    explorer.open()
    page = explorer.page
    expect(page.locator("#overview-panel")).to_be_hidden()
    explorer.show("overview")
    expect(page.locator("#architecture-panel")).to_be_hidden()
    expect(page.locator("#overview-panel .webgl-note")).to_be_hidden()
    assert explorer.stored("tabs") == "overview"
    context.close()


@pytest.mark.slow
def test_a_colouring_that_is_replaced_at_once_does_not_come_back(explorer: Explorer) -> None:
    """As in quick steps through a lesson: the overview's menu follows the scene's, and gives no old value back."""
    page = explorer.page
    for milliseconds in (0, 5, 10, 20, 30, 50, 80, 120):
        page.evaluate(
            """([first, last, wait]) => {
              const color = (value) => dash_clientside.set_props("architecture-color", { value });
              color(first);
              return new Promise((done) => setTimeout(() => { color(last); done(); }, wait));
            }""",
            ["entropy", "norm", milliseconds],
        )
        explorer.selection()
        page.wait_for_timeout(300)
        assert [page.input_value(f"#{menu}-color") for menu in ("architecture", "overview")] == ["norm", "norm"]
