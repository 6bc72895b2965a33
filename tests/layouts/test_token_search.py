from typing import Any

from dash import html

from analysis.tokens import Piece
from layouts.token_search import action, found_tokens, sets, token_search


def props(component: Any) -> dict[str, Any]:
    return component.to_plotly_json()["props"]


def test_the_search_is_labelled_and_waits_for_the_hand() -> None:
    again = action("again", "Search again")
    whole = html.Div(token_search(["Find"], search="x-search", found="x-found", label="A token", buttons=[again]))
    field = whole["x-search"]
    assert (field.debounce, field.placeholder, field.value) == (250, "search the vocabulary", "")
    (label,) = [item for item in whole._traverse() if isinstance(item, html.Label)]
    assert (label.children, label.htmlFor) == ("A token", "x-search")
    assert whole["x-found"].className == "token-search-found"
    assert again in list(whole._traverse())


def test_every_token_that_was_found_has_its_buttons() -> None:
    first, second = found_tokens(
        [Piece(3, "<b>"), Piece(40, "·she")], lambda piece: [action("take", f"Take {piece.id}", **sets("x-taken", "7"))]
    )
    assert props(first.children[0])["children"] == "<b>"
    assert props(second.children[1])["children"] == "id 40"
    take = props(second.children[2])
    assert (take["children"], take["aria-label"], take["title"], take["type"]) == (
        "take", "Take 40", "Take 40", "button",
    )  # fmt: skip
    assert (take["data-set"], take["data-value"]) == ("x-taken", "7")


def test_nothing_found_is_said() -> None:
    (note,) = found_tokens([], lambda _piece: [])
    assert note.children == "No matching token in the vocabulary."
