"""Vocabulary search: a pop-up below a button; the panel supplies the actions for each token that is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from analysis.tokens import Piece


def token_search(
    summary: Sequence[Any], *, search: str, found: str, label: str, buttons: Sequence[html.Button] = ()
) -> html.Details:
    """The button and its window. search, found: ids of the field and of the list of results, which a callback fills.

    summary: what the button says. label: of the field. buttons: below the results.
    """
    return html.Details(
        [
            html.Summary(list(summary), className="quiet-button"),
            html.Div(
                [
                    html.Label(label, htmlFor=search),
                    dbc.Input(
                        id=search,
                        type="search",
                        placeholder="search the vocabulary",
                        debounce=250,
                        size="sm",
                        autocomplete="off",
                        value="",
                    ),
                    html.Div(id=found, className="token-search-found"),
                    html.Div(list(buttons), className="token-search-buttons"),
                ],
                className="token-search-window",
            ),
        ],
        className="token-search",
    )


def found_tokens(pieces: Iterable[Piece], actions: Callable[[Piece], Sequence[html.Button]]) -> list[html.Div | html.P]:
    """The results of a search, one row each. actions: the buttons of a row."""
    rows = [
        html.Div(
            [
                html.Span(piece.label, className="token-search-label", title=piece.label, dir="auto"),
                html.Span(f"id {piece.id}", className="token-search-id"),
                *actions(piece),
            ],
            className="token-search-row",
        )
        for piece in pieces
    ]
    return rows or [html.P("No matching token in the vocabulary.")]


def action(words: str, title: str, **marks: Any) -> html.Button:
    """A button. title: what it does, in full. marks: `data-*` attributes, by which the page's scripts know it."""
    return html.Button(words, type="button", className="quiet-button", title=title, **{"aria-label": title, **marks})


def sets(control: str, value: str) -> dict[str, str]:
    """The marks of a button that gives a control a value."""
    return {"data-set": control, "data-value": value}
