"""Callback of the overview panel: the numbers of all heads and tiles, drawn as a grid."""

from functools import partial

from dash import ClientsideFunction, Dash, Input, Output

from analysis.architecture import ColorBy
from analysis.overview import compute_overview, overview_without_values
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.panel import PanelCallback, Values, panel_callback
from callbacks.services import Services
from layouts import ids
from layouts.architecture import COLOR_BY
from layouts.figures.overview import overview_figure, overview_reading
from layouts.overview import COLOR, NAME
from layouts.theme import THEMES


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the panel for a prompt, a selection and the 3D scene's colouring, which its own menu sets as well."""
    app.clientside_callback(
        ClientsideFunction("explorer", "shareColoring"), Input(COLOR_BY, "value"), Input(COLOR, "value")
    )
    return panel_callback(
        NAME,
        partial(draw_overview, services),
        outputs={"figure": Output(ids.graph(NAME), "figure")},
        choices={"color_by": Input(COLOR_BY, "value")},
    )


def draw_overview(
    services: Services, prompt: Prompt, selection: Selection, *, theme: str = "light", color_by: ColorBy = "norm"
) -> Values:
    """Grid (`figure`), title and reading."""
    if services.loaded(prompt):
        trace = services.trace(prompt)
        position = services.position(trace, selection)
        result = compute_overview(trace, selection, position, color_by=color_by)
        token = trace.tokens[position].label
    else:
        result, token = overview_without_values(services.outline(prompt).info, selection), ""
    return {
        "figure": overview_figure(result, theme=THEMES[theme]),
        "title": "Overview",
        "reading": overview_reading(result, token),
    }
