"""The what-if panel in mode A − B: the removals' effects in A minus those in B, and both sweeps."""

from dataclasses import asdict
from functools import partial
from typing import Any

from analysis.causes.intervention import Replacement, What, read_interventions, removal_of
from analysis.causes.sweep import plan_sweep
from analysis.comparison.effect import compute_effect_difference, compute_sweep_difference, misfit_in_either
from analysis.comparison.pair import Comparison
from analysis.comparison.problem import first_problem, incomparable
from analysis.saliency import default_target, read_token_id
from analysis.selection import Part, Selection
from callbacks.panel import Values
from callbacks.removals import everywhere_of, removal_list
from callbacks.services import Services
from callbacks.sides import show_both
from layouts import effect
from layouts.figures.comparison.effect import (
    effect_difference_figure,
    effect_difference_numbers,
    effect_difference_reading,
    effect_sweep_difference_reading,
)
from layouts.figures.effect import effect_note, effect_sweep_figure
from layouts.figures.empty import empty_figure
from layouts.figures.text import quoted
from layouts.target import target_words
from layouts.theme import THEMES, Theme

_PATCHES = (
    "Patched values compare B with A already: choose A to see that grid, or the grid of removals to see their effects "
    "in A minus those in B."
)


def draw_effect_difference(
    services: Services,
    comparison: Comparison,
    selection: Selection,
    *,
    theme: str = "light",
    grid: str = "removals",
    text: str | None = "",
    b_model: str | None = "",
    what: What = "part",
    replacement: Replacement = "mean",
    where: str = "all",
    removed: str | None = "",
    against: str | None = "",
    outdated: str = "",
) -> Values:
    """The values of `draw_effect` for A minus B. Two jobs compute the sweeps, which are offered one after the other.

    The same parts are removed in both, and both follow the logit of the same token.
    """
    look, a, b = THEMES[theme], comparison.a, comparison.b
    model, other_model = services.model(a.prompt), services.model(b.prompt)
    position = services.position(a, selection)
    title = f"What if · A − B · position {position}, {quoted(a.tokens[position].label)}"
    if reason := _PATCHES if grid != "removals" else incomparable(comparison, model, other_model, position):
        return {**_nothing(look), "title": title, "reading": reason}
    minus, everywhere = read_token_id(against), everywhere_of(where)
    target = default_target(model, a, position) if selection.target is None else selection.target
    there = Selection(Part.OUTPUT, position=comparison.counterpart(position), target=target)
    here = Selection(Part.OUTPUT, position=selection.position, target=selection.target)
    choices = [grid, text or "", replacement, where, against or ""]
    plan = partial(plan_sweep, replacement=replacement, everywhere=everywhere, target=target, against=minus)
    if reason := first_problem(lambda: plan(other_model, b, comparison.counterpart(position))):  # such as a long text
        return {**_nothing(look), "title": title, "reading": f"In B: {reason}"}
    both, offer, missing = show_both(
        services,
        (plan(model, a, position), {"prompt": asdict(a.prompt), "selection": str(here), "choices": choices}),
        (
            plan(other_model, b, comparison.counterpart(position)),
            {"prompt": asdict(b.prompt), "selection": str(there), "choices": choices},
        ),
    )
    interventions = read_interventions(removed)
    one = removal_of(selection, position, what=what, replacement=replacement, everywhere=everywhere, info=a.info)
    subtracted = None if minus is None else model.vocabulary.piece(minus)
    values: dict[str, Any] = {
        "target": target_words(model.vocabulary.piece(target), subtracted, chosen=selection.target is not None),
        "title": title,
        "list": removal_list(interventions, one, a.info),
        "offer": offer,
        "note": effect_note([each.replacement for each in interventions], replacement),
    }
    sweeps = None if both is None else compute_sweep_difference(comparison, *both)
    results: dict[str, Any] = {} if sweeps is None else {"sweep": sweeps}
    if sweeps is not None:
        figure = effect_sweep_figure(sweeps, selection, compared=True, theme=look)
        values |= {"sweep": figure, "outdated": "false"}
    elif outdated:  # the grid stays until there is a new one
        values |= {"outdated": "true"}
    else:
        values |= {"sweep": empty_figure("Not computed yet.", theme=look), "outdated": ""}
    if problem := misfit_in_either(comparison, interventions):
        none = empty_figure("Not computed.", theme=look)
        return {**values, "figure": none, "numbers": [], "reading": f"{problem} Take it back.", "results": results}
    effects = compute_effect_difference(
        comparison,
        model,
        other_model,
        position=position,
        interventions=interventions,
        target=target,
        against=minus,
        derived=[partial(services.derived, trace) for trace in (a, b)],
    )
    reading = effect_difference_reading(*effects)
    if sweeps is not None and not interventions:
        reading = effect_sweep_difference_reading(sweeps)
    return {
        **values,
        "figure": effect_difference_figure(*effects, theme=look),
        "numbers": effect.pairs(effect_difference_numbers(*effects)),
        "reading": f"{reading} The grid of removals: {missing}" if missing else reading,
        "results": {"a": effects[0], "b": effects[1], **results},
    }


def _nothing(look: Theme) -> dict[str, Any]:
    """The panel with nothing to show."""
    none = empty_figure("Not compared.", theme=look)
    shown = {"figure": none, "sweep": none, "list": [], "numbers": [], "note": "", "offer": None, "outdated": ""}
    return {**shown, "target": "nothing"}
