"""A menu of the header: a button that opens a pop-up under it."""

from __future__ import annotations

from typing import Any

from dash import html


def header_menu(words: str, *children: Any, id: str, about: str) -> html.Details:
    """A menu. words: on its button. about: what it is for, for the mouse and for screen readers.

    A menu whose words are one sign, such as "?", has no arrow.
    """
    named: dict[str, Any] = {"title": about, "aria-label": f"{words}: {about}" if len(words) > 1 else about}
    summary = html.Summary(words, className="quiet-button" + (" with-arrow" if len(words) > 1 else ""), **named)
    return html.Details([summary, html.Div(list(children))], id=id, className="pop-up header-menu")


def menu_item(words: str, **marks: Any) -> html.Button:
    """An entry of a menu: a button. marks: its properties, such as `id` or `data-*`."""
    return html.Button(words, type="button", className="menu-item", **marks)
