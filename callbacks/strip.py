"""The token strip: fetch, guard, draw."""

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output

from analysis.selection import Selection
from analysis.strip import compute_strip
from analysis.trace import Prompt
from layouts import ids
from layouts.figures.strip import strip_colors, strip_gradient, strip_hover, strip_reading
from layouts.strip import CHIPS, NAME, SCALE, chip
from layouts.theme import THEMES


def register(app: Dash, services: Any) -> None:
    """Redraw the strip when the prompt, the selection or the theme changes."""

    @app.callback(
        Output(CHIPS, "children"),
        Output(SCALE, "style"),
        Output(ids.title(NAME), "children"),
        Output(ids.reading(NAME), "children"),
        Output(ids.panel(NAME), "data-selection"),
        Input(ids.PROMPT, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.THEME, "data"),
        running=[(Output(ids.panel(NAME), "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    def draw(prompt: Any, selection: Any, theme: str) -> tuple[Any, ...]:
        asked, selected = services.question(prompt, selection)
        return draw_strip(services, asked, selected, theme=theme)

    app.clientside_callback(
        ClientsideFunction("explorer", "stripDrawn"), Input(CHIPS, "children"), prevent_initial_call=True
    )


def draw_strip(services: Any, prompt: Prompt, selection: Selection, *, theme: str = "light") -> tuple[Any, ...]:
    """Chips, the colour scale's style, title, reading and the selection that they show."""
    look = THEMES[theme]
    trace = services.trace(prompt)
    position = services.position(trace, selection)
    result = compute_strip(trace)
    chips = [
        chip(
            token.label,
            token.position,
            strip_hover(result, token.position),
            colors,
            chosen=token.position == position,
            joined=token.group != token.position,
        )
        for token, colors in zip(result.tokens, strip_colors(result, theme=look), strict=True)
    ]
    title = f"Tokens · position {position}"
    return chips, {"background": strip_gradient(look)}, title, strip_reading(result, position), str(selection)
