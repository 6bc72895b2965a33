"""The part of a panel's menu that saves it, and the dialog that shows its numbers as tables.

`assets/export.js` makes pictures in the browser, and writes what is asked of the server into a store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import dcc, html

from layouts.element import element
from layouts.figures.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layouts.figures.tables.table import Table

REQUEST = "export-request"  # {panel, kind, name}: what is to be saved; assets/export.js
DOWNLOAD = "export-download"
DIALOG = "export-dialog"
TABLES = "export-tables"
STATUS = "export-status"
_TITLE = "export-title"

PICTURES = {"png": "PNG", "svg": "SVG"}
NUMBERS = {"csv": "CSV", "json": "JSON", "table": "Show as a table"}
_TITLES = {
    "png": "The picture with its title and caption, three times its size",
    "svg": "The picture with its title and caption, as vectors",
    "csv": "The numbers as tables: a zip file with one CSV file for each",
    "json": "The numbers with model, text, selection and settings: enough to compute them again",
    "table": "The numbers of this panel as tables, on this page",
}
MOST_ROWS = 300  # of a table in the dialog


def saving(panel: str, heading: str) -> html.Div:
    """The entries of a panel's menu that save its picture or its numbers. panel, heading: its name and its title."""
    *formats, table = (_button(panel, kind, words) for kind, words in (PICTURES | NUMBERS).items())
    named: dict[str, Any] = {"aria-label": f"Save “{heading}”"}
    row = html.Div([html.Span("Save as"), *formats], className="export-formats", role="group", **named)
    return html.Div([row, table], className="export")


def _button(panel: str, kind: str, words: str) -> html.Button:
    asks = {"data-export": kind, "data-panel": panel}
    return html.Button(words, type="button", className="quiet-button", title=_TITLES[kind], **asks)


def dialog() -> html.Div:
    """The dialog with tables, closed; what is asked for; the download; and the words about it for screen readers."""
    tables = html.Div(id=TABLES, className="export-tables", tabIndex=0)  # the dialog may scroll
    shown = dbc.Modal(
        [dbc.ModalHeader(dbc.ModalTitle("The numbers", id=_TITLE, tag="h2")), dbc.ModalBody(tables)],
        id=DIALOG,
        is_open=False,
        labelledby=_TITLE,
        scrollable=True,
        size="xl",
    )
    status = html.Div(id=STATUS, role="status", className="visually-hidden")
    return html.Div([dcc.Store(id=REQUEST), dcc.Download(id=DOWNLOAD), shown, status])


def tables_shown(title: str, tables: Sequence[Table]) -> list[Any]:
    """A panel's tables, each with its caption and its first rows. title: of the panel."""
    return [element("H3", title), *map(_table, tables)]


def _table(table: Table) -> dict[str, Any]:
    columns = [_cells(column[:MOST_ROWS]) for column in table.columns.values()]
    kinds = ["number" if column.dtype.kind in "iuf" else "" for column in table.columns.values()]
    left = table.n_rows - MOST_ROWS
    rest = (
        f" The first {MOST_ROWS} of {counted(table.n_rows, 'row')}; the CSV file has all of them." if left > 0 else ""
    )
    name = f"{table.name[0].upper()}{table.name[1:]}"
    caption = element("Caption", [element("Strong", f"{name}. "), f"{table.caption}{rest}"])
    heads = [element("Th", name, scope="col", className=kind) for name, kind in zip(table.columns, kinds, strict=True)]
    rows = [
        element("Tr", [element("Td", cell, className=kind) for cell, kind in zip(row, kinds, strict=True)])
        for row in zip(*columns, strict=True)
    ]
    return element("Table", [caption, element("Thead", element("Tr", heads)), element("Tbody", rows)])


def _cells(column: NDArray[Any]) -> list[str]:
    """The column's values as text; numbers with four digits."""
    if column.dtype.kind == "f":
        return [f"{value:.4g}".replace("-", "−") for value in column.tolist()]
    return [str(value) for value in column.tolist()]
