"""Numbers for the colourings of scene and overview that need more than the trace: direct attribution, a sweep of
removals, head scores, or a person's own numbers.
"""

from dataclasses import replace
from functools import partial
from typing import Any, TypedDict, cast, get_args

from dash import Input

from analysis.architecture import ArchitectureResult, ColorBy, ProbeScore, compute_architecture
from analysis.attribution import compute_attribution, second_target
from analysis.causes.copying import compute_all_scores
from analysis.causes.head_scores import AnyScore, probe_trace
from analysis.causes.intervention import Replacement, Where
from analysis.causes.sweep import sweep_or_reason
from analysis.comparison.architecture import unmatched_parts
from analysis.comparison.pair import Comparison
from analysis.errors import check_choice
from analysis.numerics.own_numbers import own_numbers_or_reason
from analysis.selection import Part, Selection
from analysis.trace import Prompt
from callbacks.services import Services
from layouts import attribution, effect, own_numbers
from layouts.architecture import COLOR_BY
from layouts.figures.comparison.scene import NO_KINDS, NO_PARTS
from layouts.job import JobIds

CHOICES = {
    "color_by": Input(COLOR_BY, "value"),
    "against": Input(attribution.AGAINST, "value"),
    "replacement": Input(effect.REPLACEMENT, "value"),
    "where": Input(effect.WHERE, "value"),
    "minus": Input(effect.AGAINST, "value"),
    "own": Input(own_numbers.SENT, "data"),
}
SWEPT = Input(JobIds(effect.NAME).fresh, "data")  # a sweep has effects to draw, of some parts or of all
_MISSING = (
    "What removing each part does to the logit has not been computed for this token yet. To compute it, open the "
    "panel “What if” and choose its grid of removals. Until then, the colours are kinds of parts."
)
_NO_OWN_DIFFERENCE = (
    "Your own numbers depend on no text, so that A − B has none of them: show A or B. The colours are kinds of parts."
)


class Extras(TypedDict, total=False):
    """What some colourings are computed from: the choices of the what-if panel, and own numbers.

    minus: the token whose logit is subtracted in the what-if panel, by its id, or empty. own: the page's store.
    """

    replacement: Replacement
    where: str
    minus: str | None
    own: Any


def color_numbers(
    services: Services, prompt: Prompt, selection: Selection, color_by: ColorBy, against: str | None, **extras: Any
) -> tuple[dict[str, Any], str]:
    """The colouring with the numbers that it needs, as arguments of `compute_architecture`; and why there are none.

    against: the token that direct attribution subtracts. extras: `Extras`; the sweep is never started here.
    """
    trace, model = services.trace(prompt), services.model(prompt)
    position = services.position(trace, selection)
    if color_by == "attribution":
        minus = second_target(against, trace.info)
        shares = compute_attribution(model, trace, selection, position, against=minus)
        return {"color_by": color_by, "attribution": shares}, ""
    if color_by in get_args(ProbeScore):
        probe = probe_trace(model)
        scores = compute_all_scores(model, probe, derived=partial(services.derived, probe))
        return {"color_by": color_by, "scores": scores[cast("AnyScore", color_by)]}, ""
    if color_by == "own":
        own = own_numbers_or_reason(extras.get("own"), trace.info)
        return ({"color_by": "kind"}, own) if isinstance(own, str) else ({"color_by": "own", "own": own}, "")
    if color_by != "effect":
        return {"color_by": color_by}, ""
    where = extras.get("where", "all")
    check_choice(where, Where, "where parts are removed")
    task = sweep_or_reason(
        model,
        trace,
        position,
        replacement=extras.get("replacement", "mean"),
        everywhere=where == "all",
        target=selection.target,
        against=second_target(extras.get("minus"), trace.info),
    )
    if isinstance(task, str):  # the rest of the scene is still there
        return {"color_by": "kind"}, task
    sweep, _ = services.jobs.show(task, {})
    return ({"color_by": "kind"}, _MISSING) if sweep is None else ({"color_by": color_by, "sweep": sweep}, "")


def color_difference(
    services: Services,
    comparison: Comparison,
    selection: Selection,
    color_by: ColorBy,
    against: str | None,
    **extras: Any,
) -> tuple[ArchitectureResult, ArchitectureResult | None, str]:
    """The numbers of the colouring in A and in B, as arguments of `compute_architecture_difference`; and what cannot be
    compared, in words. If nothing can, the colouring is "kind".

    The same logit is explained in both: that of A's target.
    """
    a, b = comparison.a, comparison.b
    position, is_probe = services.position(a, selection), color_by in get_args(ProbeScore)
    there = int(comparison.aligned[position])
    problem = comparison.other_vocabulary() if color_by in ("attribution", "effect") else ""
    if color_by == "own":
        problem = _NO_OWN_DIFFERENCE
    numbers: dict[str, Any] = {"color_by": "kind"}
    others: dict[str, Any] = {"color_by": "kind"}
    if not problem:
        numbers, problem = color_numbers(services, a.prompt, selection, color_by, against, **extras)
    one = compute_architecture(a, selection, position, **numbers)
    if there < 0 and not (is_probe or one.color_by == "kind"):
        return one, None, comparison.missing_position(position)
    explained = one.attribution or one.sweep
    target = explained.target.id if explained else None
    other = Selection(Part.OUTPUT, position=max(there, 0), target=target)
    if not problem:
        others, problem = color_numbers(services, b.prompt, other, color_by, against, **extras)
        if problem:
            one, problem = compute_architecture(a, selection, position, color_by="kind"), f"In B: {problem}"
    two = compute_architecture(b, other, max(there, 0), **others)
    if there < 0:
        two = replace(two, residual_norms=None)
    return one, two, problem or unmatched_parts(comparison, one)


def with_problem(reading: str, problem: str) -> str:
    """The reading of a difference with what cannot be compared, which takes its place if nothing can."""
    return problem if problem and reading in (NO_PARTS, NO_KINDS) else f"{reading} {problem}".rstrip()
