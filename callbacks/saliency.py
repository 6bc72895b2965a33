"""Callback of the saliency panel: computes the result for a selection and draws it."""

from dataclasses import asdict
from functools import partial
from typing import Any

from dash import Dash, Input, Output

from analysis.comparison.pair import Comparison
from analysis.comparison.problem import first_problem, incomparable
from analysis.comparison.saliency import compute_saliency_difference
from analysis.numerics.nonfinite import unexplainable
from analysis.saliency import SaliencyResult, default_target, plan_saliency, read_token_id
from analysis.saliency_methods.baselines import DEFAULT_BASELINE, zero_is_singular
from analysis.selection import Part, Selection
from analysis.task import Task
from analysis.trace import Prompt
from callbacks.panel import PanelCallback, Values, panel_callback
from callbacks.services import Services
from callbacks.sides import is_complete, show_both
from callbacks.target import register_target_search
from layouts import ids
from layouts.figures.comparison.saliency import (
    saliency_difference_figure,
    saliency_difference_numbers,
    saliency_difference_reading,
)
from layouts.figures.empty import empty_figure
from layouts.figures.saliency import saliency_depth_figure, saliency_figure, saliency_reading, saliency_shades
from layouts.figures.saliency_numbers import saliency_numbers, saliency_warning
from layouts.figures.saliency_path import saliency_path_figure
from layouts.figures.tables.saliency import saliency_tables
from layouts.figures.text import quoted
from layouts.saliency import (
    AGAINST,
    BASELINE,
    DEPTH,
    DEPTH_GRAPH,
    FOUND,
    METHOD,
    NAME,
    NUMBERS,
    PATH,
    PATH_GRAPH,
    REASON,
    SEARCH,
    TARGET,
    TEXT,
    WARNING,
    baseline_options,
    baseline_reason,
    numbers,
    shaded_text,
    warning,
)
from layouts.target import target_words
from layouts.theme import THEMES, Theme


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the panel for a prompt, a selection and a method; search the vocabulary."""
    choices = {
        "method": Input(METHOD, "value"),
        "baseline": Input(BASELINE, "value"),
        "against": Input(AGAINST, "value"),
    }

    register_target_search(app, services, search=SEARCH, found=FOUND, against=AGAINST)

    return panel_callback(
        NAME,
        partial(draw_saliency, services),
        tables=saliency_tables,
        difference=partial(draw_saliency_difference, services),
        outputs={
            "figure": Output(ids.graph(NAME), "figure"),
            "depth_figure": Output(DEPTH_GRAPH, "figure"),
            "depth_hidden": Output(DEPTH, "hidden"),
            "text": Output(TEXT, "children"),
            "numbers": Output(NUMBERS, "children"),
            "warning": Output(WARNING, "children"),
            "target": Output(TARGET, "children"),
            "path_figure": Output(PATH_GRAPH, "figure"),
            "path_hidden": Output(PATH, "hidden"),
            "baselines": Output(BASELINE, "options"),
            "reason": Output(REASON, "children"),
        },
        choices=choices,
        job=True,
    )


def draw_saliency(
    services: Services,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    method: str = "integrated",
    baseline: str = DEFAULT_BASELINE,
    against: str | None = "",
    outdated: str = "",
) -> Values:
    """Bars (`figure`), blocks × tokens (`depth_figure`, `depth_hidden`), the path (`path_figure`, `path_hidden`),
    shaded text, numbers, warning, target, the menu of `baselines` and the `reason` of the chosen one, title, reading,
    what a job may compute (`offer`), and whether the plot is outdated.

    against: a token id as text, or empty. outdated: empty while the page has no plot. The plot of an earlier selection
    stays until a new one is drawn.
    """
    look = THEMES[theme]
    trace, model = services.trace(prompt), services.model(prompt)
    position = services.position(trace, selection)
    if reason := unexplainable(model, trace, position):
        return _refused(reason, theme)
    question = _question(prompt, selection, method, baseline, against or "")
    result, offer = services.jobs.show(saliency_task(services, question), question)
    piece = model.vocabulary.piece
    target = piece(default_target(model, trace, position) if selection.target is None else selection.target)
    minus = piece(int(against)) if against else None
    singular = zero_is_singular(model)
    shared = {
        "baselines": baseline_options(singular=singular),
        "reason": baseline_reason(baseline, singular=singular),
        "target": target_words(target, minus, chosen=selection.target is not None),
        "title": f"Saliency · position {position}, {quoted(trace.tokens[position].label)}",
        "offer": offer,
    }
    if result is None:
        if outdated:
            reading = "Not computed for this selection yet. The plot below is from the previous one."
            return {**shared, "reading": reading, "warning": "", **_not_computed(outdated, look)}
        return {**shared, "reading": "", "warning": "", **_not_computed(outdated, look)}
    values = {
        **shared,
        "figure": saliency_figure(result, theme=look),
        "depth_hidden": result.depth is None,
        "text": shaded_text(result.tokens, saliency_shades(result, theme=look), position),
        "numbers": numbers(saliency_numbers(result)),
        "path_hidden": result.path is None,
        "warning": warning(_warning(result, offer), offer_others=result.doubtful),
        "reading": saliency_reading(result),
        "outdated": "false",
    }
    if is_complete(offer):
        values["results"] = {NAME: result}
    if result.depth is not None:
        values["depth_figure"] = saliency_depth_figure(result, theme=look)
    if result.path is not None:
        values["path_figure"] = saliency_path_figure(result, theme=look)
    return values


def draw_saliency_difference(
    services: Services,
    comparison: Comparison,
    selection: Selection,
    *,
    theme: str = "light",
    method: str = "integrated",
    baseline: str = DEFAULT_BASELINE,
    against: str | None = "",
    outdated: str = "",
) -> Values:
    """The same values for A minus B, without a path. Two jobs compute them, which are offered one after the other."""
    look, a, b = THEMES[theme], comparison.a, comparison.b
    model, other_model = services.model(a.prompt), services.model(b.prompt)
    position = services.position(a, selection)
    if reason := incomparable(comparison, model, other_model, position):
        return {**_refused(reason, theme), "title": "Saliency · A − B"}
    target = default_target(model, a, position) if selection.target is None else selection.target
    # B explains the same token, also where it is not B's most probable one.
    there = Selection(Part.OUTPUT, position=comparison.counterpart(position), target=target)
    questions = [
        _question(prompt, selected, method, baseline, against or "")
        for prompt, selected in ((a.prompt, selection), (b.prompt, there))
    ]
    if reason := first_problem(lambda: saliency_task(services, questions[1])):  # such as a baseline that B cannot have
        return {**_refused(f"In B: {reason}", theme), "title": "Saliency · A − B"}
    jobs = [(saliency_task(services, question), question) for question in questions]
    both, offer, missing = show_both(services, *jobs)
    piece = model.vocabulary.piece
    singular = zero_is_singular(model)
    shared = {
        "baselines": baseline_options(singular=singular),
        "reason": baseline_reason(baseline, singular=singular),
        "target": target_words(
            piece(target), piece(int(against)) if against else None, chosen=selection.target is not None
        ),
        "title": f"Saliency · A − B · position {position}, {quoted(a.tokens[position].label)}",
        "offer": offer,
    }
    if both is None:
        return {**shared, "reading": missing, "warning": "", **_not_computed(outdated, look)}
    result = compute_saliency_difference(comparison, *both)
    warnings = {side: saliency_warning(each) for side, each in zip("AB", both, strict=True)}
    values = {
        **shared,
        "figure": saliency_difference_figure(result, theme=look),
        "depth_hidden": result.depth is None,
        "text": shaded_text(result.tokens, saliency_shades(result, theme=look), position),
        "numbers": numbers(saliency_difference_numbers(result)),
        "path_hidden": True,
        "warning": warning(
            " ".join(f"{side}: {words}" for side, words in warnings.items() if words), offer_others=result.doubtful
        ),
        "reading": saliency_difference_reading(result),
        "results": {NAME: result},
        "outdated": "false",
    }
    if result.depth is not None:
        values["depth_figure"] = saliency_depth_figure(result, compared=True, theme=look)
    return values


def _not_computed(outdated: str, look: Theme) -> dict[str, Any]:
    """An earlier plot stays; without one, there is a message in its place."""
    if outdated:
        return {"outdated": "true"}
    none = empty_figure("Not computed yet.", theme=look)
    return {"figure": none, "depth_hidden": True, "path_hidden": True, "outdated": ""}


def _refused(reason: str, theme: str) -> Values:
    """What the panel shows where nothing can be explained."""
    none = empty_figure("Nothing to explain.", theme=THEMES[theme])
    shown = {"figure": none, "depth_hidden": True, "path_hidden": True, "reading": reason}
    shown |= {"target": "nothing", "title": "Saliency"}
    return {**shown, "text": [], "numbers": [], "warning": "", "offer": None, "outdated": ""}


def saliency_task(services: Services, question: Any) -> Task:
    """The task for a question that a page of this panel sent.

    Raises: AnalysisError for a question that is malformed.
    """
    prompt, selection, (method, baseline, against) = services.asked(question, n_choices=3)
    trace, model = services.trace(prompt), services.model(prompt)
    position = services.position(trace, selection)
    choices: dict[str, Any] = {"method": method, "baseline": baseline, "against": read_token_id(against)}
    return plan_saliency(model, trace, position, target=selection.target, **choices)


def _warning(result: SaliencyResult, offer: dict[str, Any] | None) -> str:
    """How far the result is from what was asked for; empty if it is that."""
    if offer and offer.get("ended"):
        return f"Partial result: the computation reached this server’s time limit. {saliency_warning(result)}".rstrip()
    return saliency_warning(result) if is_complete(offer) else "Preview: still computing."


def _question(prompt: Prompt, selection: Selection, method: str, baseline: str, against: str) -> dict[str, Any]:
    """A job's question. Attributions do not depend on the selected part, so it is left out: a click on a head needs no
    new job.
    """
    explained = Selection(Part.OUTPUT, position=selection.position, target=selection.target)
    return {"prompt": asdict(prompt), "selection": str(explained), "choices": [method, baseline, against]}
