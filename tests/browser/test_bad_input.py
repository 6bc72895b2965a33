"""Bad input: each shows a clear message or the right figure, and the page still works afterwards."""

import re
from functools import partial

import pytest
from playwright.sync_api import Route, expect

from tests.browser.explorer import Explorer

pytestmark = [pytest.mark.browser, pytest.mark.shared_page, pytest.mark.long]


def still_works(explorer: Explorer) -> None:
    """A plain text is analysed afterwards, be it the one that is shown, and the notice goes."""
    explorer.analyse("The cat sat.")
    explorer.page.wait_for_function("new URLSearchParams(location.hash.slice(1)).get('text') === 'The cat sat.'")
    explorer.page.wait_for_function("document.querySelectorAll('#strip-panel [data-select]').length === 4")
    explorer.page.wait_for_function("!document.querySelector('#notice')?.classList.contains('show')")
    assert explorer.selection().startswith("block.")


def test_texts_that_cannot_be_read(explorer: Explorer) -> None:
    for text, message in [
        ("", "The text is empty"),
        ("a" * 100_000, "100,000 characters"),
        ("word " * 300, "at most 256"),
    ]:
        before = explorer.selections()
        explorer.analyse(text)
        expect(explorer.page.locator("#notice")).to_contain_text(message)
        assert explorer.selections() == before
        still_works(explorer)


@pytest.mark.thorough
def test_texts_that_are_only_unusual(explorer: Explorer) -> None:
    for text in [
        "Hello",
        "     ",
        "tab\there\x00\x1b[31m\x7f control",
        "The 🧀 of the 👩‍👩‍👧‍👦 is 美味しい",
        "קרא את הספר الكتاب",
        "<b>bold</b> <script>document.title='hacked'</script> <a href='x'>y</a> <br>",
        "new\nlines\n\nhere",
        "&lt; %{x} {curly} $math$ ‹›",
    ]:
        explorer.analyse(text)
        explorer.page.wait_for_function(
            "(text) => new URLSearchParams(location.hash.slice(1)).get('text') === text", arg=text
        )
        count = explorer.page.locator("#prompt-count")
        expect(count).to_have_text(re.compile(r"^\d"))  # "…" while the server counts
        n_tokens = int(count.inner_text().split()[0])
        explorer.follows(f"block.3.attention.head.0@{n_tokens - 1}")
        assert explorer.page.locator("#strip-panel [data-select]").count() == n_tokens
        assert explorer.page.title() == "LLM Architecture Explorer"
        assert explorer.page.locator("main a[href='x'], main section b:has-text('bold')").count() == 0
    still_works(explorer)


@pytest.mark.thorough
def test_links_that_ask_for_what_is_not_there(explorer: Explorer) -> None:
    links: list[tuple[dict[str, str], str]] = [
        ({"select": "block.99.attention.head.0"}, "block 99"),
        ({"select": "block.1.attention.head.0@400"}, "position 400"),
        ({"select": "nonsense"}, "cannot be read"),
        ({"model": "../../etc/passwd"}, "There is no model"),
        ({"text": ""}, "The text is empty"),
        ({"text": "x", "attention-view": "<script>"}, ""),
    ]
    for fragment, message in links:
        explorer.open(**fragment)
        if message:
            assert message in explorer.notice()
        explorer.page.wait_for_function("document.getElementById('strip-panel').dataset.selection")
        assert explorer.selection() == explorer.opening()
    still_works(explorer)


@pytest.mark.thorough
def test_a_link_to_a_model_that_is_not_here_keeps_its_text_and_selection(explorer: Explorer) -> None:
    link = {"model": "gpt-99", "text": "The fox said to the crow", "select": "block.2.attention.head.5@3"}
    explorer.open(**link)
    assert "no model 'gpt-99'" in explorer.notice()
    explorer.follows(link["select"])
    assert explorer.page.input_value("#prompt-text") == link["text"]
    assert [explorer.stored(name) for name in ("model", "select")] == ["bundled", link["select"]]
    explorer.open(**{**link, "select": "block.40.attention.head.5@3"})  # which this model does not have
    assert "no model 'gpt-99'" in explorer.notice()
    assert explorer.selection() == explorer.opening()
    still_works(explorer)


def test_a_malformed_fragment(explorer: Explorer) -> None:
    explorer.page.goto(explorer.address + "#%E0%A4%A&&&===&text&select")
    explorer.page.wait_for_timeout(1500)
    still_works(explorer)


def refuse(status: int, route: Route) -> None:
    route.fulfill(status=status, body="no")


@pytest.mark.thorough
def test_a_server_that_refuses(explorer: Explorer) -> None:
    for status, message, click, then in [(500, "status 500", 2, 3), (429, "Too many", 2, 2), (413, "Shorten", 1, 1)]:
        explorer.page.route("**/_dash-update-component*", partial(refuse, status))
        explorer.page.locator(f"#strip-panel [data-select='@{click}']").click()
        expect(explorer.page.locator("#notice")).to_contain_text(message)  # after the one before
        explorer.page.unroute("**/_dash-update-component*")
        still_works(explorer)
        explorer.follows(f"block.3.attention.head.0@{then}")  # a new text at its end; the same where it was clicked
    explorer.errors.clear()  # the browser's own report of the status


@pytest.mark.thorough
def test_panels_that_are_refused_beside_requests_that_are_answered(explorer: Explorer) -> None:
    """The notice stays until they are drawn."""
    page = explorer.page
    page.route(
        "**/_dash-update-component*",
        lambda route: (
            refuse(500, route) if "attention-panel.data-selection" in route.request.post_data else route.continue_()
        ),
    )
    with page.expect_response(lambda response: "model-words" in (response.request.post_data or "")) as other:
        explorer.analyse("a fox")
    assert other.value.status == 200
    page.wait_for_timeout(500)
    assert "status 500" in explorer.notice()
    page.unroute("**/_dash-update-component*")
    page.click("#prompt-analyse")
    page.wait_for_function("document.querySelectorAll('#strip-chips .chip').length === 2")
    explorer.follows("block.3.attention.head.0@1")
    expect(page.locator("#notice")).to_be_hidden()
    explorer.errors.clear()


@pytest.mark.slow
def test_a_server_that_is_gone_for_a_while(explorer: Explorer) -> None:
    explorer.page.route("**/_dash-update-component*", lambda route: route.abort())
    explorer.page.locator("#strip-panel [data-select='@2']").click()
    assert "cannot be reached" in explorer.notice()
    explorer.page.unroute("**/_dash-update-component*")
    explorer.errors.clear()
    explorer.page.locator("#strip-panel [data-select='@2']").click()  # the same again, as the notice says
    explorer.follows("block.3.attention.head.0@2")
    explorer.page.wait_for_function("!document.querySelector('#notice')?.classList.contains('show')")


@pytest.mark.thorough
def test_half_a_character_is_refused_in_words(explorer: Explorer) -> None:
    explorer.page.evaluate(
        """() => {
          const field = document.getElementById("prompt-text");
          const write = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
          write.call(field, "a fox " + String.fromCharCode(0xD83D));
          field.dispatchEvent(new Event("input", { bubbles: true }));
        }"""
    )
    explorer.page.click("#prompt-analyse")
    assert "half a character" in explorer.notice()
    explorer.page.wait_for_timeout(300)
    assert not [error for error in explorer.errors if "body stream" in error]  # Dash reads a refusal twice
    explorer.errors.clear()  # the browser's and Dash's own reports of the status
