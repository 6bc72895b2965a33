"""The token strip: the text as chips, which choose the position."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import html

from layouts.panel import Help, choice, panel

if TYPE_CHECKING:
    from analysis.tokens import Token

NAME = "strip"
CHIPS = "strip-chips"
COLOR = "strip-color"
LOW = "strip-low"
SCALE = "strip-scale"
HIGH = "strip-high"

HELP = Help(
    how=(
        "Each chip is one token, the piece that the model reads; click one to choose its position. Its colour is its "
        "surprisal: −log₂ of the probability that the model gave this token after those before it. 0 bits is certain, "
        "1 bit a toss of a coin, 12 bits one chance in 4,096; the first token has nothing before it, so it has none. "
        "Or it is the saliency panel’s attribution: blue speaks for the explained token, orange against it."
    ),
    not_said=(
        "how important a token is, or whether it is right. A surprising token may be a good one, and the surprisals of "
        "models that cut text into different tokens cannot be compared."
    ),
)


def layout() -> html.Section:
    """A thin bar across the page."""
    return panel(
        NAME,
        "Tokens",
        html.Div(
            id=CHIPS, className="strip-chips", role="group", **{"aria-label": "Tokens of the text", "data-shown": ""}
        ),
        html.Div(
            [
                choice(COLOR, "Colour", {"surprisal": "surprisal", "attribution": "attribution"}, "surprisal"),
                html.Span([html.Span(id=LOW), html.Span(id=SCALE, className="strip-scale"), html.Span(id=HIGH)]),
            ],
            className="strip-legend",
        ),
        help=HELP,
    )


def chip(token: Token, description: str, colors: tuple[str, str], *, chosen: bool) -> html.Button:
    """One token. colors: CSS, of background and text. chosen: whether it is the selected position's."""
    return html.Button(
        token.label,
        type="button",
        style={"background": colors[0], "color": colors[1]},
        title=description,
        dir="auto",
        **{"data-select": f"@{token.position}", **mark(token, chosen=chosen)},
    )


def mark(token: Token, *, chosen: bool) -> dict[str, str]:
    """The properties of a chip that say whether it is the selected position's."""
    classes = {
        "chip": True,
        "chip-selected": chosen,
        "chip-group": token.group != token.position,  # it continues the character of the one before
        "chip-first": token.position == 0,
    }
    return {
        "className": " ".join(name for name, holds in classes.items() if holds),
        "aria-pressed": "true" if chosen else "false",
    }
