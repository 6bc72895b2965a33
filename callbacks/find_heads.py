"""Callback of the list of heads: fills it when it is opened, and when another score or order is chosen."""

from functools import partial
from typing import Any, Literal

from dash import Dash, Input, Output, State

from analysis.causes.copying import compute_copying
from analysis.causes.head_scores import AnyScore, compute_head_scores, probe_trace
from analysis.errors import check_choice
from analysis.trace import Prompt
from callbacks.services import Services
from layouts import ids
from layouts.figures.empty import NO_WEIGHTS
from layouts.find_heads import FOUND, OPEN, PROBE, SORT, SOURCE, TEXT, WEIGHTS, head_list

Order = Literal["probe", "text"]


def register(app: Dash, services: Services) -> None:
    """Register the callback. A text is scored when the list is opened, and not with every new text."""

    @app.callback(
        Output(FOUND, "children"),
        Input(OPEN, "n_clicks"),
        Input(SORT, "value"),
        Input(SOURCE, "value"),
        State(ids.PROMPT, "data"),
        running=[(Output(FOUND, "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    def fill(_clicks: Any, score: Any, order: Any, prompt: Any) -> Any:
        return draw_find_heads(services, services.prompt(prompt), score, order)


def draw_find_heads(services: Services, prompt: Prompt, score: AnyScore, order: Order) -> Any:
    """All heads by a score. order: "probe" or "text", whose scores order the list.

    Raises: SelectionError for a score or an order that does not exist.
    """
    if not services.loaded(prompt):
        return NO_WEIGHTS
    check_choice(score, AnyScore, "the score")
    check_choice(order, Order, "the order of the heads")
    model = services.model(prompt)
    probe = probe_trace(model)
    if score == "copying":  # which depends on the weights alone
        copying = compute_copying(model, derived=partial(services.derived, probe))
        return head_list(score, {WEIGHTS: copying}, order=WEIGHTS)
    trace = services.trace(prompt)
    scores = {
        PROBE: compute_head_scores(probe, derived=partial(services.derived, probe)),
        TEXT: compute_head_scores(trace, derived=partial(services.derived, trace)),
    }
    return head_list(score, {name: table[score] for name, table in scores.items()}, order=order)
