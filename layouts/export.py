"""The part of a panel's menu that saves it, and the dialog that shows its numbers as tables.

`assets/export.js` makes pictures in the browser, and writes what is asked of the server into a store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import dcc, html

from layouts.dialog import dialog
from layouts.figures.text import counted
from layouts.static_parts import static

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layouts.figures.tables.table import Table

REQUEST = "export-request"  # {panel, kind, name}: what is to be saved; assets/export.js
DOWNLOAD = "export-download"
TABLES = "export-tables"
DIALOG = "export-dialog"
BODY = "export-body"
STATUS = "export-status"

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
    return html.Div([row, table], className="export", **static(f"saving-{panel}"))


def _button(panel: str, kind: str, words: str) -> html.Button:
    asks = {"data-export": kind, "data-panel": panel}
    return html.Button(words, type="button", className="quiet-button", title=_TITLES[kind], **asks)


def tables_dialog() -> html.Div:
    """The dialog for tables, closed; what is asked for; the answers; and the words about them for screen readers."""
    shown = dialog(DIALOG, "The numbers", html.Div(id=BODY, className="export-tables"))
    status = html.Div(id=STATUS, role="status", className="visually-hidden")
    stores = [dcc.Store(id=REQUEST), dcc.Store(id=TABLES), dcc.Download(id=DOWNLOAD)]
    return html.Div([*stores, shown, status])


def tables_shown(title: str, tables: Sequence[Table]) -> dict[str, Any]:
    """A panel's tables, each with its caption and its first rows, as plain data: as components of Dash, so many cells
    would take half a minute. title: of the panel.
    """
    return {"title": title, "tables": list(map(_table, tables))}


def _table(table: Table) -> dict[str, Any]:
    rest = ""
    if table.n_rows > MOST_ROWS:
        rest = f" The first {MOST_ROWS} of {counted(table.n_rows, 'row')}; the CSV file has all of them."
    return {
        "name": f"{table.name[0].upper()}{table.name[1:]}.",
        "caption": f"{table.caption}{rest}",
        "columns": [{"name": name, "isNumber": column.dtype.kind in "iuf"} for name, column in table.columns.items()],
        "rows": list(zip(*(_cells(column[:MOST_ROWS]) for column in table.columns.values()), strict=True)),
    }


def _cells(column: NDArray[Any]) -> list[str]:
    """The column's values as text; numbers with four digits."""
    if column.dtype.kind == "f":
        return [f"{value:.4g}".replace("-", "−") for value in column.tolist()]
    return [str(value) for value in column.tolist()]
