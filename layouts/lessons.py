"""The menu "Learn": the lessons, which a callback computes when they are chosen and the page opens as a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import dcc, html

from layouts.header_menu import header_menu, menu_item

if TYPE_CHECKING:
    from collections.abc import Mapping

MENU = "learn-menu"
LESSON = "lesson"  # the lesson that was opened last (callbacks/lessons.py)
NOT_HERE = "The lessons are about the bundled model, which this server does not offer."


def lesson_id(name: str) -> str:
    """The id of the entry that opens a lesson."""
    return f"lesson-{name}"


def lesson_menu(titles: Mapping[str, str]) -> html.Details:
    """The header's menu. titles: of the lessons, by name."""
    items = [menu_item(f"{n}. {title}", id=lesson_id(name)) for n, (name, title) in enumerate(titles.items(), start=1)]
    note = html.P("Each lesson is a few views of the bundled model, with its numbers.", className="menu-note")
    return header_menu("Learn", note, *items, dcc.Store(id=LESSON), id=MENU, about="Short lessons on the bundled model")


def view_data(name: str, note: str, address: str, fingerprint: str) -> dict[str, Any]:
    """A view as the page's sessions have it. fingerprint: of the model's weights."""
    return {"name": name, "note": note, "address": address, "fingerprint": fingerprint}
