"""The one writer of the selection, and of the page's address; all of this runs in the browser (`assets/selection.js`,
`assets/address.js`).

With a writer on the server, keys pressed in quick succession would each start from a stale selection.
"""

from collections.abc import Iterable, Mapping

from dash import ClientsideFunction, Dash, Input, Output, State

from layouts import ids


def register(app: Dash, clicks: Iterable[str], settings: Mapping[str, bool]) -> None:
    """clicks: graphs whose points name selections.

    settings: controls whose value is part of the address, and whether they have options; without, any value is taken
    over, and is checked where it is used.
    """
    clicks = list(clicks)

    def run(name: str, *arguments: Output | Input | State, initial: bool = False) -> None:
        app.clientside_callback(ClientsideFunction("explorer", name), *arguments, prevent_initial_call=not initial)

    run("openAddress", Output(ids.ADDRESS, "data"), Input(ids.ADDRESS, "id"), initial=True)
    run(
        "select",
        Output(ids.SELECTION, "data"),
        Input(ids.PROMPT, "data"),
        Input(ids.ADDRESS, "data"),
        Input(ids.CLICKED, "data"),
        *[Input(id, "clickData") for id in clicks],
        *[State(id, "figure") for id in clicks],
    )
    run("hoverToken", *[Input(id, "hoverData") for id in clicks], *[State(id, "figure") for id in clicks])
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
