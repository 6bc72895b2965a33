"""Callback of the what-if panel: runs the model without the removed parts, and shows the sweep of a job."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from dash import Dash, Input, Output

from analysis.causes.intervention import (
    Intervention,
    Replacement,
    What,
    misfit,
    read_interventions,
    removal_of,
)
from analysis.causes.patching import Carried, align, donor, patch_of, plan_patching
from analysis.causes.sweep import plan_sweep
from analysis.effect import compute_effect
from analysis.errors import check_choice
from analysis.numerics.nonfinite import unexplainable
from analysis.saliency import default_target, read_token_id
from analysis.selection import Part, Selection
from analysis.task import Task
from analysis.trace import Prompt, Trace
from callbacks.effect_difference import draw_effect_difference
from callbacks.panel import PanelCallback, Values, panel_callback
from callbacks.removals import everywhere_of, removal_list
from callbacks.services import Services
from callbacks.sides import is_complete
from callbacks.target import register_target_search
from layouts import compare, effect, ids
from layouts.figures.effect import (
    effect_figure,
    effect_note,
    effect_numbers,
    effect_reading,
    effect_sweep_figure,
    effect_sweep_reading,
    intervention_words,
)
from layouts.figures.effect_patching import effect_patching_figure, effect_patching_note, effect_patching_reading
from layouts.figures.empty import empty_figure
from layouts.figures.tables.effect import effect_tables
from layouts.figures.text import number, quoted
from layouts.target import target_words
from layouts.theme import THEMES, Theme


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the panel for a prompt, a selection and the removed parts; search the vocabulary."""

    register_target_search(app, services, search=effect.SEARCH, found=effect.FOUND, against=effect.AGAINST)

    return panel_callback(
        effect.NAME,
        partial(draw_effect, services),
        tables=effect_tables,
        difference=partial(draw_effect_difference, services),
        outputs={
            "figure": Output(ids.graph(effect.NAME), "figure"),
            "sweep": Output(effect.SWEEP_GRAPH, "figure"),
            "list": Output(effect.LIST, "children"),
            "numbers": Output(effect.NUMBERS, "children"),
            "note": Output(effect.NOTE, "children"),
            "target": Output(effect.TARGET, "children"),
        },
        choices={
            "grid": Input(effect.GRID, "value"),
            "text": Input(compare.TEXT, "value"),
            "b_model": Input(compare.MODEL, "value"),
            "what": Input(effect.WHAT, "value"),
            "replacement": Input(effect.REPLACEMENT, "value"),
            "where": Input(effect.WHERE, "value"),
            "removed": Input(effect.REMOVED, "value"),
            "against": Input(effect.AGAINST, "value"),
        },
        job=True,
    )


def draw_effect(
    services: Services,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    grid: str = "removals",
    text: str | None = "",
    b_model: str | None = compare.SAME_MODEL,
    what: What = "part",
    replacement: Replacement = "mean",
    where: str = "all",
    removed: str | None = "",
    against: str | None = "",
    outdated: str = "",
) -> Values:
    """Predictions before and after (`figure`, `numbers`), the `list` of removals with the button that adds the
    selection, the grid of all removals or patches (`sweep`), what the numbers do not say (`note`), target, title,
    reading, what a job may compute (`offer`), and whether the grid is outdated.

    grid: what the grid shows; of patches, into the second `text`, B, whose model is `b_model`. removed:
    interventions as text. against: a token id as text, or empty. outdated: empty while the page has no grid.
    """
    look, patches = THEMES[theme], grid != "removals"
    trace, model, minus = services.trace(prompt), services.model(prompt), read_token_id(against)
    position = trace.n_positions - 1 if patches else services.position(trace, selection)
    if reason := unexplainable(model, trace, position):
        return {**_empty("Nothing to follow.", look), "reading": reason, "target": "nothing", "title": "What if"}
    target = default_target(model, trace, position) if selection.target is None else selection.target
    subtracted = None if minus is None else model.vocabulary.piece(minus)
    shared = {
        "target": target_words(model.vocabulary.piece(target), subtracted, chosen=selection.target is not None),
        "title": f"What if · position {position}, {quoted(trace.tokens[position].label)}",
    }
    asked = _Asked(services, prompt, selection, target, minus, [grid, text or "", replacement, where, against or ""])
    if patches and (reason := _unpatchable(prompt, text, b_model)):
        return {**_empty("Nothing to patch.", look), **shared, "reading": reason, "note": effect_patching_note(None)}
    if patches:
        figure, drawn = _patches(asked, look)
    else:
        everywhere = everywhere_of(where)
        one = removal_of(
            selection, position, what=what, replacement=replacement, everywhere=everywhere, info=trace.info
        )
        figure, drawn = _removals(asked, read_interventions(removed), one, look)
    if figure is not None:
        return {**shared, **drawn, "sweep": figure, "outdated": "false"}
    if outdated:  # the grid stays until there is a new one
        return {**shared, **drawn, "outdated": "true"}
    return {**shared, **drawn, "sweep": empty_figure("Not computed yet.", theme=look), "outdated": ""}


def effect_task(services: Services, question: Any) -> Task:
    """The sweep, or the grid of patches, that a question of this panel asks for.

    Raises: AnalysisError for a question that is malformed.
    """
    prompt, selection, (grid, text, replacement, where, against) = services.asked(question, n_choices=5)
    trace, model, minus = services.trace(prompt), services.model(prompt), read_token_id(against)
    if grid != "removals":
        check_choice(grid, Carried, "the grid")
        other = _second(services, prompt, text)
        return plan_patching(model, trace, other, carried=grid, target=selection.target, against=minus)  # type: ignore[arg-type]
    return plan_sweep(
        model,
        trace,
        services.position(trace, selection),
        replacement=replacement,  # type: ignore[arg-type]
        everywhere=everywhere_of(where),
        target=selection.target,
        against=minus,
    )


@dataclass(frozen=True)
class _Asked:
    """What the panel is drawn for. target, against: token ids. choices: those that a job's question has."""

    services: Services
    prompt: Prompt
    selection: Selection
    target: int
    against: int | None
    choices: list[str]

    def grid(self, position: int | None) -> tuple[Any, dict[str, Any] | None]:
        """The job's result, and the offer to compute it. It is of all parts: a click on one asks no new job."""
        followed = Selection(Part.OUTPUT, position=position, target=self.selection.target)
        question = {"prompt": asdict(self.prompt), "selection": str(followed), "choices": self.choices}
        return self.services.jobs.show(effect_task(self.services, question), question)


def _removals(
    asked: _Asked, interventions: tuple[Intervention, ...], one: Intervention | None, look: Theme
) -> tuple[Any, dict[str, Any]]:
    """The grid of removals, None if there is none yet, and what is drawn beside it. one: what the button removes."""
    services, selection = asked.services, asked.selection
    trace, model = services.trace(asked.prompt), services.model(asked.prompt)
    sweep, offer = asked.grid(selection.position)
    figure = None if sweep is None else effect_sweep_figure(sweep, selection, theme=look)
    results = {"sweep": sweep} if sweep is not None and is_complete(offer) else {}
    note = effect_note([each.replacement for each in interventions], asked.choices[2])  # type: ignore[arg-type]
    shared = {"list": removal_list(interventions, one, trace.info), "offer": offer, "note": note}
    if problem := misfit(interventions, trace.info, trace.n_positions):
        none = empty_figure("Not computed.", theme=look)
        reading = f"{problem} Take it back."
        return figure, {**shared, "figure": none, "numbers": [], "reading": reading, "results": results}
    result = compute_effect(
        model,
        trace,
        services.position(trace, selection),
        interventions=interventions,
        target=selection.target,
        against=asked.against,
        derived=partial(services.derived, trace),
    )
    return figure, {
        **shared,
        "figure": effect_figure(result, theme=look),
        "numbers": effect.numbers(effect_numbers(result), number(result.divergence) if interventions else None),
        "reading": effect_reading(result) if interventions or sweep is None else effect_sweep_reading(sweep),
        "results": {effect.NAME: result, **results},
    }


def _patches(asked: _Asked, look: Theme) -> tuple[Any, dict[str, Any]]:
    """The same for patches of the second text, B, with values from the page's text, A."""
    services, selection = asked.services, asked.selection
    trace, model = services.trace(asked.prompt), services.model(asked.prompt)
    other = _second(services, asked.prompt, asked.choices[1])
    grid, offer = asked.grid(None)
    position, source = services.position(trace, selection), donor(trace, other)
    carried: Any = asked.choices[0]
    patch = patch_of(selection, position, carried=carried, aligned=align(trace, other))
    cell = None if patch is None else (patch.block, position if patch.index is None else patch.index)
    result = compute_effect(
        model,
        other,
        other.n_positions - 1,
        interventions=() if patch is None else (patch,),
        target=asked.target,
        against=asked.against,
        other=source,
        derived=partial(services.derived, other),
    )
    logits = model.logits(trace, trace.n_positions - 1)
    clean = float(logits[asked.target]) - (0.0 if asked.against is None else float(logits[asked.against]))
    said = "B as it is. Click a cell to carry that one value over from A."
    if patch is not None:
        said = f"B, with {intervention_words(patch, trace.info)} from A"
    return None if grid is None else effect_patching_figure(grid, selected=cell, theme=look), {
        "figure": effect_figure(result, theme=look),
        "list": [effect.message(said)],
        "numbers": effect.numbers(effect_numbers(result), None if patch is None else number(result.divergence)),
        "note": effect_patching_note(grid),
        "reading": effect_patching_reading(grid, None if patch is None else result, clean),
        "results": {effect.NAME: result} | ({"patching": grid} if grid is not None and is_complete(offer) else {}),
        "offer": offer,
    }


def _unpatchable(prompt: Prompt, text: str | None, b_model: str | None) -> str:
    """Why nothing can be carried over from the prompt into the second text; empty if it can."""
    if b_model not in (compare.SAME_MODEL, prompt.model):
        return "Patches carry values within one model. Give B the same model as A."
    if not text:
        return "Press “Compare” above, and type a second text, B. The model reads it with single values from A."
    if text == prompt.text:
        return "Patches carry values from A into B, which are the same text here. Show A above, and change B."
    return ""


def _second(services: Services, prompt: Prompt, text: Any) -> Trace:
    """The trace of the second text, which is read, and checked, as the first one is."""
    return services.trace(services.prompt({**asdict(prompt), "text": text, "written": ()}))


def _empty(words: str, look: Theme) -> dict[str, Any]:
    """The panel with nothing to show."""
    none = empty_figure(words, theme=look)
    return {"figure": none, "sweep": none, "list": [], "numbers": [], "note": "", "offer": None, "outdated": ""}
