"""Each bad input shows a clear message or the right picture, and the page goes on working."""

import pytest

from tests.browser.explorer import Explorer

pytestmark = [pytest.mark.browser, pytest.mark.long]
OPENING = "block.3.attention.head.0@18"


def still_works(explorer: Explorer) -> None:
    """A plain text is analysed afterwards, and the notice goes."""
    explorer.analyse("The cat sat.")
    explorer.page.wait_for_function("document.querySelectorAll('#strip-panel [data-select]').length < 8")
    explorer.page.wait_for_function("!document.querySelector('#notice')?.classList.contains('show')")
    assert explorer.selection().startswith("block.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The text is empty"),
        ("a" * 100_000, "100,000 characters"),
        ("word " * 300, "at most 256"),
    ],
)
def test_a_text_that_cannot_be_read(explorer: Explorer, text: str, message: str) -> None:
    explorer.analyse(text)
    assert message in explorer.notice()
    assert explorer.selections() == [OPENING] * len(explorer.selections())
    still_works(explorer)


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        "     ",
        "tab\there\x00\x1b[31m\x7f control",
        "The 🧀 of the 👩‍👩‍👧‍👦 is 美味しい",
        "קרא את הספר الكتاب",
        "<b>bold</b> <script>document.title='hacked'</script> <a href='x'>y</a> <br>",
        "new\nlines\n\nhere",
        "&lt; %{x} {curly} $math$ ‹›",
    ],
)
def test_a_text_that_is_only_unusual(explorer: Explorer, text: str) -> None:
    explorer.analyse(text)
    explorer.page.wait_for_function(
        "(text) => new URLSearchParams(location.hash.slice(1)).get('text') === text",
        arg=text.replace("\r", "\n"),
    )
    n_tokens = int(explorer.page.inner_text("#prompt-count").split()[0])
    explorer.follows(f"block.3.attention.head.0@{n_tokens - 1}")
    assert explorer.page.locator("#strip-panel [data-select]").count() == n_tokens
    assert explorer.page.title() == "LLM Architecture Explorer"
    assert explorer.page.locator("main a[href='x'], main section b:has-text('bold')").count() == 0
    still_works(explorer)


@pytest.mark.parametrize(
    ("fragment", "message"),
    [
        ({"select": "block.99.attention.head.0"}, "block 99"),
        ({"select": "block.1.attention.head.0@400"}, "position 400"),
        ({"select": "nonsense"}, "cannot be read"),
        ({"model": "../../etc/passwd"}, "There is no model"),
        ({"text": ""}, "The text is empty"),
        ({"text": "x", "attention-view": "<script>"}, None),
    ],
)
def test_a_link_that_asks_for_what_is_not_there(explorer: Explorer, fragment: dict[str, str], message: str) -> None:
    explorer.open(**fragment)
    if message:
        assert message in explorer.notice()
    explorer.page.wait_for_function("document.getElementById('strip-panel').dataset.selection")
    assert explorer.selection().startswith("block.3.attention.head.0@")
    still_works(explorer)


def test_a_malformed_fragment(explorer: Explorer) -> None:
    explorer.page.goto(explorer.address + "#%E0%A4%A&&&===&text&select")
    explorer.page.wait_for_timeout(1500)
    still_works(explorer)


@pytest.mark.parametrize(("status", "message"), [(500, "status 500"), (429, "Too many"), (413, "Shorten")])
def test_a_server_that_refuses(explorer: Explorer, status: int, message: str) -> None:
    explorer.page.route("**/_dash-update-component*", lambda route: route.fulfill(status=status, body="no"))
    explorer.page.locator("#strip-panel [data-select='@2']").click()
    assert message in explorer.notice()
    explorer.page.unroute("**/_dash-update-component*")
    explorer.errors.clear()  # the browser's own report of the status
    still_works(explorer)


def test_a_server_that_is_gone_for_a_while(explorer: Explorer) -> None:
    explorer.page.route("**/_dash-update-component*", lambda route: route.abort())
    explorer.page.locator("#strip-panel [data-select='@2']").click()
    assert "cannot be reached" in explorer.notice()
    explorer.page.unroute("**/_dash-update-component*")
    explorer.errors.clear()
    explorer.page.locator("#strip-panel [data-select='@2']").click()  # the same again, as the notice says
    explorer.follows("block.3.attention.head.0@2")
    explorer.page.wait_for_function("!document.querySelector('#notice')?.classList.contains('show')")
