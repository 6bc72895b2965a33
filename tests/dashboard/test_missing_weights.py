import plotly.graph_objects as go
from dash import Output

from dashboard.missing_weights import values_without_weights
from layouts.theme import DARK, LIGHT

OUTPUTS = {
    "figure": Output("x-graph", "figure"),
    "more": Output("x-more-graph", "figure"),
    "text": Output("x-text", "children"),
    "hidden": Output("x-depth", "hidden"),
    "scale": Output("x-scale", "style"),
    "pressed": Output("x-button", "aria-pressed"),
    "shown": Output("x-chips", "data-shown"),
    "offer": Output("x-job-offer", "data"),
    "outdated": Output("x-picture", "data-old"),
    "title": Output("x-title", "children"),
    "reading": Output("x-reading", "children"),
    "drawn": Output("x-panel", "data-drawn"),
}


def test_every_property_that_has_values_of_an_earlier_question_is_emptied() -> None:
    values = values_without_weights(OUTPUTS, heading="X", theme="dark")
    figure, more = values.pop("figure"), values.pop("more")
    assert isinstance(figure, go.Figure)
    assert figure.layout.annotations[0].text == "No values without the weights."
    assert figure.layout.font.color == DARK.text
    assert more.layout.annotations[0].text == ""
    empty = {"title": "X", "reading": "", "text": "", "hidden": True}
    empty |= {"shown": "", "offer": None, "outdated": "", "drawn": ""}
    assert values == empty, "styles and buttons stay as they are"


def test_an_unknown_theme_is_the_light_one() -> None:
    figure = values_without_weights(OUTPUTS, heading="X", theme="sepia")["figure"]
    assert figure.layout.font.color == LIGHT.text
