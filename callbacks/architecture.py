"""The architecture panel: fetch, guard, draw. After the first picture only what changed is sent."""

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, Patch, State

from analysis.architecture import ColorBy, architecture_without_values, compute_architecture
from analysis.prediction import compute_prediction
from analysis.selection import Part, Selection
from analysis.trace import Prompt
from layouts import ids
from layouts.architecture import COLOR_BY, NAME, PLAY, RESET
from layouts.figures.architecture import architecture_changes, architecture_figure, architecture_reading
from layouts.theme import THEMES, base_layout

_N_PREDICTIONS = 4


def register(app: Dash, services: Any) -> None:
    """Redraw the scene when the prompt, the selection, the theme or the colouring changes."""

    @app.callback(
        Output(ids.graph(NAME), "figure"),
        Output(ids.title(NAME), "children"),
        Output(ids.reading(NAME), "children"),
        Output(ids.panel(NAME), "data-selection"),
        Output(ids.panel(NAME), "data-scene"),
        Input(ids.PROMPT, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.THEME, "data"),
        Input(COLOR_BY, "value"),
        State(ids.panel(NAME), "data-scene"),
        running=[(Output(ids.panel(NAME), "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    def draw(prompt: Any, selection: Any, theme: str, color_by: ColorBy, drawn: str) -> tuple[Any, ...]:
        asked, selected = services.question(prompt, selection)
        return draw_architecture(services, asked, selected, theme=theme, color_by=color_by, drawn=drawn)

    app.clientside_callback(
        ClientsideFunction("explorer", "hover"),
        Input(ids.graph(NAME), "hoverData"),
        State(ids.graph(NAME), "figure"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("explorer", "resetView"),
        Input(RESET, "n_clicks"),
        Input(ids.panel(NAME), "data-scene"),
        State(ids.graph(NAME), "figure"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("explorer", "keepView"),
        Input(ids.graph(NAME), "relayoutData"),
        State(ids.graph(NAME), "figure"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("explorer", "play"),
        Output(PLAY, "children"),
        Input(PLAY, "n_clicks"),
        prevent_initial_call=True,
    )


def draw_architecture(
    services: Any,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    color_by: ColorBy = "norm",
    drawn: str = "",
) -> tuple[Any, ...]:
    """Figure, title, reading, the selection shown, and a name of the geometry shown.

    drawn: that name for what the page shows already; if it is the same, only colours and marks are sent.
    """
    look = THEMES[theme]
    if services.loaded(prompt):
        trace = services.trace(prompt)
        position = services.position(trace, selection)
        result = compute_architecture(trace, selection, position, color_by=color_by)
        output = compute_prediction(services.model(prompt), trace, Selection(Part.OUTPUT), position, k=_N_PREDICTIONS)
        predictions, token = output.top, trace.tokens[position].label
    else:
        result = architecture_without_values(services.outline(prompt).info, selection)
        predictions, token = (), ""
    scene = result.info.fingerprint
    if drawn == scene:
        figure: Any = Patch()
        traces, annotations = architecture_changes(result, predictions=predictions, theme=look)
        for index, changes in traces.items():
            for name, value in changes.items():
                figure["data"][index][name] = value
        shared = base_layout(look)
        for name in ("font", "hoverlabel", "modebar"):
            figure["layout"][name] = shared[name]
        figure["layout"]["scene"]["annotations"] = annotations
    else:
        figure = architecture_figure(result, predictions=predictions, theme=look)
    return figure, "Architecture", architecture_reading(result, token), str(selection), scene
