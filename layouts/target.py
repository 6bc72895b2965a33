"""The choice of the explained logit: its token, and a token whose logit is subtracted, by searching the vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dash_bootstrap_components as dbc
from dash import html

from layouts.figures.text import quoted
from layouts.token_search import action, sets, token_search

if TYPE_CHECKING:
    from analysis.tokens import Piece


def target_choice(*, target: str, search: str, found: str, against: str) -> html.Div:
    """The button that says what is explained, and its window.

    target: id of the words on the button. search, found: as for `token_search`. against: id of the hidden control that
    holds the id of the token to subtract.
    """
    return html.Div(
        [
            token_search(
                ["Explains ", html.Strong(id=target)],
                search=search,
                found=found,
                label="Search for a token to explain or to subtract",
                buttons=(
                    action("explain most probable", "Explain most probable token", **{"data-select": "~"}),
                    action("subtract none", "Subtract none: explain one logit", **sets(against, "")),
                ),
            ),
            dbc.Input(id=against, type="hidden", value=""),
        ],
        className="target-choice",
    )


def target_actions(piece: Piece, against: str) -> list[html.Button]:
    """The buttons of a search result: explain the token's logit, or subtract it from the explained one.

    against: id of the control that holds the token to subtract.
    """
    return [
        action("explain", f"Explain {quoted(piece.label)}", **{"data-select": f"~{piece.id}"}),
        action("subtract", f"Subtract the logit of {quoted(piece.label)}", **sets(against, str(piece.id))),
    ]


def target_words(target: Piece, against: Piece | None, *, chosen: bool) -> str:
    """The explained logit in words. chosen: whether the target was chosen, not the most probable token by default."""
    minus = f" minus {quoted(against.label)}" if against else ""
    return f"{quoted(target.label)}{'' if chosen else ' (top 1)'}{minus}"
