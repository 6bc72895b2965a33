"""Content of a panel as plain data: the words, tables and chips that the page shows, without controls.

A panel's layout is filled in with what its callback has drawn, and read as a tree of `{tag, class, style, title, label,
children}`, of texts, and of `{figure}`, the id of a graph. Whoever shows it sets texts only, never HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash.development.base_component import Component

from dashboard.drawing import plain

_TAGS = {
    *("Div", "Span", "P", "Strong", "Em", "B", "I", "Mark", "Code", "Sub", "Sup", "Br", "Ul", "Ol", "Li"),
    *("H3", "H4", "Table", "Caption", "Thead", "Tbody", "Tfoot", "Tr", "Th", "Td", "Abbr", "Dl", "Dt", "Dd"),
}
_KEPT = {"className": "class", "style": "style", "title": "title", "dir": "dir", "scope": "scope"}
# Parts of a panel that only a live page has: title and tools, the bar of a job, and what moves the selection.
_LEFT_OUT = {
    *("panel-line", "panel-tools", "job-bar", "summary-steps", "choice", "webgl-note"),
    *("strip-outdated", "strip-arcs", "strip-other", "continuation-choices", "continuation-branches"),
}


def content_of(section: Component, drawn: Mapping[tuple[str, str], Any]) -> list[Any]:
    """What a panel shows below its title. drawn: the values of its outputs, by id and property."""
    return _parts(plain(section)["props"].get("children"), drawn)


def _parts(node: Any, drawn: Mapping[tuple[str, str], Any]) -> list[Any]:
    if node is None or node == "" or isinstance(node, bool):
        return []
    if isinstance(node, list):
        return [part for one in node for part in _parts(one, drawn)]
    if not isinstance(node, dict):
        return [str(node)]
    kind, props = node["type"], {**node["props"]}
    id = props.get("id")
    props |= {prop: plain(value) for (owner, prop), value in drawn.items() if owner == id}
    classes = set(str(props.get("className", "")).split())
    if props.get("hidden") or classes & _LEFT_OUT:
        return []
    if kind == "Graph":
        return [{"figure": id}] if props.get("figure") else []
    return _element(kind, props, _parts(props.get("children"), drawn))


def _element(kind: str, props: Mapping[str, Any], children: list[Any]) -> list[Any]:
    if kind == "A" or (kind == "Button" and "data-select" in props):  # a link, a token or a part that can be clicked
        kind = "Span"
    if kind not in _TAGS or not (children or props.get("style") or kind == "Br"):
        return []
    kept = {name: props[given] for given, name in _KEPT.items() if props.get(given)}
    if props.get("role") == "group" and "aria-label" in props:
        kept["label"] = props["aria-label"]
    return [{"tag": kind.lower(), **kept, **({"children": children} if children else {})}]
