"""Callback of the ledger: computes its lines when it is opened, and takes its result back with another text."""

from typing import Any

from dash import Dash, Input, Output, ctx, no_update

from analysis.causes.ledger import LedgerLine, compute_ledger, integrated_line
from analysis.numerics.nonfinite import unexplainable
from analysis.saliency import plan_saliency
from analysis.trace import Prompt
from callbacks.panel import Values
from callbacks.services import Services
from layouts import ids
from layouts.figures.empty import NO_WEIGHTS
from layouts.ledger import DIALOG, LINES, OPEN, UNCHECKED, button_words, ledger_table


def register(app: Dash, services: Services) -> None:
    """Register the callback."""

    @app.callback(
        {
            "lines": Output(LINES, "children"),
            "button": Output(OPEN, "children"),
            "fails": Output(OPEN, "data-fails"),
        },
        Input(DIALOG, "is_open"),
        Input(ids.PROMPT, "data"),
        running=[(Output(LINES, "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    def follow(is_open: Any, prompt: Any) -> Values:
        if is_open:
            return draw_ledger(services, services.prompt(prompt))
        if ctx.triggered_id == DIALOG:  # closed: what was found still holds for the text
            return dict.fromkeys(("lines", "button", "fails"), no_update)
        return {"lines": [], "button": UNCHECKED, "fails": "false"}


def draw_ledger(services: Services, prompt: Prompt) -> Values:
    """The table (`lines`), what the header's button says (`button`), and whether a line fails (`fails`)."""
    if not services.loaded(prompt):
        return {"lines": NO_WEIGHTS, "button": UNCHECKED, "fails": "false"}
    lines = (*compute_ledger(services.model(prompt), services.trace(prompt)), *_integrated(services, prompt))
    fails = any(line.fails for line in lines)
    return {"lines": ledger_table(lines), "button": button_words(lines), "fails": "true" if fails else "false"}


def _integrated(services: Services, prompt: Prompt) -> list[LedgerLine]:
    """Integrated gradients at the last token, from the default baseline: their line, once they have been computed."""
    model, trace = services.model(prompt), services.trace(prompt)
    last = trace.n_positions - 1
    if unexplainable(model, trace, last):
        return []
    result, offer = services.jobs.show(plan_saliency(model, trace, last), {})
    return [integrated_line(result)] if offer and "kept" in offer else []
