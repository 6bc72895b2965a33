"""Static parts of the page: HTML in its document instead of Dash components, since no callback touches them.

For each output that a callback writes, Dash looks every component of the page up again in its store. More than half of
them were help texts, entries of menus and dialogs, and a third of a click's time in the browser went into them.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dash.development.base_component import Component

NAME = "data-static"
_ATTRIBUTES = {"className": "class", "htmlFor": "for", "tabIndex": "tabindex"}


def static(name: str) -> dict[str, Any]:
    """The mark of an element whose children no callback touches. name: of this part, once on the page."""
    return {NAME: name}


def take_out(layout: Component) -> str:
    """HTML templates of the static parts: the children of all elements marked as `static`, taken out of the layout.

    `assets/static_parts.js` puts the children back.
    """
    held = [part for part in layout._traverse() if hasattr(part, NAME)]
    templates = []
    for element in held:
        templates.append(f'<template id="static-{getattr(element, NAME)}">{_html(element.children)}</template>')
        element.children = None
    return "".join(templates)


def _html(node: Any) -> str:
    if node is None:
        return ""
    if isinstance(node, list | tuple):
        return "".join(map(_html, node))
    if isinstance(node, str | int):
        return escape(str(node), quote=False)
    written = node.to_plotly_json()
    tag, props = written["type"].lower(), dict(written["props"])
    children = _html(props.pop("children", None))
    return f"<{tag}{''.join(map(_attribute, props.items()))}>{children}</{tag}>"


def _attribute(given: tuple[str, Any]) -> str:
    name, value = given
    if value is None or value is False:
        return ""
    name = _ATTRIBUTES.get(name, name)
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
