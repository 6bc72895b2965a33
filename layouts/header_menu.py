"""A menu of the header: a button that opens a pop-up under it."""

from __future__ import annotations

from typing import Any

from dash import html

from layouts.static_parts import static


def header_menu(words: str, *children: Any, id: str, about: str, is_static: bool = False) -> html.Details:
    """A menu. words: on its button. about: what it is for, for the mouse and for screen readers. is_static: whether no
    callback touches what is in it.

    A menu whose words are one sign, such as "?", has no arrow.
    """
    named: dict[str, Any] = {"title": about, "aria-label": f"{words}: {about}" if len(words) > 1 else about}
    summary = html.Summary(words, className="quiet-button" + (" with-arrow" if len(words) > 1 else ""), **named)
    body = html.Div(list(children), **(static(id) if is_static else {}))
    return html.Details([summary, body], id=id, className="pop-up header-menu")


def menu_item(words: str, **marks: Any) -> html.Button:
    """An entry of a menu: a button. marks: its properties, such as `id` or `data-*`."""
    return html.Button(words, type="button", className="menu-item", **marks)
