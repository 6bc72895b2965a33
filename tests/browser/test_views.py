"""Views: links and sessions show in a fresh browser what was shown, and what is wrong with one is said."""

import base64
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from dashboard.snapshot.sessions import read_session
from tests.browser.conftest import opened
from tests.browser.explorer import BEGINNING, NO_WEBGL, Explorer
from tests.serving import PLAIN, served, wait_until
from tests.session_files import DAMAGED, VIEW, session_text

pytestmark = [pytest.mark.browser, pytest.mark.long]
REPETITION = "the wolf ate the red apple near the river and the wolf ate the red apple near the river"
HOSTILE = "<img src=x onerror=\"document.title='hacked'\"> {{7*7}} %{x} \u202eabc"
OTHER_WEIGHTS = "was made with other weights of bundled; the numbers may differ."
# What the server has sent for every graph that is visible, as JSON.
FIGURES = """[...document.querySelectorAll("section.panel:not([hidden]) .dash-graph")].reduce((found, { id }) =>
  ({ ...found, [id]: JSON.stringify(dash_component_api.getLayout(id).props.figure) ?? "" }), {})"""


@pytest.fixture
def stranger(browser: Browser, address: str) -> Iterator[Explorer]:
    """The opening page of another visitor, with a browser that has never been here."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    context.add_init_script(NO_WEBGL)
    explorer = opened(context, address)
    yield explorer
    context.close()
    assert not explorer.errors, explorer.errors


def figures(explorer: Explorer) -> dict[str, str]:
    found: dict[str, str] = explorer.page.evaluate(FIGURES)
    return found


def compute(explorer: Explorer, panel: str) -> None:
    """Wait for a panel's job, which on a busy machine has to be asked for."""

    def done() -> bool:
        if explorer.page.locator(f"#{panel}-job-compute").is_visible():
            explorer.page.click(f"#{panel}-job-compute")
        return explorer.page.inner_text(f"#{panel}-job-words").startswith(("Computed", "Cached"))

    wait_until(done, 90)


def open_views(explorer: Explorer) -> None:
    if not explorer.page.locator("#views-menu").evaluate("(menu) => menu.open"):
        explorer.page.click("#views-menu > summary")


def open_file(explorer: Explorer, text: str, name: str = "talk.json") -> None:
    open_views(explorer)
    with explorer.page.expect_file_chooser() as chooser:
        explorer.page.click("#views-menu [data-views=open]")
    chooser.value.set_files({"name": name, "mimeType": "application/json", "buffer": text.encode()})


def open_link(explorer: Explorer, fragment: str) -> None:
    explorer.page.evaluate("(hash) => { location.hash = hash; }", fragment)


def go_forward_to_the_last_view_moved_to_the_front(explorer: Explorer) -> None:
    """It is still the view that the bar shows."""
    open_views(explorer)
    explorer.page.click("li:last-child [data-views=up]")
    expect(explorer.page.locator("#views-count")).to_have_text("2 of 2")
    explorer.page.go_forward()
    explorer.follows(f"{BEGINNING}@18")
    expect(explorer.page.locator("#views-name")).to_have_text("First")
    assert explorer.page.inner_text("#views-count") == "1 of 2"


def packed(text: str) -> str:
    deflate = zlib.compressobj(wbits=-15)
    return base64.urlsafe_b64encode(deflate.compress(text.encode()) + deflate.flush()).decode().rstrip("=")


@pytest.mark.slow
def test_a_link_shows_the_same_figures_in_a_fresh_browser(
    context: BrowserContext, address: str, stranger: Explorer
) -> None:
    """Of all visible panels, with t-SNE."""
    settings = {"embedding-method": "tsne", "saliency-method": "input_gradient"}
    settings |= {"select": "block.2.attention.head.5@9", "tabs": "logit_lens", "sizes": "50_60_45_33_67"}
    shown = opened(context, address, text=REPETITION, **settings)
    compute(shown, "embedding")
    link = shown.page.evaluate("dash_clientside.explorer.linkToView()")
    assert "#packed=" in link
    assert len(link) < len(shown.page.url) + len("&fingerprint=") + 32
    stranger.page.goto("about:blank")
    stranger.page.goto(link)
    wait_until(lambda: shown.selections() == stranger.selections())
    compute(stranger, "embedding")
    compute(stranger, "saliency")
    wait_until(lambda: figures(shown) == figures(stranger))
    drawn = figures(shown)
    assert {"logit_lens-graph", "embedding-graph", "saliency-graph"} <= {
        name for name, figure in drawn.items() if figure
    }
    assert stranger.page.input_value("#embedding-method") == "tsne"
    assert stranger.page.url == shown.page.url
    expect(stranger.page.locator("#notice")).not_to_be_visible()


@pytest.mark.slow
def test_views_are_kept_stepped_through_saved_and_opened(explorer: Explorer, stranger: Explorer) -> None:
    page = explorer.page
    open_views(explorer)
    page.click("[data-views=add]")
    expect(page.locator(".views-editor input")).to_have_value("Block 3, head 0, at token 18 ‘.’")
    page.keyboard.type("First")
    page.keyboard.press("Tab")
    page.keyboard.type("It looks\nback.")
    page.keyboard.press("Escape")  # keeps what was typed
    page.click("#strip-chips [data-select='@5']")
    explorer.follows(f"{BEGINNING}@5")
    page.click("#tab-logit_lens")
    open_views(explorer)
    page.click("[data-views=add]")
    page.keyboard.type(HOSTILE)
    page.keyboard.press("Enter")
    page.click("li:last-child [data-views=up]")
    expect(page.locator(".views-show")).to_have_text([HOSTILE, "First"])
    page.reload()
    explorer.follows(f"{BEGINNING}@5")
    open_views(explorer)
    expect(page.locator(".views-show")).to_have_text([HOSTILE, "First"])
    assert page.title() == "LLM Architecture Explorer"
    with page.expect_download() as download:
        page.click("[data-views=save]")
    text = Path(download.value.path()).read_text(encoding="utf-8")
    views = read_session(text).views
    assert [(view.name, view.note) for view in views] == [(HOSTILE, ""), ("First", "It looks\nback.")]
    assert views[0].fingerprint == page.evaluate("dash_clientside.explorer.prompt().fingerprint") != ""

    open_file(stranger, text)
    stranger.follows(f"{BEGINNING}@5")
    expect(stranger.page.locator("#views-count")).to_have_text("1 of 2")
    assert stranger.page.inner_text("#views-name") == HOSTILE
    page.click(".views-show >> nth=0")  # so that the bar takes the same room
    for visitor in (explorer, stranger):
        compute(visitor, "saliency")
    wait_until(lambda: figures(explorer) == figures(stranger))
    assert any(figures(stranger).values())
    stranger.page.keyboard.press("Escape")
    for key, select, count in [("ArrowRight", 18, "2 of 2"), ("PageUp", 5, "1 of 2"), ("PageDown", 18, "2 of 2")]:
        if key == "ArrowRight":
            stranger.page.focus("#views-bar [data-views=next]")
        else:
            stranger.page.focus("#prompt-analyse")
        stranger.page.keyboard.press(key)
        stranger.follows(f"{BEGINNING}@{select}")
        expect(stranger.page.locator("#views-count")).to_have_text(count)
    assert stranger.page.locator("#attention-panel").is_visible()  # and not the logit lens
    stranger.page.go_back()
    stranger.follows(f"{BEGINNING}@5")
    expect(stranger.page.locator("#views-count")).to_have_text("1 of 2")
    go_forward_to_the_last_view_moved_to_the_front(stranger)


@pytest.mark.thorough
@pytest.mark.shared_page
def test_the_list_is_edited_and_changes_are_undone(explorer: Explorer) -> None:
    page, names = explorer.page, explorer.page.locator(".views-show")
    open_file(explorer, session_text(*({**VIEW, "name": name} for name in "abc")))
    expect(names).to_have_text(["a", "b", "c"])
    page.click("li:nth-child(2) [data-views=delete]")
    expect(names).to_have_text(["a", "c"])
    expect(page.locator("li:nth-child(2) [data-views=delete]")).to_be_focused()
    page.click("[data-views=undo]")
    page.click("li:nth-child(2) [data-views=edit]")
    page.keyboard.type("B")
    page.click("li:nth-child(3) [data-views=up]")
    expect(names).to_have_text(["a", "c", "B"])
    page.click("[data-views=clear]")
    expect(names).to_have_count(0)
    expect(page.locator("#views-bar")).to_be_hidden()
    page.click("[data-views=undo]")
    open_file(explorer, session_text(VIEW))
    expect(names).to_have_text(["A head"])
    page.click("[data-views=undo]")
    expect(names).to_have_text(["a", "c", "B"])
    page.evaluate(
        "dash_clientside.explorer.openSession({ title: 'A lesson', views: [{ name: 'x', note: '', address: '' }] })"
    )
    page.click("[data-views=keep]")
    open_views(explorer)
    expect(names).to_have_text(["a", "c", "B", "x"])
    # A browser whose storage is full: a notice, and the list is still there.
    page.evaluate(
        "void ([window.setItem, Storage.prototype.setItem] = [Storage.prototype.setItem,"
        " () => { throw new DOMException('', 'QuotaExceededError'); }])"
    )
    page.click("[data-views=clear]")
    page.click("[data-views=undo]")
    page.evaluate("void (Storage.prototype.setItem = window.setItem)")
    assert "This browser could not store the views" in explorer.notice()
    expect(names).to_have_text(["a", "c", "B", "x"])
    # What could not be read again is not kept.
    large = [{**VIEW, "address": "a" * 190_000}] * 11
    for views, words in [
        (large, "The views would be larger than 2 MB together, the most that can be kept."),
        ([{**VIEW, "name": "n" * 201}], "The name of view 5 has more than 200 characters."),
    ]:
        assert page.evaluate("(views) => dash_clientside.explorer.keepViews(views)", views) is False
        expect(page.locator("#notice")).to_have_text(f"Your views stay as they were. {words}")
        expect(names).to_have_text(["a", "c", "B", "x"])
    # Another tab adds a view: the bar stays at its own, and nothing of the other tab's is undone.
    open_file(explorer, session_text(VIEW))
    expect(page.locator("#views-count")).to_have_text("1 of 1")
    expect(page.locator("[data-views=undo]")).to_be_visible()
    other = page.context.new_page()
    other.goto(f"{explorer.address}/healthz")
    other.evaluate(
        "(text) => localStorage.setItem('llm-architecture-explorer.views', text)",
        session_text({**VIEW, "name": "b"}, VIEW),
    )
    other.close()
    expect(names).to_have_text(["b", "A head"])
    expect(page.locator("#views-count")).to_have_text("2 of 2")
    expect(page.locator("[data-views=undo]")).to_be_hidden()


@pytest.mark.slow
@pytest.mark.shared_page
def test_what_is_wrong_with_a_file_is_said_as_on_the_server(explorer: Explorer) -> None:
    said = explorer.page.evaluate(
        """(texts) => texts.map((text) => { try { return dash_clientside.explorer.sessions.read(text); }
           catch (error) { return error.message; } })""",
        [text for text, _ in DAMAGED.values()],
    )
    assert said == [words for _, words in DAMAGED.values()]
    text, words = DAMAGED["another version"]
    open_file(explorer, text)
    expect(explorer.page.locator("#views-said")).to_have_text(f"talk.json was not opened. {words}")
    open_file(explorer, " " * 2_000_001)
    expect(explorer.page.locator("#views-said")).to_contain_text("The session is larger than 2 MB")


@pytest.mark.thorough
@pytest.mark.shared_page
def test_what_is_wrong_with_a_link_is_said(explorer: Explorer) -> None:
    page = explorer.page
    bomb = packed("text=" + "a" * 30_000_000)
    assert len(bomb) < 50_000
    for damaged in ("abc", "%00", packed("text=The%20fox")[:-6], bomb):
        open_link(explorer, f"packed={damaged}")
        expect(page.locator("#notice")).to_contain_text("The link is damaged")
        page.click("#notice .btn-close")
        explorer.follows(f"{BEGINNING}@18")
    fingerprint = page.evaluate("dash_clientside.explorer.prompt().fingerprint")
    for other, expected in [("0" * 32, True), (fingerprint, False)]:
        open_link(explorer, "packed=" + packed(f"text=The+fox+slept.&select=block.1.mlp@1&fingerprint={other}"))
        explorer.follows("block.1.mlp@1")
        if expected:
            assert explorer.notice() == f"This link {OTHER_WEIGHTS}"
        else:
            expect(page.locator("#notice")).not_to_be_visible()
    # The same text, and a selection that these weights do not have.
    open_link(explorer, f"text=The+fox+slept.&select=block.77.mlp@2&fingerprint={'0' * 32}")
    expect(page.locator("#notice")).to_contain_text("The link selects block 77; this model has blocks 0–5.")
    assert f"This link {OTHER_WEIGHTS}" in explorer.notice()
    open_file(explorer, session_text({**VIEW, "address": "text=The+fox+slept.&select=norm@2", "fingerprint": "0" * 32}))
    explorer.follows("norm@2")
    expect(page.locator("#notice")).to_contain_text(f"This view {OTHER_WEIGHTS}")


@pytest.mark.thorough
def test_the_server_opens_on_a_session(context: BrowserContext, tmp_path: Path) -> None:
    file = tmp_path / "my talk.json"
    views: list[dict[str, Any]] = [
        {"name": "One", "note": HOSTILE, "address": "text=The+fox+slept.&select=norm@2"},
        {"name": "Two", "note": "", "address": "text=The+fox+slept.&select=block.1.mlp@1"},
    ]
    file.write_text(session_text(*views), encoding="utf-8")
    with served((*PLAIN, "--session", str(file))) as address:
        page = context.new_page()
        explorer = Explorer(page, address, [])
        page.goto(address)
        explorer.follows("norm@2")
        assert page.inner_text("#views-count") == "1 of 2"
        assert page.inner_text("#views-note") == HOSTILE
        page.keyboard.press("PageDown")
        explorer.follows("block.1.mlp@1")
        page.reload()
        explorer.follows("block.1.mlp@1")
        expect(page.locator("#views-count")).to_have_text("2 of 2")
        page.goto("about:blank")
        page.goto(f"{address}#text=Another+text.&select=output@0")
        explorer.follows("output@0")
        expect(page.locator("#views-count")).to_have_text("2 views")
