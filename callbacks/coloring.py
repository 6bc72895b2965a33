"""Numbers for the colourings of scene and overview that need more than the trace: direct attribution, a sweep of
removals, or head scores.
"""

from functools import partial
from typing import Any, TypedDict, cast, get_args

from dash import Input

from analysis.architecture import ColorBy, ProbeScore
from analysis.attribution import compute_attribution, second_target
from analysis.causes.copying import compute_all_scores
from analysis.causes.head_scores import AnyScore, probe_trace
from analysis.causes.intervention import Replacement, Where
from analysis.causes.sweep import sweep_or_reason
from analysis.errors import check_choice
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.services import Services
from layouts import attribution, effect
from layouts.architecture import COLOR_BY
from layouts.job import JobIds

CHOICES = {
    "color_by": Input(COLOR_BY, "value"),
    "against": Input(attribution.AGAINST, "value"),
    "replacement": Input(effect.REPLACEMENT, "value"),
    "where": Input(effect.WHERE, "value"),
    "minus": Input(effect.AGAINST, "value"),
}
SWEPT = Input(JobIds(effect.NAME).fresh, "data")  # a sweep has effects to draw, of some parts or of all
_MISSING = (
    "What removing each part does to the logit has not been computed for this token yet. To compute it, open the "
    "panel “What if” and choose its grid of removals. Until then, the colours are kinds of parts."
)


class Removal(TypedDict, total=False):
    """The choices of the what-if panel. minus: the token whose logit is subtracted there, by its id, or empty."""

    replacement: Replacement
    where: str
    minus: str | None


def color_numbers(
    services: Services, prompt: Prompt, selection: Selection, color_by: ColorBy, against: str | None, **removal: Any
) -> tuple[dict[str, Any], str]:
    """The colouring with the numbers that it needs, as arguments of `compute_architecture`; and why there are none.

    against: the token that direct attribution subtracts. removal: a `Removal`; the sweep is never started here.
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
    if color_by != "effect":
        return {"color_by": color_by}, ""
    where = removal.get("where", "all")
    check_choice(where, Where, "where parts are removed")
    task = sweep_or_reason(
        model,
        trace,
        position,
        replacement=removal.get("replacement", "mean"),
        everywhere=where == "all",
        target=selection.target,
        against=second_target(removal.get("minus"), trace.info),
    )
    if isinstance(task, str):  # the rest of the scene is still there
        return {"color_by": "kind"}, task
    sweep, _ = services.jobs.show(task, {})
    return ({"color_by": "kind"}, _MISSING) if sweep is None else ({"color_by": color_by, "sweep": sweep}, "")
