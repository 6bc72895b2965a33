"""The panel “Continue”: the model writes on; what else it might have written; and the branches that were written.

`assets/continuation.js` makes what a job has written a part of the question, and keeps the list of branches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import dcc, html

from layouts.figures.text import quoted
from layouts.job import job_bar, picture
from layouts.panel import Help, choice, graph, panel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.tokens import Piece, Token

NAME = "continuation"
TOKENS = "continuation-tokens"
HOW = "continuation-how"
TEMPERATURE = "continuation-temperature"
TOP_K = "continuation-top_k"
TOP_P = "continuation-top_p"
SEED = "continuation-seed"
TEXT = "continuation-text"
CHOICES = "continuation-choices"
BRANCHES = "continuation-branches"
KEPT = "continuation-kept"  # store: the branches of this text, as in the address; assets/continuation.js
LIVE = "continuation-live"  # store: the question of the job that this page follows; assets/continuation.js
WRITTEN = "continuation-written"  # store: what that job has written; the panel's callback

USUAL = {TEMPERATURE: "1", TOP_K: "0", TOP_P: "1", SEED: "0"}  # the numbers while nothing is typed
_FIELDS = {
    TEMPERATURE: ("Temperature", "decimal"),
    TOP_K: ("Top-k (0: all tokens)", "numeric"),
    TOP_P: ("Top-p (1: all tokens)", "decimal"),
    SEED: ("Seed", "numeric"),
}
COUNTS = ("1", "5", "10", "20", "50", "100", "200")
_MOST_CONTEXT = 8  # tokens that are shown before those that were written
_LONGEST = 18  # characters of a token on a button

HELP = Help(
    shows=(
        "The text that the model writes after yours, token by token. For the selected token, the bars show the "
        "probabilities that it was drawn from."
    ),
    how=(
        "Press “Continue”: what is written becomes a part of the text. Select a written token and choose another in "
        "its place: the rest is written anew."
    ),
    not_shown="What the model means or plans: each token is drawn from the probabilities that the earlier ones give.",
    detail=(
        "Greedy takes the most probable token each time. Sampled draws: the logits are divided by the temperature, "
        "then the top-k most probable tokens are kept (0: all), of these the fewest that add up to top-p (1: all), and "
        "the probabilities of the rest are scaled to 100%. “Before truncation” is the softmax of the unchanged logits. "
        "With the same seed, the same text is continued in the same way. The model stops after its end-of-text token, "
        "and at the longest text that can be read. Written tokens are underlined by dashes. “Branches” lists all texts "
        "that were written; the browser’s back button leads back as well. While two texts are "
        "compared, only A’s is continued."
    ),
)


@dataclass(frozen=True)
class Branch:
    """A text that was written. written: its token ids as in the address. words: what to call it. link: its address."""

    written: str
    words: str
    link: str
    current: bool


def layout() -> html.Section:
    """The text, the alternatives and the branches; beside them, or below where the dock is narrow, the bars."""
    counts = {count: "1 token" if count == "1" else f"{count} tokens" for count in COUNTS}
    left = html.Div(
        [
            html.Div(
                id=TEXT,
                className="saliency-text continuation-text",
                role="group",
                tabIndex=0,
                **{"aria-label": "The text, with what was written after it"},
            ),
            html.Div(id=CHOICES, className="continuation-choices"),
            html.Div(id=BRANCHES, className="continuation-branches"),
        ],
        className="continuation-words",
    )
    bars = picture(NAME, graph(NAME, label="Bar chart: probabilities of the tokens that might stand here"))
    return panel(
        NAME,
        "Continue",
        html.Div(
            [left, bars, *(dcc.Store(id=store) for store in (KEPT, LIVE, WRITTEN))], className="continuation-body"
        ),
        status=job_bar(NAME, verb="Continue", cancel="Stop", cancelled="Stopped.", idle=""),
        controls=(
            choice(TOKENS, "How many tokens to write", counts, "20"),
            choice(HOW, "How tokens are chosen", {"greedy": "greedy", "sampled": "sampled"}, "greedy"),
        ),
        more=(
            html.P("For “sampled”:", className="continuation-for"),
            *(_field(id, *words, usual=USUAL[id]) for id, words in _FIELDS.items()),
        ),
        help=HELP,
    )


def _field(id: str, words: str, keyboard: str, *, usual: str) -> html.Div:
    """A number to type. usual: what holds while nothing is typed."""
    field = dbc.Input(
        id=id,
        value="",
        placeholder=usual,
        type="text",
        inputmode=keyboard,
        size="sm",
        debounce=True,
        maxlength=20,
        autocomplete="off",
    )
    return html.Div([html.Label(words, htmlFor=id), field], className="continuation-field")


def running_text(
    tokens: Sequence[Token], position: int, hovers: Sequence[str], new: Iterable[tuple[Piece, str]]
) -> list[Any]:
    """The end of the text with what was written after it; a click selects a position.

    hovers: of all tokens. new: what is being written just now, with tooltips.
    """
    first = next((token.position for token in tokens if token.written), len(tokens))
    begin = max(0, first - _MOST_CONTEXT)
    parts: list[Any] = [html.Span("… ", className="continuation-before")] if begin else []
    for token in tokens[begin:]:
        kind = "continuation-written" if token.written else "continuation-before"
        parts.append(
            html.Button(
                token.label,
                type="button",
                className=f"saliency-token {kind}",
                title=hovers[token.position],
                dir="auto",
                tabIndex=-1,  # keyboard users have the token strip
                **{
                    "data-select": f"@{token.position}",
                    "aria-pressed": "true" if token.position == position else "false",
                },
            )
        )
    parts += [html.Span(piece.label, className="continuation-new", title=hover, dir="auto") for piece, hover in new]
    return parts


def message(words: str) -> html.P:
    """A sentence in the place of controls."""
    return html.P(words, className="continuation-note")


def alternatives(token: Token, before: Sequence[int], pieces: Iterable[Piece]) -> list[Any]:
    """The buttons that write another token in the place of a written one, and the rest anew.

    before: the ids of the tokens that were written before it.
    """
    return [
        html.Span("What if it had said:"),
        *(
            html.Button(
                quoted(piece.label, most=_LONGEST),
                type="button",
                className="quiet-button",
                title=f"Write {quoted(piece.label)} here instead, and the rest anew",
                dir="auto",
                **{
                    "aria-label": f"What if it had said {quoted(piece.label)}",
                    "data-written": ".".join(map(str, [*before, piece.id])),
                    "data-forced": "true",
                },
            )
            for piece in pieces
            if piece.id != token.id
        ),
    ]


def branch_list(branches: Sequence[Branch]) -> list[Any]:
    """The branches, each a link; nothing if none was written."""
    if not branches:
        return []
    rows = [
        html.Li(
            html.A(
                branch.words,
                href=branch.link,
                dir="auto",
                **{"data-written": branch.written, **({"aria-current": "true"} if branch.current else {})},
            )
        )
        for branch in branches
    ]
    return [html.H3("Branches"), html.Ul(rows)]
