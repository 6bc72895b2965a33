"""Callback of the architecture panel. The geometry is sent once per model; after that, only colours and marks."""

from functools import partial
from typing import Any, Unpack

from dash import ClientsideFunction, Dash, Input, Output, Patch, State

from analysis.architecture import ColorBy, architecture_without_values, compute_architecture
from analysis.prediction import final_prediction
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.coloring import CHOICES, SWEPT, Removal, color_numbers
from callbacks.panel import PanelCallback, Values, panel_callback
from callbacks.services import Services
from layouts import ids
from layouts.architecture import NAME, PLAY, RESET
from layouts.figures.architecture import architecture_changes, architecture_figure, architecture_reading
from layouts.figures.drawing import written
from layouts.theme import THEMES, base_layout

_N_PREDICTIONS = 4


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the scene for a prompt, a selection and a colouring; clicks, the view and "Play" run in the browser."""
    app.clientside_callback(
        ClientsideFunction("explorer", "resetView"),
        Input(RESET, "n_clicks"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("explorer", "play"),
        Output(PLAY, "children"),
        Input(PLAY, "n_clicks"),
        prevent_initial_call=True,
    )
    return panel_callback(
        NAME,
        partial(draw_architecture, services),
        outputs={
            "figure": Output(ids.graph(NAME), "figure"),
            "scene": Output(ids.panel(NAME), "data-scene"),
        },
        choices=CHOICES,
        triggers=(SWEPT,),
        state={"scene": State(ids.panel(NAME), "data-scene")},
    )


def draw_architecture(
    services: Services,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    color_by: ColorBy = "norm",
    against: str | None = "",
    scene: str = "",
    **removal: Unpack[Removal],
) -> Values:
    """Figure, title, reading, and the fingerprint of the figure's geometry (`scene`).

    against: the token whose logit is subtracted from the explained one, by its id, or empty. scene: the fingerprint of
    the geometry that the page shows. If it is the same, only colours and marks are sent. removal: what the sweep
    removes, for "effect".
    """
    look = THEMES[theme]
    if services.loaded(prompt):
        trace, model = services.trace(prompt), services.model(prompt)
        position = services.position(trace, selection)
        numbers, missing = color_numbers(services, prompt, selection, color_by, against, **removal)
        result = compute_architecture(trace, selection, position, **numbers)
        predictions = final_prediction(model, trace, position).top[:_N_PREDICTIONS]
        texts: dict[str, Any] = {"predictions": predictions, "tokens": trace.tokens[: position + 1]}
        token = trace.tokens[position].label
    else:
        result = architecture_without_values(services.outline(prompt).info, selection)
        texts, token, missing = {}, "", ""
    shown = result.info.fingerprint
    if scene == shown:
        figure: Any = Patch()
        traces, annotations = architecture_changes(result, **texts, theme=look)
        sent_traces, sent_layout, shared = figure["data"], figure["layout"], base_layout(look)
        for index, changes in traces.items():
            sent_trace = sent_traces[index]
            for name, value in changes.items():
                sent_trace[name] = written(value)
        for name in ("font", "hoverlabel", "modebar"):
            sent_layout[name] = shared[name]
        sent_layout["scene"]["annotations"] = annotations
    else:
        figure = architecture_figure(result, **texts, theme=look)
    return {
        "figure": figure,
        "scene": shown,
        "title": "Architecture",
        "reading": missing or architecture_reading(result, token),
    }
