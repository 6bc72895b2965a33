"""Callback of the panels' menu “Save”: a panel's numbers as JSON, as CSV, or as tables on the page.

The panel's own `draw` is called with what the page shows, so that the numbers are those of the picture.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from platform import python_version
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from analysis.errors import AnalysisError
from analysis.numerics.arrays import arrays_of, digest, little_endian
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.panel import PanelCallback
from callbacks.services import Services
from callbacks.sides import shown_sides
from layouts import compare, export, ids
from layouts.document import TITLE, VERSION
from layouts.export import tables_shown
from layouts.figures.tables.files import json_file, zip_file

_LIBRARIES = ("captum", "numpy", "torch", "transformers")
_NAME = re.compile(r"[a-z0-9_-]{1,150}")  # of a file
_MOST_NUMBERS = 3_000_000  # of a panel's results, and of the tables in one file, about 30 MB


def register(app: Dash, services: Services, panels: Sequence[PanelCallback]) -> None:
    """Answer the requests that `assets/export.js` writes into a store."""
    by_name = {panel.name: panel for panel in panels}
    question = [(ids.PROMPT, "data"), (ids.SELECTION, "data"), (ids.OTHER, "data"), (compare.SIDE, "value")]
    choices = {(one.component_id, one.component_property): str(one) for p in panels for one in p.choices.values()}
    state = [State(*one) for one in dict.fromkeys([*question, *choices])]

    @app.callback(
        Output(export.DOWNLOAD, "data"),
        Output(export.TABLES, "data"),
        Output(export.STATUS, "children"),
        Input(export.REQUEST, "data"),
        state,
        prevent_initial_call=True,
    )
    def save(request: Any, *given: Any) -> Any:
        page = dict(zip(map(str, state), given, strict=True))
        panel, kind, name = _asked(request, by_name)
        return draw_export(services, panel, page, kind=kind, name=name)

    app.clientside_callback(
        ClientsideFunction("explorer", "showTables"), Input(export.TABLES, "data"), prevent_initial_call=True
    )


def draw_export(
    services: Services, panel: PanelCallback, page: Mapping[str, Any], *, kind: str, name: str
) -> tuple[Any, Any, Any]:
    """The download, or the tables that the dialog shows; and what is said about it to screen readers.

    page: the values of the page's stores and controls, by names such as `prompt.data`. kind: a key of
    `layouts.export.NUMBERS`. name: of the file.
    Raises: AnalysisError if the panel has no numbers to save.
    """
    about, results = describe(services, panel, page)
    arrays = arrays_of(results)
    _check_size(sum(array.size for array in arrays.values()))  # before there are columns of tables
    if kind == "json":
        arrays = {key: little_endian(array) for key, array in arrays.items()}
        digested = {key: (array, digest(array)) for key, array in arrays.items()}
        return _download(f"{name}.json", json_file(about, digested), f"Saved {name}.json.")
    tables = panel.tables(**results)
    if kind == "table":
        return no_update, tables_shown(about["title"], tables), ""
    _check_size(sum(table.n_rows * len(table.columns) for table in tables))
    captions = {table.name: table.caption for table in tables}
    return _download(f"{name}.zip", zip_file({**about, "tables": captions}, tables), f"Saved {name}.zip.")


def describe(
    services: Services, panel: PanelCallback, page: Mapping[str, Any]
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """All that is needed to compute what a panel shows again, and its results. page: as for `draw_export`.

    Raises: AnalysisError if the panel has no numbers to save.
    """
    a, b = page[f"{ids.PROMPT}.data"], page[f"{ids.OTHER}.data"]
    side = page[f"{compare.SIDE}.value"] if b else "a"
    first, second = shown_sides(a, b, side)
    prompt, selection = services.question(first, page[f"{ids.SELECTION}.data"])
    other = services.prompt(second) if second and panel.difference else None
    knobs = {keyword: page[str(one)] for keyword, one in panel.choices.items()}
    values = panel.values(services, prompt, other, selection, theme="light", **knobs)
    if "results" not in values:
        raise AnalysisError(f"This panel has no complete numbers to save. {values.get('reading', '')}".rstrip())
    settings = {keyword: page[str(one)] for keyword, one in panel.choices.items() if isinstance(one, Input)}
    return {
        "format": f"{TITLE} numbers",
        "version": 1,
        "panel": panel.name,
        "title": values["title"],
        "reading": values["reading"],
        "side": compare.SIDES["a" if side == "difference" and other is None else side],
        "A": _question(services, services.prompt(a)),
        "B": _question(services, services.prompt(b)) if b else None,
        "selection": _selection(selection),
        "settings": settings,
        "versions": _versions(),
    }, values["results"]


def _asked(request: Any, panels: Mapping[str, PanelCallback]) -> tuple[PanelCallback, str, str]:
    """The panel, the kind and the file's name of a request."""
    asked = request if isinstance(request, dict) else {}
    panel, kind, name = (asked.get(key) for key in ("panel", "kind", "name"))
    known = isinstance(panel, str) and panel in panels and isinstance(kind, str) and kind in export.NUMBERS
    if not known or not isinstance(name, str) or not _NAME.fullmatch(name):
        raise AnalysisError("There is no such panel, or it cannot be saved in this form. Reload the page.")
    return panels[str(panel)], str(kind), name


def _question(services: Services, prompt: Prompt) -> dict[str, Any]:
    """The prompt; and, once its model is loaded, the model's fingerprint and the tokens."""
    asked = {**asdict(prompt), "written": list(prompt.written)}
    if not services.loaded(prompt):
        return asked
    trace = services.trace(prompt)
    info = trace.info
    return {
        "model": prompt.model,
        "fingerprint": info.fingerprint,
        "family": info.family,
        "weights": info.weights_note or None,
        **asked,
        "tokens": [{"position": token.position, "id": token.id, "label": token.label} for token in trace.tokens],
    }


def _selection(selection: Selection) -> dict[str, Any]:
    return {"text": str(selection), **asdict(selection)}


@cache
def _versions() -> dict[str, str]:
    libraries = {library: version(library) for library in _LIBRARIES}
    return {TITLE: VERSION, "Python": python_version(), **libraries}


def _check_size(n_numbers: int) -> None:
    if n_numbers > _MOST_NUMBERS:
        raise AnalysisError(f"These are {n_numbers:,} numbers; {_MOST_NUMBERS:,} can be saved. Shorten the text.")


def _download(filename: str, content: bytes, words: str) -> tuple[Any, Any, Any]:
    return {"filename": filename, "content": b64encode(content).decode(), "base64": True}, no_update, words
