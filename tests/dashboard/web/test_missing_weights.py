import plotly.graph_objects as go
from dash import no_update

from dashboard.web.missing_weights import without_weights
from layouts.theme import DARK

OUTPUTS = [
    {"id": id, "property": name}
    for id, name in [
        ("x-graph", "figure"), ("x-more-graph", "figure"), ("x-title", "children"), ("x-reading", "children"),
        ("x-text", "children"), ("x-panel", "data-selection"), ("x-job-offer", "data"), ("x-picture", "data-old"),
        ("x-depth", "hidden"), ("x-scale", "style"),
    ]
]  # fmt: skip
MESSAGE = "The weights of <b>owner/name</b> are not on this machine."


def test_every_property_has_a_value() -> None:
    values = without_weights(
        MESSAGE, OUTPUTS, headings={"x-title": "X"}, selection="norm", theme="dark", downloadable=True
    )
    figure, more, title, reading, text, selection, offer, old, hidden, style = values
    assert isinstance(figure, go.Figure)
    words = figure.layout.annotations[0].text
    assert words.replace("<br>", " ") == MESSAGE.replace("<", "&lt;").replace(">", "&gt;")
    assert max(map(len, words.split("<br>"))) < 60
    assert figure.layout.font.color == DARK.text
    assert more.layout.annotations[0].text == ""
    assert (title, text, selection, offer, old, hidden) == ("X", "", "norm", None, "", True)
    assert style is no_update
    assert reading[0] == MESSAGE
    assert getattr(reading[-1], "data-press") == "model-download"


def test_without_an_offer_there_is_no_button() -> None:
    values = without_weights(MESSAGE, OUTPUTS, headings={}, selection="norm", theme="sepia", downloadable=False)
    assert values[3] == MESSAGE
