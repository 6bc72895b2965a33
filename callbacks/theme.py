"""Light or dark: the system's choice at first, then the person's, remembered in the browser (`assets/page.js`)."""

from dash import ClientsideFunction, Dash, Input, Output

from layouts import ids
from layouts.shell import THEME_BUTTON


def register(app: Dash) -> None:
    """The one writer of the theme."""
    app.clientside_callback(
        ClientsideFunction("explorer", "theme"),
        Output(ids.THEME, "data"),
        Input(THEME_BUTTON, "n_clicks"),
    )
