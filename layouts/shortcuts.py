"""Keyboard shortcuts: the list that `?` opens. A test compares it with the page's scripts."""

from __future__ import annotations

from dataclasses import dataclass

from dash import html

from layouts.dialog import dialog

DIALOG = "shortcuts"
_SIGNS = {
    "ArrowLeft": "←",
    "ArrowRight": "→",
    "ArrowUp": "↑",
    "ArrowDown": "↓",
    "Escape": "Esc",
    "PageUp": "Page Up",
    "PageDown": "Page Down",
}


@dataclass(frozen=True)
class Shortcut:
    """Keys that do something.

    Attributes
    ----------
    keys
        Their names, as scripts have them.
    does
        What they do.
    where
        What has the focus then; empty for anywhere.
    scripts
        The page's scripts that read them, with spaces between.
    """

    keys: tuple[str, ...]
    does: str
    where: str
    scripts: str


_ALONG, _ACROSS, _ENDS = ("ArrowLeft", "ArrowRight"), ("ArrowUp", "ArrowDown"), ("Home", "End")
SHORTCUTS = (
    Shortcut(_ALONG, "select the block before or after", "Scene, overview or selection card", "selection.js"),
    Shortcut(_ACROSS, "select the head or neuron before or after", "the same, or the grid of heads", "selection.js"),
    Shortcut((*_ALONG, *_ENDS), "select the token before or after, the first or the last", "row of tokens", "strip.js"),
    Shortcut(_ACROSS, "select a token in the row above or below", "row of tokens, while all are shown", "strip.js"),
    Shortcut(("PageUp", "PageDown"), "go to the view before or after", "", "views.js"),
    Shortcut(_ALONG, "the same", "bar of a lesson or of other views", "views.js"),
    Shortcut((*_ALONG, *_ENDS), "open another tab", "tabs of a dock", "workspace.js"),
    Shortcut((*_ALONG, *_ACROSS, *_ENDS), "move a border between docks", "the border", "workspace_splitters.js"),
    Shortcut(("Enter",), "analyse the text (with Shift: begin a new line)", "text field", "page.js"),
    Shortcut(("Enter",), "compare with the second text", "text field of B", "compare.js"),
    Shortcut(_ALONG, "go to another explained term of the panel", "underlined term", "glossary.js"),
    Shortcut(("Enter",), "open the glossary at the term", "underlined term", "glossary.js"),
    Shortcut(
        ("Escape",),
        "close an explanation, a menu, a dialog, the tour or the rows of tokens; then leave an enlarged dock",
        "",
        "glossary.js page.js dialog.js tour.js strip.js workspace.js",
    ),
    Shortcut(("?",), "show this list", "anywhere but in a text field", "dialog.js"),
)


def shortcuts_dialog() -> html.Dialog:
    """The list, closed."""
    columns = html.Tr([html.Th(name, scope="col") for name in ("Keys", "What they do", "Where")])
    rows = [
        html.Tr([html.Th(_keys(one), scope="row"), html.Td(one.does), html.Td(one.where or "anywhere")])
        for one in SHORTCUTS
    ]
    return dialog(
        DIALOG,
        "Keyboard shortcuts",
        html.Table([html.Thead(columns), html.Tbody(rows)], className="shortcut-table"),
        html.P("Tab moves the focus on, and Shift + Tab back."),
        is_static=True,
    )


def _keys(one: Shortcut) -> list[html.Kbd]:
    return [html.Kbd(_SIGNS.get(key, key)) for key in one.keys]
