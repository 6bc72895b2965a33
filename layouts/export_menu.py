"""The header's menu "Export": the whole view as an HTML report, or as a notebook.

`assets/report.js` asks the server for what the page shows, and makes the file in the browser.
"""

from typing import Any

from dash import dcc, html

REPORT = "export-report"
NOTEBOOK = "export-notebook"
ASKED = "export-asked"  # {kind, address, n}: what is to be exported; assets/report.js
MADE = "export-made"  # {kind, name, content}: what the file is made of; dashboard/snapshot/export.py

_ENTRIES = {
    REPORT: ("HTML report", "One file with all figures, which works without a network."),
    NOTEBOOK: ("Notebook", "A Jupyter notebook that computes and draws the same with Python."),
}


def button() -> html.Details:
    """The menu, with one line for each kind of file, and its stores."""
    about: dict[str, Any] = {"aria-label": "Export the whole view", "title": "Export the whole view"}
    entries = [
        html.Button([html.Strong(name), html.Span(words)], id=id, type="button", className="menu-entry")
        for id, (name, words) in _ENTRIES.items()
    ]
    return html.Details(
        [
            html.Summary("Export ▾", className="quiet-button", **about),
            html.Div([*entries, dcc.Store(id=ASKED), dcc.Store(id=MADE)], className="menu"),
        ],
        className="pop-up header-menu",
    )
