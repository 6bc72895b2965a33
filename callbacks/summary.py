"""The selection card: fetch, guard, draw."""

from typing import Any

from dash import Dash, Input, Output

from analysis.prediction import compute_prediction
from analysis.selection import Part, Selection
from analysis.trace import Prompt
from layouts import ids
from layouts.figures.empty import empty_figure
from layouts.figures.summary import summary_figure, summary_reading
from layouts.summary import (
    ENDS,
    LAYERS,
    MENU,
    NAME,
    PARAMETERS,
    PART,
    PLACE,
    STEPS,
    UNIT,
    menu,
    parameter_table,
    part_description,
)
from layouts.theme import THEMES, Theme

_LAYERS = (Part.ATTENTION, Part.MLP)


def register(app: Dash, services: Any) -> None:
    """Redraw the card when the prompt, the selection or the theme changes; what is the model's, with the prompt."""

    @app.callback(
        Output(ids.graph(NAME), "figure"),
        Output(ids.title(NAME), "children"),
        Output(ids.reading(NAME), "children"),
        Output(PART, "children"),
        Output(ids.panel(NAME), "data-selection"),
        Output(PLACE, "children"),
        Output(UNIT, "children"),
        *[Output(layer, "aria-pressed") for layer in LAYERS],
        *[Output(step, "aria-disabled") for step in STEPS],
        Input(ids.PROMPT, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.THEME, "data"),
        running=[(Output(ids.panel(NAME), "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    def draw(prompt: Any, selection: Any, theme: str) -> tuple[Any, ...]:
        asked, selected = services.question(prompt, selection)
        return draw_summary(services, asked, selected, theme=theme)

    @app.callback(
        Output(MENU, "children"),
        Output(PARAMETERS, "children"),
        Input(ids.PROMPT, "data"),
        prevent_initial_call=True,
    )
    def draw_model(prompt: Any) -> tuple[Any, ...]:
        return draw_summary_model(services, services.prompt(prompt))


def draw_summary(services: Any, prompt: Prompt, selection: Selection, *, theme: str = "light") -> tuple[Any, ...]:
    """Predictions, title, reading, the part in words, the selection shown, and how the buttons stand."""
    summary = services.outline(prompt).summary
    figure, reading = _predictions(services, prompt, selection, THEMES[theme])
    part, unit = selection.part, _unit(selection)
    outside = selection.block is None
    nowhere = (part is Part.EMBEDDING, part is Part.OUTPUT, outside, outside)
    return (
        figure,
        _title(selection),
        reading,
        part_description(unit or part, summary, summary.parameters(selection)),
        str(selection),
        str(part) if outside else f"block {selection.block}",
        _unit_words(selection),
        *[str(layer == part).lower() for layer in _LAYERS],
        *[str(disabled).lower() for disabled in nowhere],
    )


def draw_summary_model(services: Any, prompt: Prompt) -> tuple[Any, ...]:
    """The menu of all parts and the table of parameters, which depend on the model only."""
    summary = services.outline(prompt).summary
    untrained = services.loaded(prompt) and services.model(prompt).info.untrained
    return menu(summary.n_blocks), parameter_table(summary, untrained=untrained)


def _predictions(services: Any, prompt: Prompt, selection: Selection, look: Theme) -> tuple[Any, str]:
    """The picture of what is predicted, and the sentence on it."""
    if not services.loaded(prompt):
        return empty_figure(
            "Predictions need the weights.", theme=look
        ), "Only sizes are shown: the weights are not in memory."
    model, trace = services.model(prompt), services.trace(prompt)
    position = services.position(trace, selection)
    here = compute_prediction(model, trace, selection, position)
    end = compute_prediction(model, trace, Selection(Part.OUTPUT), position, k=1) if here.lens else here
    untrained = "Untrained model: its predictions are random. " if model.info.untrained else ""
    return summary_figure(here, theme=look), untrained + summary_reading(here, end)


def _unit(selection: Selection) -> str | None:
    return "head" if selection.head is not None else "neuron" if selection.neuron is not None else None


def _unit_words(selection: Selection) -> str:
    if selection.block is None:
        return "–"
    if selection.part is Part.ATTENTION:
        return "all heads" if selection.head is None else f"head {selection.head}"
    return "all neurons" if selection.neuron is None else f"neuron {selection.neuron}"


def _title(selection: Selection) -> str:
    if selection.block is None:
        return ENDS[selection.part]
    words = [f"Block {selection.block}"]
    if selection.head is None:
        words.append("MLP" if selection.part is Part.MLP else "attention")
    if _unit(selection):
        words.append(_unit_words(selection))
    return " · ".join(words)
