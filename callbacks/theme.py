"""Clientside callback for the theme: the system's at first, then the visitor's, kept in the browser
(`assets/theme.js`).
"""

from dash import ClientsideFunction, Dash, Input, Output

from layouts import ids
from layouts.shell import THEME_BUTTON


def register(app: Dash) -> None:
    """Register the single writer of the theme's store."""
    app.clientside_callback(
        ClientsideFunction("explorer", "theme"),
        Output(ids.THEME, "data"),
        Input(THEME_BUTTON, "n_clicks"),
    )
