"""Callbacks of the selection card: the selected part and its predictions, and the tables of the model."""

from functools import partial
from typing import Any

from dash import Dash, Input, Output

from analysis.causes.copying import compute_all_scores
from analysis.causes.head_scores import probe_trace
from analysis.causes.role import compute_prediction_and_role
from analysis.comparison.pair import Comparison
from analysis.comparison.problem import incomparable
from analysis.comparison.summary import compute_summary_difference
from analysis.models.language_model import LanguageModel
from analysis.prediction import final_prediction
from analysis.selection import Part, Selection
from analysis.trace import Prompt
from callbacks.panel import PanelCallback, Values, panel_callback
from callbacks.services import Services
from layouts import ids
from layouts.figures.comparison.summary import summary_difference_figure, summary_difference_reading
from layouts.figures.empty import NO_WEIGHTS, empty_figure
from layouts.figures.summary import summary_figure, summary_reading
from layouts.figures.tables.summary import summary_tables
from layouts.role import role_words, score_table
from layouts.summary import (
    ENDS,
    LAYERS,
    MENU,
    NAME,
    PARAMETERS,
    PART,
    PLACE,
    ROLE,
    SCORES,
    STEPS,
    UNIT,
    menu,
    parameter_table,
    part_description,
    sizes_compared,
)
from layouts.theme import THEMES


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the card for a prompt and a selection; what depends on the model alone is drawn with the prompt."""
    attention, mlp = LAYERS
    previous, following, unit_previous, unit_following = STEPS

    @app.callback(
        {"menu": Output(MENU, "children"), "parameters": Output(PARAMETERS, "children")},
        Input(ids.PROMPT, "data"),
        prevent_initial_call=True,
    )
    def draw_model(prompt: Any) -> Values:
        return draw_summary_model(services, services.prompt(prompt))

    return panel_callback(
        NAME,
        partial(draw_summary, services),
        tables=summary_tables,
        difference=partial(draw_summary_difference, services),
        outputs={
            "figure": Output(ids.graph(NAME), "figure"),
            "role": Output(ROLE, "children"),
            "scores": Output(SCORES, "children"),
            "part": Output(PART, "children"),
            "place": Output(PLACE, "children"),
            "unit": Output(UNIT, "children"),
            "attention_pressed": Output(attention, "aria-pressed"),
            "mlp_pressed": Output(mlp, "aria-pressed"),
            "previous_disabled": Output(previous, "aria-disabled"),
            "next_disabled": Output(following, "aria-disabled"),
            "previous_unit_disabled": Output(unit_previous, "aria-disabled"),
            "next_unit_disabled": Output(unit_following, "aria-disabled"),
        },
    )


def draw_summary(services: Services, prompt: Prompt, selection: Selection, *, theme: str = "light") -> Values:
    """Predictions (`figure`), title, reading, its role, scores, the part in words, and the state of each button."""
    look, parameters = THEMES[theme], services.outline(prompt).summary
    shared = {"title": _title(selection), "part": _described(services, prompt, selection), **_controls(selection)}
    if not services.loaded(prompt):
        figure, results = empty_figure(NO_WEIGHTS, theme=look), {"parameters": parameters}
        return {**shared, "figure": figure, "reading": "", "role": [], "scores": [], "results": results}
    model, trace = services.model(prompt), services.trace(prompt)
    position = services.position(trace, selection)
    here, role = compute_prediction_and_role(model, trace, selection, position)
    end = final_prediction(model, trace, position) if here.lens else here
    untrained = "Untrained model: its predictions are random. " if model.info.untrained else ""
    found = {} if role is None else {"role": role}
    probed = {} if selection.head is None else {"probe_scores": _probe_scores(services, model, selection)}
    return {
        **shared,
        "figure": summary_figure(here, theme=look),
        "reading": untrained + summary_reading(here, end),
        "role": role_words(role),
        "scores": score_table(role, probed.get("probe_scores", {})),
        "results": {"parameters": parameters, NAME: here, **found, **probed},
    }


def draw_summary_difference(
    services: Services, comparison: Comparison, selection: Selection, *, theme: str = "light"
) -> Values:
    """The same values for A minus B: the predictions of both, and the sizes of two models. Roles are not compared."""
    a, b, look = comparison.a, comparison.b, THEMES[theme]
    position, models = services.position(a, selection), (services.model(a.prompt), services.model(b.prompt))
    part: tuple[Any, ...] = _described(services, a.prompt, selection)
    if not comparison.same_model:
        sizes = [services.outline(one.prompt).summary for one in (a, b)]
        part = (sizes_compared(sizes[0], sizes[1], (a.prompt.model, b.prompt.model)), *part)
    shared = {"title": f"Selection · A − B · {_title(selection)}", "role": [], "scores": [], "part": part}
    if problem := comparison.missing_block(selection.block or 0) or incomparable(comparison, *models, position):
        return {
            **shared,
            "figure": empty_figure("Not compared.", theme=look),
            "reading": problem,
            **_controls(selection),
        }
    result = compute_summary_difference(comparison, *models, selection, position)
    return {
        **shared,
        "figure": summary_difference_figure(result, theme=look),
        "reading": summary_difference_reading(result),
        "results": {"difference": result},
        **_controls(selection),
    }


def draw_summary_model(services: Services, prompt: Prompt) -> Values:
    """The menu of all parts and the table of parameters, which depend on the model only; empty if its sizes are not
    known yet.
    """
    if services.sizes(prompt)[0] is None:
        return {"menu": "", "parameters": ""}
    outline = services.outline(prompt)
    untrained = services.loaded(prompt) and services.model(prompt).info.untrained
    table = parameter_table(outline.summary, untrained=untrained, weights_note=outline.info.weights_note)
    return {"menu": menu(outline.summary.n_blocks), "parameters": table}


def _described(services: Services, prompt: Prompt, selection: Selection) -> tuple[Any, ...]:
    """The selected part in words."""
    summary = services.outline(prompt).summary
    return part_description(_unit(selection) or selection.part, summary, summary.parameters(selection))


def _controls(selection: Selection) -> dict[str, str]:
    """The words and the states of the buttons that move the selection."""
    part, outside = selection.part, selection.block is None
    return {
        "place": str(part) if outside else f"block {selection.block}",
        "unit": _unit_words(selection),
        "attention_pressed": _aria(part is Part.ATTENTION),
        "mlp_pressed": _aria(part is Part.MLP),
        "previous_disabled": _aria(part is Part.EMBEDDING),
        "next_disabled": _aria(part is Part.OUTPUT),
        "previous_unit_disabled": _aria(outside),
        "next_unit_disabled": _aria(outside),
    }


def _aria(holds: bool) -> str:
    return "true" if holds else "false"


def _probe_scores(services: Services, model: LanguageModel, selection: Selection) -> dict[str, float]:
    """The selected head's scores on the probe, which are computed once per model."""
    probe, at = probe_trace(model), (selection.block, selection.head)
    scores = compute_all_scores(model, probe, derived=partial(services.derived, probe))
    return {name: float(table[at]) for name, table in scores.items()}


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
