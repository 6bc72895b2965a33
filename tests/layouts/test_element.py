"""Elements are what Dash sends for its components."""

from dash import html

from layouts.element import element


def test_an_element_is_the_json_of_its_component() -> None:
    marks = {"data-select": "@1", "aria-label": "first"}
    assert (
        element("Button", "one", type="button", **marks) == html.Button("one", type="button", **marks).to_plotly_json()
    )
    assert element("P", ["a", element("Span", "b")]) == {
        **html.P().to_plotly_json(),
        "props": {"children": ["a", html.Span("b").to_plotly_json()]},
    }
