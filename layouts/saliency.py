"""The saliency panel: which tokens speak for what the model says next, and which against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dash_bootstrap_components as dbc
from dash import dcc, html

from layouts.job import job_bar, picture
from layouts.panel import Help, choice, graph, panel
from layouts.token_search import action, sets, token_search

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.tokens import Piece, Token

NAME = "saliency"
METHOD = "saliency-method"
BASELINE = "saliency-baseline"
TARGET = "saliency-target"
SEARCH = "saliency-search"
FOUND = "saliency-found"
AGAINST = "saliency-against"
TEXT = "saliency-text"
NUMBERS = "saliency-numbers"
WARNING = "saliency-warning"
DEPTH = "saliency-depth"
DEPTH_GRAPH = "saliency-depth-graph"
EXPORT = "saliency-export"
DOWNLOAD = "saliency-download"

METHODS = {
    "integrated": "integrated gradients",
    "depth": "… through depth",
    "input_gradient": "input × gradient",
    "gradient_norm": "gradient norm",
    "occlusion": "occlusion",
}
BASELINES = {"zero": "zero", "end": "end-of-text", "mean": "mean embedding"}

HELP = Help(
    how=(
        "Each token’s attribution is its signed share of one logit: that of the token that the model finds most "
        "probable after the selected position, or of one that you choose, minus that of another if you like. Blue "
        "speaks for it, orange against it. Integrated gradients add up to F(x) − F(x′), the logit for this text minus "
        "that for a text of baselines; δ is what is missing. Through depth, the same is asked at the input of each "
        "block: what a token brought in moves on to the positions that carry it. Input × gradient and gradient norm "
        "only look at the slope at this text, occlusion at what is lost when one token becomes the baseline."
    ),
    not_said=(
        "why: attributions say what the output rests on, not for which reasons, and not what another text would give. "
        "Another baseline gives other numbers; from zeros, Llama’s kind and Gemma often do not converge, since their "
        "norms (RMSNorm) jump there: choose another. A token’s attribution holds all its paths, also those through "
        "later positions. Gradients are local: where the model is sure already, a decisive token may show little."
    ),
)


def layout() -> html.Section:
    """The text, bars and numbers; beside them blocks × tokens, where there are."""
    tokens = html.Div(
        [
            html.Div(
                id=TEXT, className="saliency-text", role="group", tabIndex=0, **{"aria-label": "The text, attributed"}
            ),
            graph(NAME, height=220, label="Bars: the attribution of each token"),
            html.Dl(id=NUMBERS, className="saliency-numbers"),
            html.Div(id=WARNING, className="saliency-warning", role="status"),
        ]
    )
    depth = html.Div(
        graph(
            NAME, id=DEPTH_GRAPH, height=400, label="Heat map of each token’s attribution at the input of each block"
        ),
        id=DEPTH,
        hidden=True,
    )
    return panel(
        NAME,
        "Saliency",
        job_bar(NAME),
        picture(NAME, html.Div([tokens, depth], className="saliency-body")),
        controls=(
            _target(),
            choice(METHOD, "Method", METHODS, "integrated"),
            choice(BASELINE, "Baseline", BASELINES, "zero"),
            html.Button(
                "JSON",
                id=EXPORT,
                type="button",
                className="quiet-button",
                title="Download all that is needed to compute this again",
            ),
            dcc.Download(id=DOWNLOAD),
        ),
        help=HELP,
        wide=True,
    )


def target_words(target: Piece, against: Piece | None, *, chosen: bool) -> str:
    """What is explained. chosen: whether a person chose the target."""
    minus = f" minus ‘{against.label}’" if against else ""
    return f"‘{target.label}’{minus}{'' if chosen else ', the most probable'}"


def actions(piece: Piece) -> list[html.Button]:
    """What can be done with a token that was found: its logit is explained, or subtracted from the one that is."""
    return [
        action("explain", f"Explain ‘{piece.label}’", **{"data-select": f"~{piece.id}"}),
        action("minus", f"Subtract the logit of ‘{piece.label}’", **sets(AGAINST, str(piece.id))),
    ]


def shaded_text(tokens: Sequence[Token], shades: Sequence[tuple[str, str]], position: int) -> list[html.Button]:
    """The running text; a click on a token selects its position. shades: CSS colours of background and text."""
    return [
        html.Button(
            token.label,
            type="button",
            className="saliency-token",
            style={"background": background, "color": color},
            title=f"position {token.position}",
            dir="auto",
            tabIndex=-1,  # the token strip does the same for the keyboard
            **{"data-select": f"@{token.position}", "aria-pressed": "true" if token.position == position else "false"},
        )
        for token, (background, color) in zip(tokens, shades, strict=True)
    ]


def numbers(pairs: Iterable[tuple[str, str]]) -> list[html.Div]:
    """Names and values, for the list of numbers."""
    return [html.Div([html.Dt(name), html.Dd(value)]) for name, value in pairs]


def _target() -> html.Div:
    return html.Div(
        [
            token_search(
                ["Explains ", html.Span(id=TARGET)],
                search=SEARCH,
                found=FOUND,
                label="Explain another token, or subtract one",
                buttons=(
                    action("most probable", "Explain the most probable token", **{"data-select": "~"}),
                    action("subtract none", "Subtract no other token’s logit", **sets(AGAINST, "")),
                ),
            ),
            dbc.Input(id=AGAINST, type="hidden", value=""),
        ]
    )
