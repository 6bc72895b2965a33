"""The list of all heads by a score: a pop-up of the selection card, in which every head is a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import html

from layouts.figures.head_scores import SCORE_MEANINGS, SCORE_NAMES, ranked, score_words
from layouts.panel import choice

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

OPEN = "summary-heads"
SORT = "summary-heads-sort"
SOURCE = "summary-heads-source"
FOUND = "summary-heads-found"
PROBE, TEXT, WEIGHTS = "probe", "text", "weights"
_COLUMNS = {PROBE: "repeated random tokens", TEXT: "this text", WEIGHTS: "from the weights"}
_ORDERS = {PROBE: "on repeated random tokens", TEXT: "on this text"}


def find_heads() -> html.Details:
    """The button and its window; a callback fills the list when it is opened."""
    return html.Details(
        [
            html.Summary("Find heads", id=OPEN, className="quiet-button"),
            html.Div(
                [
                    html.Div(
                        [
                            choice(SORT, "Score", dict(SCORE_NAMES), "induction"),
                            choice(SOURCE, "Text that orders the heads", _ORDERS, PROBE),
                        ],
                        className="find-heads-order",
                    ),
                    html.Div(id=FOUND, className="find-heads-found"),
                ],
                className="token-search-window",
            ),
        ],
        className="token-search",
    )


def head_list(name: str, scores: Mapping[str, NDArray[np.float32]], *, order: str) -> html.Table:
    """All heads, the highest score first, and last those that have none.

    name: of the score. scores: (n_blocks, n_heads), by what they are from: PROBE, TEXT or WEIGHTS. order: the one that
    orders the list.
    """
    columns = [html.Th("head", scope="col"), *(html.Th(_COLUMNS[n], scope="col", className="number") for n in scores)]
    rows = []
    for block, head in ranked(scores[order]):
        words, select = f"Block {block}, head {head}", f"block.{block}.attention.head.{head}"
        marks = {"data-select": select}
        cells = [
            html.Td(
                score_words(name, float(table[block, head])), className="number ordering" if n == order else "number"
            )
            for n, table in scores.items()
        ]
        link = html.Button(words, type="button", className="role-token", **marks)
        rows.append(html.Tr([html.Th(link, scope="row"), *cells]))
    caption = html.Caption(SCORE_MEANINGS[name])
    return html.Table([caption, html.Thead(html.Tr(columns)), html.Tbody(rows)], className="summary-table head-list")
