import plotly.graph_objects as go
from dash import Output

from dashboard.drawing.missing_weights import values_without_weights
from layouts.theme import DARK

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
MESSAGE = "The weights of <b>owner/name</b> are not on this machine."


def test_every_property_that_has_values_of_an_earlier_question_is_emptied() -> None:
    values = values_without_weights(OUTPUTS, MESSAGE, heading="X", theme="dark", downloadable=True)
    figure, more, reading = values.pop("figure"), values.pop("more"), values.pop("reading")
    assert isinstance(figure, go.Figure)
    words = figure.layout.annotations[0].text
    assert words.replace("<br>", " ") == MESSAGE.replace("<", "&lt;").replace(">", "&gt;")
    assert max(map(len, words.split("<br>"))) < 60
    assert figure.layout.font.color == DARK.text
    assert more.layout.annotations[0].text == ""
    assert reading[0] == MESSAGE
    assert getattr(reading[-1], "data-press") == "model-download"
    empty = {"title": "X", "text": "", "hidden": True, "shown": "", "offer": None, "outdated": "", "drawn": ""}
    assert values == empty, "styles and buttons stay as they are"


def test_without_an_offer_there_is_no_button() -> None:
    values = values_without_weights(OUTPUTS, MESSAGE, heading="X", theme="sepia", downloadable=False)
    assert values["reading"] == MESSAGE
