"""Linking: every way to select something, after which all panels show it with the right data."""

import pytest
from playwright.sync_api import Route, expect

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.selection import GRAMMAR
from analysis.trace import Prompt, Trace
from tests.browser.explorer import FRAMES, Explorer
from tests.serving import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.shared_page, pytest.mark.long]
LAST = 18
TEXT = "The fox said to the crow that the cheese was old."


def test_clicks_in_figures(explorer: Explorer, trace: Trace) -> None:
    """On small multiples, a cell of the heat map, chips, bars of neurons, and a point of the embedding."""
    page = explorer.page
    page.locator("#attention-heads-graph .draglayer .x7y7 .nsewdrag").click()
    explorer.follows(f"block.3.attention.head.6@{LAST}")
    explorer.shows_attention(trace, 3, 6)
    grid = page.locator("#attention-graph .draglayer .xy .nsewdrag").bounding_box()
    assert grid
    page.mouse.click(grid["x"] + 3, grid["y"] + grid["height"] * 5.5 / (LAST + 1))
    explorer.follows("block.3.attention.head.6@5")
    page.locator("#strip-panel [data-select='@8']").click()
    explorer.follows("block.3.attention.head.6@8")
    page.locator("#activation-neurons-graph .barlayer .point").nth(2).scroll_into_view_if_needed()
    neuron = explorer.data("activation-neurons-graph", "_fullData[0].customdata[2]")
    page.locator("#activation-neurons-graph .barlayer .point path").nth(2).click(force=True)
    explorer.follows(f"{neuron}@8")
    page.locator("#activation-neuron-graph .barlayer .point path").nth(4).click(force=True)
    explorer.follows(f"{neuron}@4")
    page.locator("#embedding-graph").scroll_into_view_if_needed()
    x, y = page.evaluate(
        """() => { const p = document.querySelector('#embedding-graph .js-plotly-plot');
          const n = p._fullData.findIndex((t) => t.mode.includes('markers') && t.x.length > 10);
          const i = [...p._fullData[n].customdata].indexOf('@6'), l = p._fullLayout, r = p.getBoundingClientRect();
          return [r.left + l.xaxis._offset + l.xaxis.c2p(p._fullData[n].x[i]),
                  r.top + l.yaxis._offset + l.yaxis.c2p(p._fullData[n].y[i])]; }"""
    )
    page.mouse.click(x, y)
    explorer.follows(f"{neuron}@6")


@pytest.mark.thorough
def test_a_cell_of_the_logit_lens_keeps_the_head(explorer: Explorer) -> None:
    """It names a block and a position; of the same heat map only the mark then moves."""
    page = explorer.page
    page.evaluate("(select) => dash_clientside.explorer.request({ select })", "block.3.attention.head.6@5")
    explorer.follows("block.3.attention.head.6@5")
    explorer.show("logit_lens")
    for depth, position, merged in [
        (2, 9, "block.1.attention.head.6@9"),
        (5, 4, "block.4.attention.head.6@4"),
        (6, 7, "output@7"),
        (0, 2, "embedding@2"),
    ]:
        page.locator("#logit_lens-graph").scroll_into_view_if_needed()
        page.wait_for_timeout(500)  # panels above may still change their height
        cells = page.locator("#logit_lens-graph .draglayer .xy .nsewdrag").bounding_box()
        assert cells
        x, y = (position + 0.5) / (LAST + 1), 1 - (depth + 0.5) / 7
        page.mouse.move(cells["x"] + cells["width"] * x, cells["y"] + cells["height"] * y)
        page.wait_for_timeout(300)  # Plotly clicks what it has found below the mouse
        page.mouse.down()
        page.mouse.up()
        explorer.follows(merged)
        corners = [explorer.data("logit_lens-graph", f"_fullLayout.shapes[0].{end}") for end in ("x0", "y0")]
        assert corners == [position - 0.5, depth - 1.5]
        assert len(explorer.data("logit_lens-graph", "_fullData[0].z")) == 7


def test_arrow_keys_lose_no_step(explorer: Explorer) -> None:
    page = explorer.page
    page.focus("#summary-panel")
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    for _ in range(5):  # faster than the server draws
        page.keyboard.press("ArrowDown")  # down the first of two columns, and on in the second
        page.wait_for_timeout(60)
    explorer.follows(f"block.1.attention.head.3@{LAST}")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    explorer.follows(f"output@{LAST}")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    explorer.follows(f"block.4.attention.head.3@{LAST}")
    page.focus("#prompt-text")
    page.keyboard.press("ArrowLeft")
    assert explorer.selection() == f"block.4.attention.head.3@{LAST}"


@pytest.mark.thorough
def test_arrow_keys_move_in_the_small_pictures_as_they_are_wrapped(explorer: Explorer) -> None:
    page = explorer.page
    page.locator("#attention-heads-graph .draglayer .x2y2 .nsewdrag").click()
    explorer.follows(f"block.3.attention.head.1@{LAST}")
    assert page.evaluate("document.activeElement.classList.contains('head-grid')")
    names = [f"axis{n or ''}.domain[0]" for n in (0, *range(2, 9))]
    places = [
        (explorer.data("attention-heads-graph", f"_fullLayout.x{name}"),
         -explorer.data("attention-heads-graph", f"_fullLayout.y{name}")) for name in names
    ]  # fmt: skip
    assert len({top for _, top in places}) == 2  # rows
    head = 1
    for key, axis, sign in [("ArrowDown", 1, 1), ("ArrowRight", 0, 1), ("ArrowUp", 1, -1), ("ArrowLeft", 0, -1)]:
        page.keyboard.press(key)
        x, y = places[head]
        ahead = [n for n, place in enumerate(places) if sign * (place[axis] - places[head][axis]) > 0.01]
        head = min(ahead, key=lambda n: abs(places[n][0] - x) + abs(places[n][1] - y))
        explorer.follows(f"block.3.attention.head.{head}@{LAST}")
    page.evaluate("dash_clientside.explorer.request({ select: 'block.2.mlp' })")
    explorer.follows(f"block.2.mlp@{LAST}")
    page.keyboard.press("ArrowRight")
    explorer.follows(f"block.2.attention.head.0@{LAST}")


@pytest.mark.thorough
@pytest.mark.parametrize(("n_heads", "columns"), [(8, 2), (9, 2), (12, 4), (25, 1), (4, 4)])
def test_up_and_down_reach_every_head_column_by_column(explorer: Explorer, n_heads: int, columns: int) -> None:
    walk = """([by, n_heads, n_head_columns]) => {
      let at = { part: "attention", block: 0, head: null };
      const step = () => (at = dash_clientside.explorer.stepInWall(at, by, { n_heads, n_head_columns })).head;
      return [...Array(n_heads + 1)].map(step); }"""
    down = [head for column in range(columns) for head in range(column, n_heads, columns)]
    assert explorer.page.evaluate(walk, [1, n_heads, columns]) == [*down, down[0]]
    assert explorer.page.evaluate(walk, [-1, n_heads, columns]) == [*down[::-1], down[-1]]


@pytest.mark.thorough
def test_up_and_down_go_through_neurons_by_number(explorer: Explorer) -> None:
    explorer.page.focus("#summary-panel")
    explorer.page.evaluate("dash_clientside.explorer.request({ select: 'block.2.mlp.neuron.10' })")
    explorer.page.keyboard.press("ArrowDown")
    explorer.follows(f"block.2.mlp.neuron.11@{LAST}")
    for _ in range(3):
        explorer.page.keyboard.press("ArrowUp")
    explorer.follows(f"block.2.mlp.neuron.8@{LAST}")


@pytest.mark.thorough
def test_the_selection_card(explorer: Explorer) -> None:
    page = explorer.page
    page.locator("#summary-panel .dropdown-toggle").click()
    page.locator("#summary-panel [data-select='block.2.mlp']").click()
    explorer.follows(f"block.2.mlp@{LAST}")
    for button, along in (("next", 1), ("previous", -1)):
        before = explorer.selection()
        page.locator(f"#summary-{button}").click()
        page.wait_for_function(
            "(text) => document.getElementById('strip-panel').dataset.selection !== text", arg=before
        )
        assert explorer.selection() == f"block.{2 + max(along, 0)}.mlp@{LAST}"


@pytest.mark.thorough
def test_a_block_alone_keeps_the_selected_part(explorer: Explorer) -> None:
    """Through the grammar that the server sent."""
    page = explorer.page
    assert page.locator("meta[name=selection-grammar]").get_attribute("content") == GRAMMAR
    for text, merged in [
        ("block.1@5", "block.1.attention.head.0@5"),
        ("block.4.mlp.neuron.7", "block.4.mlp.neuron.7@5"),
        ("block.2", "block.2.mlp.neuron.7@5"),
        ("output@3", "output@3"),
        ("block.0@4", "block.0.mlp.neuron.7@4"),
    ]:
        page.evaluate("(select) => dash_clientside.explorer.request({ select })", text)
        explorer.follows(merged)
    for select, position in [("block.2", LAST), ("block.2@5", 5)]:
        explorer.open(select=select)
        explorer.follows(f"block.2.attention.head.0@{position}")
        assert page.locator("#notice.show").count() == 0


@pytest.mark.thorough
def test_news_of_the_model_keep_the_selected_token(explorer: Explorer) -> None:
    """News of a model come a moment after its weights; somebody may have selected a token just before."""
    explorer.page.evaluate(
        "() => { const { request, shown } = dash_clientside.explorer; request({ select: '@3' });"
        " dash_clientside.set_props('prompt', { data: { ...shown(), news: 'they are here' } }); }"
    )
    explorer.follows("block.3.attention.head.0@3")
    explorer.page.evaluate(FRAMES)
    assert explorer.selection() == "block.3.attention.head.0@3"


@pytest.mark.slow
def test_typing_a_text(explorer: Explorer, bundled_model: LanguageModel) -> None:
    explorer.analyse(TEXT)
    tokens = compute_trace(bundled_model, Prompt("bundled", TEXT)).tokens
    explorer.follows(f"block.3.attention.head.0@{len(tokens) - 1}")
    assert [chip.inner_text() for chip in explorer.page.locator("#strip-panel [data-select]").all()] == [
        token.label for token in tokens
    ]
    expect(explorer.page.locator("#prompt-count")).to_have_text(f"{len(tokens)} of 256 tokens")
    assert explorer.stored("text") == TEXT


def test_the_address_restores_the_page(explorer: Explorer) -> None:
    page = explorer.page
    explorer.open(text=TEXT, select="block.4.attention.head.2@5", **{"attention-view": "rollout"})
    explorer.follows("block.4.attention.head.2@5")
    assert page.input_value("#prompt-text") == TEXT
    assert "Rollout" in page.inner_text("#attention-title")
    url = page.url
    page.goto("about:blank")
    page.goto(url)
    explorer.follows("block.4.attention.head.2@5")
    assert page.url == url
    assert page.input_value("#attention-view") == "rollout"


def test_back_and_forward(explorer: Explorer) -> None:
    page = explorer.page
    first = explorer.selection()
    page.locator("#strip-panel [data-select='@4']").click()
    explorer.follows("block.3.attention.head.0@4")
    explorer.analyse(TEXT)
    page.wait_for_function("document.querySelectorAll('#strip-panel [data-select]').length < 15")
    after = explorer.selection()
    page.go_back()
    explorer.follows("block.3.attention.head.0@4")
    assert "Once upon" in page.input_value("#prompt-text")
    page.go_back()
    explorer.follows(first)
    page.go_forward()
    page.go_forward()
    explorer.follows(after)
    assert page.input_value("#prompt-text") == TEXT
    for position in (2, 3):  # back, then on, then back
        page.locator(f"#strip-panel [data-select='@{position}']").click()
        explorer.follows(f"block.3.attention.head.0@{position}")
        page.go_back()
        explorer.follows(after)


@pytest.mark.slow
def test_text_typed_while_a_request_runs_is_kept(explorer: Explorer) -> None:
    page, held = explorer.page, []

    def hold(route: Route) -> None:
        if '"output":"..prompt.data' in (route.request.post_data or "") and not held:
            held.append(route)
        else:
            route.continue_()

    page.route("**/_dash-update-component*", hold)
    explorer.analyse(TEXT)
    wait_until(lambda: page.wait_for_timeout(50) or held)
    page.fill("#prompt-text", "And then")
    held[0].continue_()
    page.wait_for_function("document.querySelectorAll('#strip-panel [data-select]').length < 15")
    explorer.selection()
    assert page.input_value("#prompt-text") == "And then"


@pytest.mark.thorough
def test_quick_clicks_on_the_card_lose_no_step(explorer: Explorer) -> None:
    explorer.page.evaluate("for (let n = 0; n < 3; n++) document.getElementById('summary-previous').click()")
    explorer.follows(f"block.0.attention.head.0@{LAST}")
    explorer.page.click("#summary-panel [data-layer=mlp]")
    explorer.follows(f"block.0.mlp@{LAST}")
    explorer.page.click("#summary-panel [data-layer=attention]")
    explorer.follows(f"block.0.attention@{LAST}")
    explorer.page.focus("#summary-panel")
    explorer.page.keyboard.press("ArrowDown")  # from the whole layer to its first unit, and its last
    explorer.follows(f"block.0.attention.head.0@{LAST}")
    explorer.page.keyboard.press("ArrowUp")
    explorer.follows(f"block.0.attention.head.7@{LAST}")


@pytest.mark.thorough
def test_the_start_switch_shifts_the_position(explorer: Explorer) -> None:
    explorer.page.click(".question-more > summary")
    explorer.page.check("#prompt-start input")
    explorer.follows(f"block.3.attention.head.0@{LAST + 1}")
    explorer.page.uncheck("#prompt-start input")
    explorer.follows(f"block.3.attention.head.0@{LAST}")
    assert explorer.page.locator("#notice.show").count() == 0


@pytest.mark.thorough
def test_a_link_to_a_text_alone_keeps_part_and_settings(explorer: Explorer) -> None:
    explorer.page.select_option("#attention-view", "rollout")
    explorer.page.evaluate("location.hash = document.querySelectorAll('#examples-menu a')[1].hash")
    explorer.page.wait_for_function("document.getElementById('prompt-text').value.startsWith('the wolf')")
    assert explorer.selection().startswith("block.3.attention.head.0@")
    assert explorer.page.input_value("#attention-view") == "rollout"
