"""Dialog of the browser's own kind: its contents are on the page while it is closed. `assets/dialog.js` opens it."""

from __future__ import annotations

from typing import Any

from dash import html

from layouts.static_parts import static


def dialog(id: str, title: str, *children: Any, is_static: bool = False) -> html.Dialog:
    """A dialog, closed. An element with `data-dialog` opens the one of that id.

    is_static: whether no callback touches what is in it.
    """
    close: dict[str, Any] = {"aria-label": "Close", "data-close": "", "title": "Close (Escape)"}
    named = {"aria-labelledby": f"{id}-title"}
    head = html.Div(
        [html.H2(title, id=f"{id}-title"), html.Button("✕", type="button", className="dock-tool", **close)],
        className="dialog-head",
    )
    body = html.Div(list(children), className="dialog-body", tabIndex=0, **(static(id) if is_static else {}))
    return html.Dialog([head, body], id=id, **named)
