"""The what-if panel: what the model predicts without some of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import html

from layouts.glossary import marked
from layouts.job import job_bar, picture
from layouts.panel import Help, choice, graph, panel
from layouts.target import target_choice
from layouts.token_search import action, sets

if TYPE_CHECKING:
    from collections.abc import Iterable


NAME = "effect"
WHAT = "effect-what"
REPLACEMENT = "effect-replacement"
WHERE = "effect-where"
REMOVED = "effect-removed"
LIST = "effect-list"
TARGET = "effect-target"
SEARCH = "effect-search"
FOUND = "effect-found"
AGAINST = "effect-against"
NUMBERS = "effect-numbers"
NOTE = "effect-note"
GRID = "effect-grid"
SWEEP_GRAPH = "effect-sweep-graph"

WHATS = {
    "part": "remove the selected part",
    "tile": "remove the neuron’s tile",
    "stream": "remove the residual stream here",
}
REPLACEMENTS = {
    "zero": "replace by zero",
    "mean": "replace by mean of this text",
    "reference": "replace by mean of a reference text",
}
WHERES = {"all": "at all positions", "one": "at this position"}

GRIDS = {
    "removals": "removals",
    "stream": "patched streams",
    "attention": "patched attention",
    "mlp": "patched MLPs",
    "heads": "patched heads",
}

HELP = Help(
    shows=(
        "What the model predicts without some of its parts, and, in the grid, what removing each head or MLP alone "
        "does to the target’s logit."
    ),
    how=(
        "Select a part and press “Remove”. In the grid, the logit is lower without an orange part and higher without a "
        "blue one. Click a cell to select it."
    ),
    not_shown=(
        "Which parts are important: when one is removed, others often take over its work, so a small effect proves "
        "little."
    ),
    detail=(
        "A removed part still has to be something. Zero is simple, but a value that the model may never have met; the "
        "mean over this text, or over 128 tokens of a story that comes with this program, keeps what the part always "
        "does and removes what it does here. Each is a choice, and gives other numbers. Heads, tiles and neurons are "
        "replaced where they enter the last linear map of attention or MLP, a whole attention or MLP where it is added "
        "to the residual stream, and the stream of one position where it enters the selected block. The KL divergence "
        "says how far the prediction after the removals is from that before. The grid removes one part at a time, with "
        "nothing else removed. Pale cells are estimates from one gradient: the slope of the logit times the change of "
        "the part’s output. To patch, choose one of the other grids, press “Compare” above and type a second text, B: "
        "the model reads B, but one value at a time is the one that it has in A. On the grid’s scale, 0 is B as it is "
        "and 1 is A, after the last token of both. Their tokens are aligned as in the rows above. In A − B, the same "
        "parts are removed from both: the bars are both predictions, and the grid has the effects in A minus those in "
        "B. Patches compare the two texts already, so they have no difference."
    ),
)


def layout() -> html.Section:
    """Removals and what they change; beside or below them, the grid of all removals."""
    removals = html.Div(
        [
            html.Div(id=LIST, className="effect-list", role="group", **{"aria-label": "Removed parts"}),
            html.Div(id=NUMBERS, className="effect-numbers"),
            graph(NAME, label="Bars: the most probable next tokens before and after"),
            html.P(id=NOTE, className="effect-note"),
        ],
        className="effect-removals",
        role="group",
        tabIndex=0,  # it may scroll
        **{"aria-label": "What is removed, and what that changes"},
    )
    grid = graph(NAME, id=SWEEP_GRAPH, label="Heat map: effect of removing each head and each MLP, by block")
    return panel(
        NAME,
        "What if",
        html.Div([removals, picture(NAME, grid)], className="effect-body"),
        status=job_bar(NAME),
        controls=(
            target_choice(target=TARGET, search=SEARCH, found=FOUND, against=AGAINST),
            choice(GRID, "Grid", GRIDS, "removals"),
        ),
        more=(
            choice(REPLACEMENT, "Replacement", REPLACEMENTS, "mean"),
            choice(WHERE, "Where", WHERES, "all"),
            choice(WHAT, "What is removed", WHATS, "part"),
            action("take all back", "Take all removals back", **sets(REMOVED, "")),
            dbc.Input(id=REMOVED, type="hidden", value=""),
        ),
        help=HELP,
    )


def removal_button(words: str, replaced: str, removed: str) -> html.Button:
    """The button that removes the selection. removed: the text of all removals with it."""
    return action(f"Remove {words}", f"Replace {words} by {replaced}", **sets(REMOVED, removed))


def removed_part(words: str, replaced: str, short: str, select: str, rest: str) -> html.Div:
    """A removal in the list: what selects it, by what it is replaced, and what takes it back.

    short: `replaced` in a word or two. rest: the text of the removals without it.
    """
    selects: dict[str, Any] = {"data-select": select, "title": f"Select {words}"}
    return html.Div(
        [
            html.Button(words, type="button", className="effect-part", **selects),
            html.Span(f"→ {short}", className="effect-replaced", title=f"Replaced by {replaced}"),
            action("×", f"Take back: {words}", **sets(REMOVED, rest)),
        ],
        className="effect-row",
    )


def message(words: str) -> html.Span:
    """A line in the place of the button, or of a removal."""
    return html.Span(words, className="effect-replaced")


def numbers(rows: Iterable[tuple[str, str, str]], divergence: str | None) -> html.Dl:
    """Each quantity before and after, in one line where there is room. divergence: in bits; None while nothing is
    removed.
    """
    if divergence is None:
        shown = [(name, before) for name, before, _ in rows]
    else:
        shown = [(name, f"{before} → {after}") for name, before, after in rows]
        shown.append(("KL divergence", f"{divergence} bits"))
    return pairs(shown)


def pairs(shown: Iterable[tuple[str, str]]) -> html.Dl:
    """Quantities by name, in one line where there is room."""
    seen: set[str] = set()
    return html.Dl([html.Div([html.Dt(marked(name, seen)), html.Dd(value)]) for name, value in shown])
