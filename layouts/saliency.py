"""The saliency panel: which tokens push the logit of the predicted token up, and which push it down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from layouts.glossary import marked
from layouts.job import job_bar, picture
from layouts.panel import Help, choice, graph, panel
from layouts.target import target_choice
from layouts.token_search import action, sets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.tokens import Token

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
REASON = "saliency-reason"
PATH = "saliency-path"
PATH_GRAPH = "saliency-path-graph"
DEPTH = "saliency-depth"
DEPTH_GRAPH = "saliency-depth-graph"

METHODS = {
    "integrated": "integrated gradients",
    "depth": "integrated gradients, per block",
    "input_gradient": "input × gradient",
    "gradient_norm": "gradient norm",
    "occlusion": "occlusion",
}
BASELINES = {
    "mean": "baseline: mean embedding",
    "end": "baseline: start token",
    "zero": "baseline: zero vector",
}
_REASONS = {
    "mean": (
        "Compared with the mean embedding of the vocabulary, the default: it stands for no token in particular, and "
        "the path from it to the text is finite in every model."
    ),
    "end": "Compared with the start token at every position.",
    "zero": "Compared with a zero vector at every position.",
    "singular zero": (
        "Not a fair baseline for this model: its norms have no biases, so they give even the smallest vector its full "
        "length, and nearly all of the change from zero happens right next to zero. Choose the mean embedding."
    ),
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
        "Integrated gradients follow the logit along a straight path from a baseline to this text, so they should add "
        "up to F(x) − F(x′), its change along the path; δ is the amount that is missing. The path is cut into segments "
        "until the certificate, the sum of the errors of all segments, is at most 1 % of that change. Above 5 % the "
        "attributions are no answer: they are hatched, and occlusion and input × gradient, which need no path, are "
        "offered instead. Per block, the same is computed at the input of each block, where a token’s contribution has "
        "moved on to the positions that carry it. Input × gradient and gradient norm use only the slope at this text; "
        "occlusion is the drop when one token is replaced by the baseline. A token’s attribution includes all its "
        "paths, also those through later positions, and where the model is already sure, a decisive token may get "
        "little. In A − B, the upper bars are the attributions in A (blue) and in B (orange), the lower ones their "
        "difference."
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
            html.Div(
                graph(NAME, id=PATH_GRAPH, label="Line: the logit on the path from the baseline to the text"),
                id=PATH,
                className="saliency-path",
                hidden=True,
            ),
            html.Dl(id=NUMBERS, className="saliency-numbers"),
            html.P(id=REASON, className="saliency-reason"),
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
            target_choice(target=TARGET, search=SEARCH, found=FOUND, against=AGAINST),
            choice(METHOD, "Method", METHODS, "integrated"),
        ),
        more=(choice(BASELINE, "Baseline", BASELINES, "mean"),),
        help=HELP,
    )


def baseline_options(*, singular: bool) -> list[dict[str, str]]:
    """The menu of baselines. singular: whether the path from zero is singular in this model."""
    words = BASELINES | ({"zero": "zero vector (not for this model)"} if singular else {})
    return [{"value": value, "label": label} for value, label in words.items()]


def baseline_reason(baseline: str, *, singular: bool) -> str:
    """What tokens are compared with, and why. singular: as for `baseline_options`."""
    return _REASONS["singular zero" if singular and baseline == "zero" else baseline]


def warning(words: str, *, offer_others: bool) -> list[Any]:
    """A warning; offer_others: with buttons for methods that need no path."""
    buttons = [
        action(METHODS[method], f"Compute {METHODS[method]} instead", **sets(METHOD, method))
        for method in ("occlusion", "input_gradient")
    ]
    return [html.Span(words), *(buttons if offer_others else [])]


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
