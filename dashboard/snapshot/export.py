"""Export of the whole view: what a page's report or notebook is made of. The files are made in the browser."""

from __future__ import annotations

import re
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State

from analysis.errors import AnalysisError
from dashboard.panels import PANELS
from dashboard.snapshot.address import PageQuestion
from dashboard.snapshot.draw import Snapshots
from dashboard.snapshot.notebook import notebook
from layouts import ids
from layouts.document import TITLE
from layouts.export_menu import ASKED, MADE, NOTEBOOK, REPORT

_MOST_NAME = 80  # characters


def register(app: Dash, snapshots: Snapshots) -> None:
    """Register the menu's callbacks: the page asks, the server draws, and the page saves a file."""
    app.clientside_callback(
        ClientsideFunction("explorer", "askForExport"),
        Output(ASKED, "data"),
        Input(REPORT, "n_clicks"),
        Input(NOTEBOOK, "n_clicks"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(MADE, "data"),
        Input(ASKED, "data"),
        State(ids.VISIBLE, "data"),
        running=[(Output(id, "disabled"), True, False) for id in (REPORT, NOTEBOOK)],
        prevent_initial_call=True,
    )
    def make(asked: Any, visible: Any) -> dict[str, Any]:
        return made(snapshots, asked, visible)

    app.clientside_callback(
        ClientsideFunction("explorer", "saveExport"), Input(MADE, "data"), prevent_initial_call=True
    )


def made(snapshots: Snapshots, asked: Any, visible: Any) -> dict[str, Any]:
    """What the page makes a file of: its `kind` and `name`, and its `content`: views with snapshots, or a notebook.

    asked: what the page sends. visible: the names of the panels that it shows.
    Raises: AnalysisError if the address cannot be shown, or the page has sent something else.
    """
    kind, address = (asked.get("kind"), asked.get("address")) if isinstance(asked, dict) else (None, None)
    if kind not in ("report", "notebook") or not isinstance(address, str):
        raise AnalysisError("The page sent a malformed question. Reload it.")
    question = snapshots.question(address)
    if kind == "notebook":
        shown = [panel.name for panel in PANELS if panel.name in visible] if isinstance(visible, list) else []
        return {"kind": kind, "name": f"{file_name(question)}.ipynb", "content": notebook(snapshots, question, shown)}
    title = f"{question.prompt.model} · {question.selection} · {TITLE}"
    view = {"name": "", "note": "", "snapshot": snapshots.snapshot(question)}
    content = {"title": title, "groups": [{"title": "", "views": [view]}]}
    return {"kind": kind, "name": f"{file_name(question)}.html", "content": content}


def file_name(question: PageQuestion) -> str:
    """A name of model and selection that every file system takes."""
    words = f"{question.prompt.model} {question.selection}"
    return re.sub(r"[^\w.-]+", "-", words, flags=re.ASCII).strip("-.")[:_MOST_NAME]
