"""The token strip: the text as one row of chips, one per token; a click on a chip selects the position.

`assets/strip.js` moves the focus among the chips, which are one tab stop, and draws the arcs of attention above them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from layouts.glossary import explained
from layouts.panel import Help, choice, panel

if TYPE_CHECKING:
    from analysis.tokens import Token

NAME = "strip"
CHIPS = "strip-chips"
ARCS = "strip-arcs"
COLOR = "strip-color"
LOW = "strip-low"
SCALE = "strip-scale"
HIGH = "strip-high"
OTHER = "strip-other"  # the tokens of the side that is not shown; `assets/compare.js` fills it

HELP = Help(
    shows=(
        "The text as the model reads it, one chip for each token, coloured by how unexpected the token was (its "
        "surprisal)."
    ),
    how=(
        "Click a chip, or press ← and →, to select its position. While a head is selected, arcs lead to the tokens "
        "that it attends to; the thicker, the more."
    ),
    not_shown="How important a token is, or whether it is right: a surprising token may be a good one.",
    detail=(
        "“·” stands for a space, and positions count from 0. Surprisal is −log₂ of the token’s probability: 0 bits is "
        "certain, 1 bit is the toss of a coin, 12 bits is one chance in 4,096. The first token follows nothing, so it "
        "has none. Models that split text into different tokens cannot be compared by it. The other colouring is the "
        "attribution of the saliency panel. Attention below 2% has no arc. In a chat message, the tokens of the chat "
        "template are in italics and have no colour. Tokens that were written after the text, by the model or by your "
        "choice in the panel “Continue”, are underlined by dashes. A − B is the number of bits by which a token is "
        "more surprising in A than its counterpart is in B."
    ),
)


def layout() -> html.Section:
    """The chips in one row, with their colour scale, as a thin bar across the page."""
    return panel(
        NAME,
        "Tokens",
        html.Span("of the analysed text, not of the edited one", className="strip-outdated"),
        html.Div(
            [
                html.Div(
                    id=CHIPS,
                    className="strip-chips",
                    role="toolbar",
                    **{"aria-label": "Tokens of the text", "data-shown": ""},
                ),
                html.Div(id=ARCS, className="strip-arcs", **{"aria-hidden": "true", "data-weights": ""}),
            ],
            className="strip-row",
        ),
        html.Div(
            id=OTHER, className="strip-other", role="group", hidden=True, **{"aria-label": "Tokens of the other text"}
        ),
        html.Div(
            [
                explained("· = space", "·"),
                choice(COLOR, "Colour", {"surprisal": "surprisal", "attribution": "attribution"}, "surprisal"),
                html.Span([html.Span(id=LOW), html.Span(id=SCALE, className="strip-scale"), html.Span(id=HIGH)]),
                html.Button(
                    "Show all",
                    id="strip-all",
                    type="button",
                    className="quiet-button",
                    title="Show all tokens in several rows",
                    hidden=True,
                    **{"aria-expanded": "false", "aria-controls": CHIPS},
                ),
            ],
            className="strip-legend",
        ),
        help=HELP,
    )


def chip(token: Token, description: str, colors: tuple[str, str], *, chosen: bool) -> html.Button:
    """Chip of a token. colors: CSS, of background and text. chosen: whether its position is selected; such a chip is
    the strip's single tab stop, and `assets/strip.js` moves this mark.
    """
    spoken: dict[str, Any] = {"aria-label": f"{token.label}, written after the text"} if token.written else {}
    classes = {
        "chip": True,
        "chip-selected": chosen,
        "chip-group": token.group != token.position,  # it continues the character of the one before
        "chip-first": token.position == 0,
        "chip-template": token.template,
        "chip-written": token.written,
    }
    return html.Button(
        token.label,
        type="button",
        style={"background": colors[0], "color": colors[1]},
        title=description,
        dir="auto",
        className=" ".join(name for name, holds in classes.items() if holds),
        tabIndex="0" if chosen else "-1",
        **{"data-select": f"@{token.position}", "aria-pressed": "true" if chosen else "false", **spoken},
    )
