"""The logit lens panel: what the model would predict after each block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dash_bootstrap_components as dbc
from dash import html

from layouts.figures.text import quoted
from layouts.job import job_bar, picture
from layouts.panel import Help, graph, panel
from layouts.token_search import action, sets, token_search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.tokens import Piece

NAME = "logit_lens"
CELLS = "logit_lens-cells"
DEPTH_GRAPH = "logit_lens-depth-graph"
RANK_GRAPH = "logit_lens-rank-graph"
PINS = "logit_lens-pins"
PINNED = "logit_lens-pinned"
SEARCH = "logit_lens-search"
FOUND = "logit_lens-found"
MOST_PINNED = 3

HELP = Help(
    shows="What the model would predict next if it stopped after each block, at every token of the text.",
    how=(
        "Columns are tokens, rows are blocks, on top is the real output. A cell has the most probable token, coloured "
        "by its probability. Click it to select it."
    ),
    not_shown="What the model knows after a block: it may be written in directions that only later blocks read.",
    detail=(
        "The lines below follow the model’s own prediction, or up to three tokens that you pin, through the blocks at "
        "the selected token; rank 1 is the most probable token. Every residual stream is read through the final norm, "
        "with its own statistics, and the output head, both of which were trained for the last block only; nor does an "
        "early prediction mean that later blocks do nothing. The bottom row reads the input of block 0. With attention "
        "selected, the sentence above also says what is read between it and the MLP of its block; GPT-J, Phi and most "
        "GPT-NeoX models compute both in parallel, so nothing is between them. Texts of more than 128 tokens show "
        "probabilities without tokens: select a cell to read it. In A − B, the colour is the KL divergence of the two "
        "readings, KL(A‖B) in bits; a cell with “≠” or two tokens is one where they predict different tokens, and "
        "dashed lines are B’s."
    ),
)


def layout() -> html.Section:
    """Blocks × tokens; below, the followed tokens' probabilities and ranks through depth."""
    cells = graph(NAME, label="Heat map: most probable next token after each block, by token")
    return panel(
        NAME,
        "Logit lens",
        picture(
            NAME,
            html.Div(cells, id=CELLS, className="panel-picture", **{"data-shown": ""}),
            html.Div(
                [
                    graph(NAME, id=DEPTH_GRAPH, second=True, label="Lines: probability after each block"),
                    graph(NAME, id=RANK_GRAPH, second=True, label="Lines: rank after each block"),
                ],
                className="panel-seconds",
            ),
        ),
        status=job_bar(NAME),
        controls=(
            token_search(
                ["Pin a token"],
                search=SEARCH,
                found=FOUND,
                label=f"Follow a token through the blocks; of more than {MOST_PINNED}, the oldest is unpinned",
                buttons=(action("unpin all", "Unpin all: follow the model’s own prediction", **sets(PINS, "")),),
            ),
            dbc.Input(id=PINS, type="hidden", value=""),
        ),
        more=(
            html.Span("Tokens that are followed", className="choice-label"),
            html.Span(id=PINNED, className="token-search-buttons"),
        ),
        help=HELP,
    )


def pin_actions(piece: Piece, pins: Sequence[int]) -> list[html.Button]:
    """The buttons of a search result: pin the token, or unpin it."""
    if piece.id in pins:
        return [_unpin("unpin", piece, pins)]
    title = f"Pin {quoted(piece.label)}: follow it through the blocks"
    return [action("pin", title, **sets(PINS, _pins_text([*pins, piece.id][-MOST_PINNED:])))]


def followed_tokens(pieces: Sequence[Piece], *, pinned: bool) -> list[html.Button | html.Span]:
    """The followed tokens: pinned ones with a button to unpin them, the model's prediction with one to pin it."""
    if pinned:
        pins = [piece.id for piece in pieces]
        return [_unpin(f"{quoted(piece.label)} ×", piece, pins) for piece in pieces]
    if not pieces:
        return [
            html.Span("The output is not finite, so there is no prediction to follow.", className="align-self-center")
        ]
    (piece,) = pieces
    return [
        html.Span(f"{quoted(piece.label)}, the model’s prediction", className="align-self-center", dir="auto"),
        action("pin it", f"Pin it: follow {quoted(piece.label)} at every token", **sets(PINS, str(piece.id))),
    ]


def _unpin(words: str, piece: Piece, pins: Sequence[int]) -> html.Button:
    rest = [token_id for token_id in pins if token_id != piece.id]
    return action(words, f"Unpin {quoted(piece.label)}", **sets(PINS, _pins_text(rest)))


def _pins_text(pins: Sequence[int]) -> str:
    return ",".join(map(str, pins))
