"""Clientside callback for a person's own numbers, which the browser keeps (`assets/own_numbers.js`)."""

from dash import ClientsideFunction, Dash, Input, Output

from layouts import ids
from layouts.architecture import COLOR_BY
from layouts.own_numbers import READ, SENT


def register(app: Dash) -> None:
    """Register the single writer of the store that is sent: it is empty unless the numbers are the colours."""
    app.clientside_callback(
        ClientsideFunction("explorer", "sendOwnNumbers"),
        Output(SENT, "data"),
        Input(COLOR_BY, "value"),
        Input(ids.PROMPT, "data"),
        Input(ids.OTHER, "data"),
        Input(READ, "data"),
        prevent_initial_call=True,
    )
