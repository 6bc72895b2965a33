"""Callback of the architecture panel. The geometry is sent once per model; after that, only colours and marks."""

from functools import partial
from typing import Any, Unpack

from dash import ClientsideFunction, Dash, Input, Output, Patch, State

from analysis.architecture import ArchitectureResult, ColorBy, architecture_without_values, compute_architecture
from analysis.comparison.architecture import compute_architecture_difference
from analysis.comparison.pair import Comparison
from analysis.models.language_model import LanguageModel
from analysis.prediction import final_prediction
from analysis.selection import Selection
from analysis.trace import Prompt, Trace
from callbacks.coloring import CHOICES, SWEPT, Extras, color_difference, color_numbers, with_problem
from callbacks.panel import PanelCallback, Values, panel_callback
from callbacks.services import Services
from layouts import ids
from layouts.architecture import NAME, PLAY, RESET
from layouts.figures.architecture import architecture_changes, architecture_figure, architecture_reading
from layouts.figures.comparison.scene import architecture_difference_reading
from layouts.figures.tables.architecture import architecture_tables
from layouts.theme import THEMES, Theme, base_layout

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
        tables=architecture_tables,
        difference=partial(draw_architecture_difference, services),
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
    **extras: Unpack[Extras],
) -> Values:
    """Figure, title, reading, and the fingerprint of the figure's geometry (`scene`).

    against: the token whose logit is subtracted from the explained one, by its id, or empty. scene: the fingerprint of
    the geometry that the page shows. If it is the same, only colours and marks are sent. extras: what some
    colourings are computed from.
    """
    look = THEMES[theme]
    if services.loaded(prompt):
        trace, model = services.trace(prompt), services.model(prompt)
        position = services.position(trace, selection)
        numbers, missing = color_numbers(services, prompt, selection, color_by, against, **extras)
        result = compute_architecture(trace, selection, position, **numbers)
        texts = _texts(model, trace, position)
        token = trace.tokens[position].label
    else:
        result = architecture_without_values(services.outline(prompt).info, selection)
        texts, token, missing = {}, "", ""
    return _scene(result, texts, scene, look) | {
        "title": "Architecture",
        "reading": missing or architecture_reading(result, token),
        "results": {NAME: result, **texts},
    }


def draw_architecture_difference(
    services: Services,
    comparison: Comparison,
    selection: Selection,
    *,
    theme: str = "light",
    color_by: ColorBy = "norm",
    against: str | None = "",
    scene: str = "",
    **extras: Unpack[Extras],
) -> Values:
    """As `draw_architecture`, of A minus B, in the scene of A; what B does not have is grey."""
    trace = comparison.a
    position = services.position(trace, selection)
    one, other, problem = color_difference(services, comparison, selection, color_by, against, **extras)
    result = compute_architecture_difference(comparison, one, other)
    texts = _texts(services.model(trace.prompt), trace, position)
    reading = architecture_difference_reading(result, trace.tokens[position].label)
    return _scene(result, texts, scene, THEMES[theme]) | {
        "title": "Architecture · A − B",
        "reading": with_problem(reading, problem),
        "results": {NAME: result, **texts},
    }


def _texts(model: LanguageModel, trace: Trace, position: int) -> dict[str, Any]:
    """What is written at the ends of the scene."""
    predictions = final_prediction(model, trace, position).top[:_N_PREDICTIONS]
    return {"predictions": predictions, "tokens": trace.tokens[: position + 1]}


def _scene(result: ArchitectureResult, texts: dict[str, Any], scene: str, look: Theme) -> dict[str, Any]:
    """The figure, or its changes if the page shows a scene of the same geometry."""
    shown = result.info.fingerprint
    if scene != shown:
        return {"figure": architecture_figure(result, **texts, theme=look), "scene": shown}
    figure: Any = Patch()
    traces, annotations = architecture_changes(result, **texts, theme=look)
    sent_traces, sent_layout, shared = figure["data"], figure["layout"], base_layout(look)
    for index, changes in traces.items():
        sent_trace = sent_traces[index]
        for name, value in changes.items():
            sent_trace[name] = value
    for name in ("font", "hoverlabel"):
        sent_layout[name] = shared[name]
    sent_layout["scene"]["annotations"] = annotations
    return {"figure": figure, "scene": shown}
