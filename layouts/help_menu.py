"""The menu "?": the tour, the glossary and the keyboard shortcuts."""

from __future__ import annotations

from dash import html

from layouts import glossary, shortcuts
from layouts.header_menu import header_menu, menu_item

MENU = "help-menu"


def help_menu() -> html.Details:
    """The header's menu."""
    return header_menu(
        "?",
        menu_item("Take the tour", **{"data-tour": "start"}),
        menu_item("Glossary", **{"data-dialog": glossary.DIALOG}),
        menu_item("Keyboard shortcuts", **{"data-dialog": shortcuts.DIALOG}),
        id=MENU,
        about="Help: tour, glossary, keyboard shortcuts",
    )
