"""Callback of the dialog "Open another model": looks up what is typed, and opens it. Only local servers have it."""

from typing import Any

from dash import Dash, Input, Output, State, ctx, set_props

from callbacks.panel import Values
from callbacks.services import Services
from layouts.models import MODEL, options
from layouts.open_model import DIALOG, FOUND, LOOK, LOOKED, OPEN, SOURCE, button_words, found_words


def register(app: Dash, services: Services) -> None:
    """Register the callback. What was opened is chosen in the menu, and everything else follows from that."""

    @app.callback(
        {
            "is_open": Output(DIALOG, "is_open"),
            "found": Output(FOUND, "children"),
            "button": Output(OPEN, "children"),
            "disabled": Output(OPEN, "disabled"),
            "looked": Output(LOOKED, "data"),
        },
        Input(LOOK, "n_clicks"),
        Input(SOURCE, "n_submit"),
        Input(OPEN, "n_clicks"),
        State(SOURCE, "value"),
        State(LOOKED, "data"),
        running=[(Output(LOOK, "disabled"), True, False), (Output(FOUND, "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    def follow(_looks: Any, _submits: Any, _opens: Any, typed: Any, looked: Any) -> Values:
        opens = ctx.triggered_id == OPEN
        values = draw_open_model(services, looked if opens else typed, opens=opens)
        if name := values.pop("opened"):
            entries = options(services.menu.entries(), opens_models=True)
            app.layout[MODEL].options = entries  # for pages that are loaded later, and the request checks
            set_props(MODEL, {"options": entries, "value": name})
            set_props(SOURCE, {"value": ""})
        return values


def draw_open_model(services: Services, text: Any, *, opens: bool) -> dict[str, Any]:
    """The dialog's parts, whether it stays open (`is_open`), and the name of the model that was `opened`, else empty.

    text: what was typed, or with `opens` what was looked up and is to be opened.
    """
    assert services.opener, "only a local server has this dialog"
    text = text if isinstance(text, str) else ""
    found = services.opener.open(text) if opens else services.opener.look(text)
    opened = found.name if opens else ""
    return {
        "is_open": not opened,
        "found": [] if opened else found_words(found),
        "button": "Open" if opened else button_words(found),
        "disabled": bool(opened or found.problem),
        "looked": text,
        "opened": opened,
    }
