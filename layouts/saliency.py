"""The saliency panel: which tokens push the logit of the predicted token up, and which push it down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dash_bootstrap_components as dbc
from dash import dcc, html

from layouts.figures.text import quoted
from layouts.glossary import marked
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
    "depth": "integrated gradients, per block",
    "input_gradient": "input × gradient",
    "gradient_norm": "gradient norm",
    "occlusion": "occlusion",
}
BASELINES = {
    "zero": "baseline: zero vector",
    "end": "baseline: end-of-text token",
    "mean": "baseline: mean embedding",
}

HELP = Help(
    shows=(
        "Which tokens made the model predict this one: each bar is a token’s attribution, its share of the explained "
        "logit."
    ),
    how=(
        "Blue pushes the logit up, orange pushes it down. The most probable next token is explained, unless you choose "
        "another."
    ),
    not_shown="Why the model does so, or what another text would give; another method or baseline gives other numbers.",
    detail=(
        "Integrated gradients should add up to F(x) − F(x′): the logit for this text minus the logit for a text of "
        "baselines; δ is the amount that is missing. Per block, the same is computed at the input of each block, where "
        "a token’s contribution has moved on to the positions that carry it. Input × gradient and gradient norm use "
        "only the slope at this text; occlusion is the drop when one token is replaced by the baseline. From the zero "
        "baseline, models with RMSNorm (such as Llama and Gemma) often do not converge, since the norm changes "
        "abruptly near zero: choose another baseline. A token’s attribution includes all its paths, also those through "
        "later positions, and where the model is already sure, a decisive token may get little."
    ),
)


def layout() -> html.Section:
    """The bars, or where the method gives them, blocks × tokens; beside or below them, the text and the numbers."""
    details = html.Div(
        [
            html.Div(
                id=TEXT,
                className="saliency-text",
                role="group",
                tabIndex=0,
                **{"aria-label": "Text, shaded by attribution"},
            ),
            html.Div(id=WARNING, className="saliency-warning", role="status"),
            html.Dl(id=NUMBERS, className="saliency-numbers"),
        ],
        className="saliency-details",
    )
    bars = graph(NAME, label="Bar chart: attribution of each token")
    depth = html.Div(
        graph(NAME, id=DEPTH_GRAPH, label="Heat map: attribution of each token at the input of each block"),
        id=DEPTH,
        className="panel-picture",
        hidden=True,
    )
    return panel(
        NAME,
        "Saliency",
        picture(NAME, html.Div([depth, bars, details], className="saliency-body")),
        status=job_bar(NAME),
        controls=(
            _target(),
            choice(METHOD, "Method", METHODS, "integrated"),
        ),
        more=(
            choice(BASELINE, "Baseline", BASELINES, "zero"),
            html.Button(
                "JSON",
                id=EXPORT,
                type="button",
                className="quiet-button",
                title="Download the numbers and all settings as JSON",
            ),
            dcc.Download(id=DOWNLOAD),
        ),
        help=HELP,
    )


def target_words(target: Piece, against: Piece | None, *, chosen: bool) -> str:
    """The explained logit in words. chosen: whether the target was chosen, not the most probable token by default."""
    minus = f" minus {quoted(against.label)}" if against else ""
    return f"{quoted(target.label)}{'' if chosen else ' (most probable)'}{minus}"


def actions(piece: Piece) -> list[html.Button]:
    """The buttons of a search result: explain the token's logit, or subtract it from the explained one."""
    return [
        action("explain", f"Explain {quoted(piece.label)}", **{"data-select": f"~{piece.id}"}),
        action("subtract", f"Subtract the logit of {quoted(piece.label)}", **sets(AGAINST, str(piece.id))),
    ]


def shaded_text(tokens: Sequence[Token], shades: Sequence[tuple[str, str]], position: int) -> list[html.Button]:
    """The text as running tokens; a click selects a position. shades: CSS colours of background and text."""
    return [
        html.Button(
            token.label,
            type="button",
            className="saliency-token",
            style={"background": background, "color": color},
            title=f"position {token.position}",
            dir="auto",
            tabIndex=-1,  # keyboard users have the token strip
            **{"data-select": f"@{token.position}", "aria-pressed": "true" if token.position == position else "false"},
        )
        for token, (background, color) in zip(tokens, shades, strict=True)
    ]


def numbers(pairs: Iterable[tuple[str, str]]) -> list[html.Div]:
    """The entries of the list of numbers."""
    seen: set[str] = set()
    return [html.Div([html.Dt(marked(name, seen)), html.Dd(value)]) for name, value in pairs]


def _target() -> html.Div:
    return html.Div(
        [
            token_search(
                ["Explains ", html.Span(id=TARGET)],
                search=SEARCH,
                found=FOUND,
                label="Search for a token to explain or to subtract",
                buttons=(
                    action("explain most probable", "Explain most probable token", **{"data-select": "~"}),
                    action("subtract none", "Subtract none: explain one logit", **sets(AGAINST, "")),
                ),
            ),
            dbc.Input(id=AGAINST, type="hidden", value=""),
        ]
    )
