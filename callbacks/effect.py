"""Callback of the what-if panel: runs the model without the removed parts, and shows the sweep of a job."""

from dataclasses import asdict
from functools import partial
from typing import Any, get_args

from dash import Dash, Input, Output, State

from analysis.causes.intervention import (
    MOST_INTERVENTIONS,
    Intervention,
    Replacement,
    Where,
    added,
    misfit,
    read_interventions,
    removal_of,
    write_interventions,
)
from analysis.causes.sweep import SweepResult, plan_sweep
from analysis.effect import EffectResult, compute_effect
from analysis.errors import check_choice
from analysis.model_info import ModelInfo
from analysis.numerics.nonfinite import unexplainable
from analysis.saliency import default_target, read_token_id
from analysis.selection import Part, Selection
from analysis.task import Task
from analysis.trace import Prompt
from callbacks.panel import PanelCallback, Values, panel_callback
from callbacks.services import Services
from layouts import ids
from layouts.effect import (
    AGAINST,
    FOUND,
    LIST,
    NAME,
    NOTE,
    NUMBERS,
    REMOVED,
    REPLACEMENT,
    SEARCH,
    SWEEP_GRAPH,
    TARGET,
    WHAT,
    WHERE,
    message,
    numbers,
    removal_button,
    removed_part,
    search_actions,
)
from layouts.figures.effect import (
    REPLACED,
    effect_figure,
    effect_note,
    effect_numbers,
    effect_reading,
    effect_sweep_figure,
    effect_sweep_reading,
    intervention_words,
    number,
)
from layouts.figures.empty import empty_figure
from layouts.figures.text import quoted
from layouts.saliency import target_words
from layouts.theme import THEMES, Theme
from layouts.token_search import found_tokens

_MOST_FOUND = 12


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the panel for a prompt, a selection and the removed parts; search the vocabulary."""

    @app.callback(
        Output(FOUND, "children"), Input(SEARCH, "value"), State(ids.PROMPT, "data"), prevent_initial_call=True
    )
    def search(text: Any, prompt: Any) -> list[Any]:
        if not isinstance(text, str) or not text:
            return []
        vocabulary = services.model(services.prompt(prompt)).vocabulary
        return found_tokens(vocabulary.search(text, most=_MOST_FOUND), search_actions)

    return panel_callback(
        NAME,
        partial(draw_effect, services),
        outputs={
            "figure": Output(ids.graph(NAME), "figure"),
            "sweep": Output(SWEEP_GRAPH, "figure"),
            "list": Output(LIST, "children"),
            "numbers": Output(NUMBERS, "children"),
            "note": Output(NOTE, "children"),
            "target": Output(TARGET, "children"),
        },
        choices={
            "what": Input(WHAT, "value"),
            "replacement": Input(REPLACEMENT, "value"),
            "where": Input(WHERE, "value"),
            "removed": Input(REMOVED, "value"),
            "against": Input(AGAINST, "value"),
        },
        job=True,
    )


def draw_effect(
    services: Services,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    what: str = "part",
    replacement: str = "mean",
    where: str = "all",
    removed: str | None = "",
    against: str | None = "",
    outdated: str = "",
) -> Values:
    """Predictions before and after (`figure`, `numbers`), the `list` of removals with the button that adds the
    selection, the grid of all removals (`sweep`), what the numbers do not say (`note`), target, title, reading, what a
    job may compute (`offer`), and whether the grid is outdated.

    removed: interventions as text. against: a token id as text, or empty. outdated: empty while the page has no grid.
    """
    look = THEMES[theme]
    trace, model = services.trace(prompt), services.model(prompt)
    position = services.position(trace, selection)
    interventions, minus = read_interventions(removed), read_token_id(against)
    if reason := unexplainable(model, trace, position):
        none = empty_figure("Nothing to follow.", theme=look)
        shown = {"figure": none, "sweep": none, "list": [], "numbers": [], "note": "", "target": "nothing"}
        return {**shown, "title": "What if", "reading": reason, "offer": None, "outdated": ""}
    question = _question(prompt, selection, replacement, where, against or "")
    sweep, offer = services.jobs.show(effect_task(services, question), question)
    choices: dict[str, Any] = {"what": what, "replacement": replacement, "everywhere": _everywhere(where)}
    one = removal_of(selection, position, **choices, info=trace.info)
    target = default_target(model, trace, position) if selection.target is None else selection.target
    piece = model.vocabulary.piece
    shared = {
        "list": _removals(interventions, one, trace.info),
        "note": effect_note([each.replacement for each in interventions] or [replacement]),  # type: ignore[list-item]
        "target": target_words(
            piece(target), None if minus is None else piece(minus), chosen=selection.target is not None
        ),
        "title": f"What if · position {position}, {quoted(trace.tokens[position].label)}",
        "offer": offer,
        **_grid(sweep, selection, outdated, look),
    }
    if problem := misfit(interventions, trace.info, trace.n_positions):
        none = empty_figure("Not computed.", theme=look)
        return {**shared, "figure": none, "numbers": [], "reading": f"{problem} Take it back."}
    result = compute_effect(
        model,
        trace,
        position,
        interventions=interventions,
        target=selection.target,
        against=minus,
        derived=partial(services.derived, trace),
    )
    divergence = number(result.divergence) if interventions else None
    return {
        **shared,
        "figure": effect_figure(result, theme=look),
        "numbers": numbers(effect_numbers(result), divergence),
        "reading": _reading(result, sweep),
    }


def effect_task(services: Services, question: Any) -> Task:
    """The sweep that a question of this panel asks for.

    Raises: AnalysisError for a question that is malformed.
    """
    prompt, selection, (replacement, where, against) = services.asked(question, n_choices=3)
    trace, model = services.trace(prompt), services.model(prompt)
    check_choice(replacement, Replacement, "the replacement")
    return plan_sweep(
        model,
        trace,
        services.position(trace, selection),
        replacement=next(word for word in get_args(Replacement) if word == replacement),
        everywhere=_everywhere(where),
        target=selection.target,
        against=read_token_id(against),
    )


def _everywhere(where: str) -> bool:
    """Whether parts are removed at all positions.

    Raises: SelectionError for a choice that there is not.
    """
    check_choice(where, Where, "where parts are removed")
    return where == "all"


def _removals(interventions: tuple[Intervention, ...], one: Intervention | None, info: ModelInfo) -> list[Any]:
    """The button that removes the selection, and the removals, each with a button that takes it back."""
    rows = [
        removed_part(
            intervention_words(each, info),
            REPLACED[each.replacement],
            each.selection,
            write_interventions([other for other in interventions if other != each]),
        )
        for each in interventions
    ]
    if one is None:
        return [message("Select a part of a block, or the embedding, to remove it."), *rows]
    if one in interventions:
        return rows
    more = added(interventions, one)
    if len(more) > MOST_INTERVENTIONS:
        return [message(f"{MOST_INTERVENTIONS} parts are removed, which is the most. Take one back."), *rows]
    return [removal_button(intervention_words(one, info), REPLACED[one.replacement], write_interventions(more)), *rows]


def _grid(sweep: SweepResult | None, selection: Selection, outdated: str, look: Theme) -> dict[str, Any]:
    """The grid, which stays as it is until there is a new one, and whether it is outdated."""
    if sweep is not None:
        return {"sweep": effect_sweep_figure(sweep, selected=_cell(selection, sweep), theme=look), "outdated": "false"}
    if outdated:
        return {"outdated": "true"}
    return {"sweep": empty_figure("Not computed yet.", theme=look), "outdated": ""}


def _cell(selection: Selection, sweep: SweepResult) -> tuple[int, int] | None:
    """Block and column of the selected part, if the grid has it."""
    if selection.block is None:
        return None
    if selection.part is Part.MLP:
        return selection.block, sweep.effects.shape[1] - 1
    return None if selection.head is None else (selection.block, selection.head)


def _reading(result: EffectResult, sweep: SweepResult | None) -> str:
    if sweep is None or result.interventions:
        return effect_reading(result)
    return effect_sweep_reading(sweep)


def _question(prompt: Prompt, selection: Selection, replacement: str, where: str, against: str) -> dict[str, Any]:
    """A job's question. A sweep is of all parts, so a click on one needs no new job."""
    followed = Selection(Part.OUTPUT, position=selection.position, target=selection.target)
    return {"prompt": asdict(prompt), "selection": str(followed), "choices": [replacement, where, against]}
