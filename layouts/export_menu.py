"""The header's menu "Export": the whole view as an HTML report, or as a notebook.

`assets/report.js` asks the server for what the page shows, and makes the file in the browser.
"""

from dash import dcc, html

from layouts.header_menu import header_menu, menu_item

MENU = "export-menu"
REPORT = "export-report"
NOTEBOOK = "export-notebook"
ASKED = "export-asked"  # {kind, address, n}: what is to be exported; assets/report.js
MADE = "export-made"  # {kind, name, content}: what the file is made of; dashboard/snapshot/export.py


def menu() -> html.Details:
    """The menu, with a line on each kind of file, and its stores."""
    return header_menu(
        "Export",
        menu_item("HTML report", id=REPORT),
        html.P("One file with the figures of all panels, which works without a network.", className="menu-note"),
        menu_item("Notebook", id=NOTEBOOK),
        html.P(
            "A Jupyter notebook that computes and draws the visible panels with Python, and compares all numbers with "
            "the page’s.",
            className="menu-note",
        ),
        dcc.Store(id=ASKED),
        dcc.Store(id=MADE),
        id=MENU,
        about="Keep the whole view as a file",
    )
