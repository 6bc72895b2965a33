"""Static parts: the same elements, texts and attributes as the components that they are made of."""

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from dash import html
from dash.development.base_component import Component

from layouts.dialog import dialog
from layouts.examples import EXAMPLES, examples_menu
from layouts.glossary import GLOSSARY, glossary_dialog
from layouts.static_parts import static, take_out
from tests.layouts.texts import texts


class Parts(HTMLParser):
    """What a browser finds in the templates: elements with their attributes, and texts, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[object] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.found.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.found.append(f"/{tag}")


def test_components_become_html_and_leave_their_place_empty() -> None:
    marks = {"data-x": 'a "b" <c>', "aria-label": "d & e"}
    part = html.P([html.B("<i>&amp;"), " and ", None, 3], className="one two", tabIndex=0, **marks)
    held = html.Div([part, "end"], id="held", **static("words"))
    beside = html.Span("beside")
    layout = html.Div([html.Section(held), beside])
    found = Parts(take_out(layout)).found
    attributes = {"class": "one two", "tabindex": "0", "data-x": 'a "b" <c>', "aria-label": "d & e"}
    assert found == [
        ("template", {"id": "static-words"}),
        *[("p", attributes), ("b", {}), "<i>&amp;", "/b", " and 3", "/p", "end"],
        "/template",
    ]
    assert held.children is None
    assert beside.children == "beside"


def test_false_and_none_are_no_attributes_and_true_is_one_without_a_value() -> None:
    layout = html.Div(html.Div([html.P("a", hidden=True), html.P("b", hidden=False, title=None)], **static("x")))
    tags = [part for part in Parts(take_out(layout)).found if isinstance(part, tuple)]
    assert tags[1:] == [("p", {"hidden": None}), ("p", {})]


@pytest.mark.parametrize(
    ("make", "n_least"), [(glossary_dialog, 2 * len(GLOSSARY)), (examples_menu, 2 * len(EXAMPLES))]
)
def test_no_word_is_lost(make: Callable[[], Component], n_least: int) -> None:
    whole, said = make(), texts(make())
    found = "".join(part for part in Parts(take_out(html.Div(whole))).found if isinstance(part, str))
    assert all(text in found for text in said[1:] if text not in texts(whole))
    assert len(texts(whole)) < 4
    assert len(said) > n_least


def test_what_callbacks_touch_stays() -> None:
    kept = dialog("kept", "Title", html.P("to be filled"))
    assert take_out(html.Div(kept)) == ""
    assert "to be filled" in texts(kept)
