"""The compare bar under the header: the second question, B, and the switch between A, B and A − B.

`assets/compare.js` opens and closes it, and draws the tokens of the side that is not shown under those that are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import dcc, html

from layouts import ids
from layouts.models import options

if TYPE_CHECKING:
    from collections.abc import Iterable

OPEN = "compare-open"
BAR = "compare-bar"
TEXT = "compare-text"
MODEL = "compare-model"
SIDE = "compare-side"
SWAP = "compare-swap"
WORDS = "compare-words"

SIDES = {"a": "A", "b": "B", "difference": "A − B"}
SETTINGS = {TEXT: False, MODEL: True, SIDE: True}  # part of the page's address; whether each has options
SAME_MODEL = "/same"  # no model has this name
MOST_CHARACTERS = 20_000


def button() -> html.Button:
    """The header's button that opens the bar, and closes it with the comparison."""
    about: dict[str, Any] = {"aria-expanded": "false", "aria-controls": BAR}
    words = "Compare with a second text, or with another model"
    return html.Button("Compare", id=OPEN, type="button", className="quiet-button", title=words, **about)


def bar(offers: Iterable[Any]) -> html.Div:
    """The second question, hidden until it is opened. offers: the models."""
    about: dict[str, Any] = {"aria-label": "Comparison with a second question, B"}
    swap = "Swap A and B"
    sides = dbc.RadioItems(
        id=SIDE,
        options=[{"value": value, "label": words} for value, words in SIDES.items()],
        value="a",
        inline=True,
        class_name="compare-side",
        input_class_name="btn-check",
        label_class_name="quiet-button",
    )
    return html.Div(
        [
            dcc.Store(id=ids.SECOND),
            dcc.Store(id=ids.OTHER),
            dcc.Store(id=ids.ALIGNMENT),
            html.Span("B", className="compare-name", **{"aria-hidden": "true"}),
            html.Label("Text B (empty: the same text as A)", htmlFor=TEXT, className="visually-hidden"),
            html.Div(
                dbc.Textarea(
                    id=TEXT,
                    value="",
                    rows=1,
                    spellcheck=False,
                    debounce=True,
                    maxLength=MOST_CHARACTERS,
                    placeholder="A second text; empty: the same text in another model",
                    className="question-text",
                ),
                className="question-field",
            ),
            html.Label("Model of B", htmlFor=MODEL, className="visually-hidden"),
            dbc.Select(id=MODEL, options=model_options(offers), value=SAME_MODEL, size="sm", className="compare-model"),
            html.Div(
                [
                    sides,
                    html.Button(
                        "⇄", id=SWAP, type="button", className="quiet-button", title=swap, **{"aria-label": swap}
                    ),
                ],
                role="group",
                className="compare-sides",
                hidden=True,
                title="What the panels show: A, B, or their difference",
                **{"aria-label": "What the panels show"},
            ),
            html.Span(id=WORDS, className="compare-words", role="status"),
        ],
        id=BAR,
        className="compare-bar",
        role="group",
        hidden=True,
        **about,
    )


def model_options(offers: Iterable[Any]) -> list[dict[str, str]]:
    """The menu of B's model: A's model, or any other."""
    return [{"value": SAME_MODEL, "label": "same model as A"}, *options(offers)]


def comparison_words(n_tokens: int, n_changed: int, n_missing: tuple[int, int]) -> str:
    """What the alignment has found. n_missing: the numbers of tokens of A and of B without a counterpart."""
    if not n_changed and not any(n_missing):
        return f"The same {n_tokens} tokens."
    facts = [f"{n_changed} changed"] if n_changed else []
    facts += [f"{n} only in {side}" for n, side in zip(n_missing, "AB", strict=True) if n]
    return f"B has {n_tokens} tokens: {', '.join(facts)}."
