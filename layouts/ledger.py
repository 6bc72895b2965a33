"""The ledger: a dialog with the identities that hold for the text and the model, and its button in the header."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import html

from layouts.figures.text import scientific

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.causes.ledger import LedgerLine

DIALOG = "ledger"
OPEN = "ledger-open"
LINES = "ledger-lines"
_TITLE = "ledger-title"
UNCHECKED = "Checks"
_SIDES = ("identity", "one side", "the other side")
_NUMBERS = ("difference", "allowed")


def button() -> html.Button:
    """The button in the header, which says whether a line fails once the dialog has been opened."""
    title = "Do the numbers on this page add up? Compute the checks for this text and model"
    marks: dict[str, Any] = {"data-open-dialog": DIALOG, "data-fails": "false"}
    return html.Button(UNCHECKED, id=OPEN, type="button", className="quiet-button", title=title, **marks)


def dialog() -> dbc.Modal:
    """The dialog, closed. A callback computes its lines when it is opened."""
    return dbc.Modal(
        [
            dbc.ModalHeader(dbc.ModalTitle("Do the numbers add up?", id=_TITLE, tag="h2")),
            dbc.ModalBody(
                [
                    html.P(
                        "Each line is an identity that holds for every text and every model of this kind. Its two "
                        "sides are computed in different ways, from the numbers that the page shows. The allowed "
                        "difference is what rounding explains."
                    ),
                    html.Div(id=LINES, role="status", className="ledger-lines", tabIndex=0),  # the dialog may scroll
                ]
            ),
        ],
        id=DIALOG,
        is_open=False,
        labelledby=_TITLE,
        scrollable=True,
        size="xl",
    )


def button_words(lines: Sequence[LedgerLine]) -> str:
    """What the button says about computed lines."""
    failing = sum(line.fails for line in lines)
    if failing:
        return f"{failing} check{'' if failing == 1 else 's'} failed"
    missing = any(line.difference is None for line in lines)
    return UNCHECKED if missing else f"{UNCHECKED} ✓"


def ledger_table(lines: Sequence[LedgerLine]) -> list[Any]:
    """What the lines say together, and all lines as a table."""
    failing, missing = sum(line.fails for line in lines), sum(line.difference is None for line in lines)
    if failing:
        summary = f"{failing} of {len(lines)} lines fail. Do not trust the numbers that they are about."
    else:
        summary = f"{len(lines) - missing} of {len(lines)} lines hold." if missing else f"All {len(lines)} lines hold."
    if missing:
        summary += f" {missing} took too long to be computed here."
    names = [*_SIDES, *_NUMBERS]
    columns = [html.Th(name, scope="col", className="number" if name in _NUMBERS else "") for name in names]
    head = html.Tr([html.Td(), *columns])
    table = html.Table([html.Thead(head), html.Tbody(list(map(_row, lines)))], className="ledger-table")
    return [html.P(html.Strong(summary)), table]


def _row(line: LedgerLine) -> html.Tr:
    if line.difference is None:
        state, numbers = "not computed", ("–", "–")
    else:
        state = "fails" if line.fails else "holds"
        numbers = (_number(line.difference), _number(line.tolerance))
    sign = {"holds": "✓", "fails": "✗", "not computed": "–"}[state]
    mark = html.Span(sign, role="img", title=state, **{"aria-label": state})
    cells = [html.Td(words) for words in (line.left, line.right)]
    cells += [html.Td(number, className="number") for number in numbers]
    marks = {"data-state": state}
    return html.Tr([html.Td(mark), html.Th(line.name, scope="row"), *cells], **marks)


def _number(number: float) -> str:
    if isnan(number):
        return "not finite"
    return scientific(number) if number < 0.01 else f"{number:.3g}"
