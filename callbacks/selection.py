"""Clientside callbacks for the selection and the page's address (`assets/selection.js`, `assets/pace.js`,
`assets/figures.js`, `assets/announce.js`, `assets/address.js`).

The selection has a single writer, in the browser: a writer on the server would apply each of several quick key presses
to a stale selection.
"""

from collections.abc import Iterable, Mapping

from dash import ClientsideFunction, Dash, Input, Output, State

from layouts import compare, ids
from layouts.strip import CHIPS
from layouts.views import SESSION


def register(app: Dash, clicks: Iterable[str], settings: Mapping[str, bool]) -> None:
    """Register the callbacks.

    clicks: ids of graphs whose points name selections. settings: ids of controls whose values are part of the address,
    and whether they have options. A value from a link must be one of the options; without options, the callback that
    uses the value checks it.
    """
    clicks = list(clicks)

    def run(name: str, *arguments: Output | Input | State, initial: bool = False) -> None:
        app.clientside_callback(ClientsideFunction("explorer", name), *arguments, prevent_initial_call=not initial)

    run("openPage", Output(ids.ADDRESS, "data"), Input(ids.ADDRESS, "id"), State(SESSION, "data"), initial=True)
    run("arrange", Output(ids.VISIBLE, "data"), Input(ids.ADDRESS, "data"))
    run(
        "select",
        Output(ids.SELECTION, "data"),
        Input(ids.PROMPT, "data"),
        Input(ids.ADDRESS, "data"),
        Input(ids.CLICKED, "data"),
        Input(ids.OTHER, "data"),
        Input(compare.SIDE, "value"),
        Input(compare.TEXT, "value"),
        Input(compare.MODEL, "value"),
        *[Input(id, "clickData") for id in clicks],
        *[State(id, "figure") for id in clicks],
    )
    run("panelsDrawn", Input(ids.PANELS, "data-selection"))
    run("hoverToken", *[Input(id, "hoverData") for id in clicks], *[State(id, "figure") for id in clicks])
    run("announceSelection", Input(ids.PANELS, "data-selection"), Input(CHIPS, "children"))
    run(
        "readSettings",
        *[Output(id, "value") for id in settings],
        Input(ids.ADDRESS, "data"),
        *[State(id, "value") for id in settings],
        *[State(id, "options") for id, has_options in settings.items() if has_options],
    )
    run(
        "writeAddress",
        Input(ids.PROMPT, "data"),
        Input(ids.SELECTION, "data"),
        *[Input(id, "value") for id in settings],
    )
