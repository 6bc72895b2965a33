"""Views: the menu that keeps and shares what the page shows, and the bar that steps through a session.

`assets/views.js` fills in the bar, `assets/views_menu.js` the list of the visitor's own views.
"""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from layouts.header_menu import header_menu, menu_item

MENU = "views-menu"
BAR = "views-bar"
SESSION = "views-session"  # {title, views}: the session that the server was started with, or None


def menu() -> html.Details:
    """The header's menu "Views"."""
    return header_menu(
        "Views",
        menu_item("Copy link to this view", **{"data-views": "copy"}),
        html.Div(id="views-link"),  # the link, where the page may not write to the clipboard
        menu_item("Reset layout", disabled=True, **{"data-reset": "layout"}),
        html.H2("Your views", className="menu-heading", id="views-heading"),
        html.Ol(id="views-list", className="views-list", **{"aria-labelledby": "views-heading"}),
        html.P(
            "None yet. Add what the page shows now, give it a name and a note, and step through your views later. "
            "This browser remembers them; a file keeps or shares them.",
            id="views-none",
            className="menu-note",
        ),
        html.Div(
            [
                _button("Add this view", "add", "Keep what the page shows now"),
                _button("Save…", "save", "Save these views as a file"),
                _button("Open…", "open", "Open a file of views in the place of these"),
                _button("Clear all", "clear", "Delete all of these views"),
            ],
            className="views-tools",
        ),
        html.Div(
            [html.Span(id="views-said"), _button("Undo", "undo", "Bring back the views from before", hidden=True)],
            className="views-said",
            role="status",
        ),
        id=MENU,
        about="Copy a link, and keep what the page shows",
    )


def bar() -> html.Div:
    """The bar of a session, hidden until one is opened: steps through its views, and shows their names and notes."""
    words = [html.Strong(id="views-name"), html.Span(id="views-note")]
    return html.Div(
        [
            _button("‹", "previous", "Previous view (Page Up)"),
            html.Span(id="views-count", className="views-count"),
            _button("›", "next", "Next view (Page Down)"),
            html.Div(words, className="views-words", tabIndex=0, **{"aria-live": "polite"}),  # a long note scrolls
            html.Span(id="views-title", className="views-title"),
            _button("Next lesson", "lesson", "Open the next lesson", hidden=True),
            _button("Keep", "keep", "Add these views to your own"),
            _button("✕", "close", "Close the views"),
        ],
        id=BAR,
        className="views-bar",
        role="region",
        tabIndex=-1,
        hidden=True,
        **{"aria-label": "Views"},
    )


def session_store(session: dict[str, Any] | None) -> dcc.Store:
    """The session that the page opens on. session: its title and views, or None."""
    return dcc.Store(id=SESSION, data=session)


def _button(words: str, command: str, about: str, **more: Any) -> html.Button:
    marks: dict[str, Any] = {"data-views": command, **({} if words[0].isalpha() else {"aria-label": about})}
    return html.Button(words, type="button", className="quiet-button", title=about, **marks, **more)
