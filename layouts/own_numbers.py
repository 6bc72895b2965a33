"""A person's own numbers: the dialog that reads them from a CSV file, and the button that opens it again.

`assets/own_numbers.js` does all of it in the browser.
"""

from __future__ import annotations

from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html

DIALOG = "own-numbers"
CHOOSE = "own-numbers-choose"
FOUND = "own-numbers-found"
FORGET = "own-numbers-forget"
READ = "architecture-own-read"  # how often numbers were read or forgotten; assets/own_numbers.js
SENT = "architecture-own"  # the numbers while they are the colours, else None; callbacks/own_numbers.py
_TITLE = "own-numbers-title"

_EXAMPLE = "block,head,value\n0,0,0.25\n0,1,-1.5\n1,0,3e-2"


def button() -> html.Button:
    """Opens the dialog again; shown while own numbers are the colours."""
    opens: dict[str, Any] = {"data-open-dialog": DIALOG}
    return html.Button(
        "CSV …",
        type="button",
        className="quiet-button own-numbers-open",
        title="Your own numbers: choose another file, or forget them",
        hidden=True,
        **opens,
    )


def dialog() -> dbc.Modal:
    """The dialog, closed."""
    return dbc.Modal(
        [
            dbc.ModalHeader(dbc.ModalTitle("Your own numbers", id=_TITLE, tag="h2")),
            dbc.ModalBody(
                [
                    html.P(
                        "A CSV file with one number for each attention head, or for each MLP neuron, colours the 3D "
                        "scene and the overview. It is read in this tab and forgotten with it. The server gets no file "
                        "and no text of it: only the number of each head or tile, to draw them."
                    ),
                    html.Pre(_EXAMPLE, className="own-numbers-example"),
                    html.Ul(
                        [
                            html.Li(
                                [
                                    "The first line names the columns: ",
                                    html.Code("block"),
                                    ", ",
                                    html.Code("head"),
                                    " or ",
                                    html.Code("neuron"),
                                    ", and ",
                                    html.Code("value"),
                                    ". Other columns are ignored.",
                                ]
                            ),
                            html.Li("Blocks, heads and neurons count from 0."),
                            html.Li("A head without a row, or without a value in it, is grey: it has no number."),
                            html.Li("A tile of neurons shows the one with the largest absolute value."),
                            html.Li(
                                "Commas, semicolons or tabs are between the columns; with semicolons and tabs, "
                                "numbers may have a decimal comma."
                            ),
                        ],
                        className="own-numbers-format",
                    ),
                    html.Div(
                        [
                            dbc.Button("Choose a CSV file …", id=CHOOSE, color="primary", type="button"),
                            *(_template(kind) for kind in ("head", "neuron")),
                        ],
                        className="own-numbers-buttons",
                    ),
                    html.Div(id=FOUND, role="status", className="own-numbers-found"),
                ]
            ),
            dbc.ModalFooter(
                [
                    html.Button("Forget them", id=FORGET, type="button", className="quiet-button", hidden=True),
                    html.Button("Close", type="button", className="quiet-button", **{"data-close-dialog": DIALOG}),
                ]
            ),
        ],
        id=DIALOG,
        is_open=False,
        labelledby=_TITLE,
        scrollable=True,
    )


def stores() -> list[Any]:
    """What the dialog writes, in the panel of the scene: the dialog itself is only there while it is open."""
    return [dcc.Store(id=READ), dcc.Store(id=SENT)]


def _template(kind: str) -> html.Button:
    """Downloads a file for the model that is shown, without values."""
    marks: dict[str, Any] = {"data-template": kind}
    return html.Button(f"Template for {kind}s", type="button", className="quiet-button", **marks)
