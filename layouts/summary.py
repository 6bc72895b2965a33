"""The selection card: what is selected, how large it is, what is predicted there, and plain controls to move on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import html

from layouts.figures.summary import parameter_rows, size_words
from layouts.figures.text import percent
from layouts.panel import Help, graph, panel

if TYPE_CHECKING:
    from analysis.summary import SummaryResult

NAME = "summary"
PART = "summary-part"
PARAMETERS = "summary-parameters"
MENU = "summary-menu"
PLACE = "summary-place"
UNIT = "summary-unit"
LAYERS = ("summary-attention", "summary-mlp")
STEPS = ("summary-previous", "summary-next", "summary-unit-previous", "summary-unit-next")

ENDS = {"embedding": "Token embedding", "norm": "Final norm", "output": "Output"}

HELP = Help(
    how=(
        "The bars are the tokens that the model finds most probable to come next, read at the selected place. Inside "
        "the network this is the logit lens: the output head reads the residual stream after the selected block, "
        "through the final norm, as if the remaining blocks did not exist. At the final norm and the output it is what "
        "the model really predicts. "
        "‹ and › walk through the parts, and so do the arrow keys: ←/→ for blocks, ↑/↓ for heads and neurons."
    ),
    not_said=(
        "what a single head or neuron predicts: the lens always reads the whole stream. Nonsense in "
        "early blocks need not mean that nothing is known there: the stream may hold it in a form that the output head "
        "cannot read yet."
    ),
)


def layout() -> html.Section:
    """Controls, predictions, the selected part in words, and the table of parameters."""
    section = panel(
        NAME,
        "Selection",
        graph(NAME, height=150, label="Bars of the most probable next tokens at the selected place"),
        html.Div(id=PART, className="summary-part"),
        html.Details(
            [html.Summary("Parameters by part"), html.Div(id=PARAMETERS)], open=True, className="summary-more"
        ),
        controls=(_controls(),),
        help=HELP,
    )
    section.tabIndex = 0
    return section


def _controls() -> html.Div:
    previous, following, unit_previous, unit_following = STEPS
    attention, mlp = LAYERS
    return html.Div(
        [
            html.Div(
                [
                    _step(previous, "block", -1, "Previous block"),
                    html.Span(id=PLACE),
                    _step(following, "block", 1, "Next block"),
                ],
                className="summary-stepper",
            ),
            html.Div(
                [
                    _button(attention, "attention", "The block’s attention", **{"data-layer": "attention"}),
                    _button(mlp, "MLP", "The block’s MLP", **{"data-layer": "mlp"}),
                ],
                className="summary-layers",
            ),
            html.Div(
                [
                    _step(unit_previous, "unit", -1, "Previous head or neuron"),
                    html.Span(id=UNIT),
                    _step(unit_following, "unit", 1, "Next head or neuron"),
                ],
                className="summary-stepper",
            ),
            dbc.DropdownMenu(id=MENU, label="Go to", color="light", size="sm", align_end=True),
        ],
        className="summary-steps",
        role="group",
        **{"aria-label": "Move the selection"},
    )


def _step(id: str, along: str, by: int, title: str) -> html.Button:
    return _button(id, "‹" if by < 0 else "›", title, **{"data-along": along, "data-by": str(by)})


def _button(id: str, words: str, title: str, **marks: str) -> html.Button:
    # Never `disabled`, also where there is nowhere to go: the focus, and with it the arrow keys, would be lost.
    named = {"aria-label": title, **marks}
    return html.Button(words, id=id, type="button", className="quiet-button", title=title, **named)


def menu(n_blocks: int) -> list[html.Div]:
    """All parts of a model, to choose from."""
    blocks = [
        (f"block.{block}.{part}", f"Block {block} · {words}")
        for block in range(n_blocks)
        for part, words in (("attention", "attention"), ("mlp", "MLP"))
    ]
    places = [("embedding", ENDS["embedding"]), *blocks, ("norm", ENDS["norm"]), ("output", ENDS["output"])]
    # Around the item, since a key's click has the item itself as its target.
    return [html.Div(dbc.DropdownMenuItem(words), **{"data-select": text}) for text, words in places]


def described(key: str, summary: SummaryResult, own: int) -> list[Any]:
    """What a part is, its shape, and its parameters. key: its kind, or `head` or `neuron`. own: those of its own."""
    share = f"{percent(own / summary.n_parameters)} of the model"
    note = _shared(key, summary)
    count = f"{own:,} parameters ({share})" if own else "no parameters of its own"
    if key in ("attention", "mlp"):
        count += f", as in each of the {summary.n_blocks} blocks"
    return [
        html.P(_what(key, summary)),
        html.P([html.Span(_shape(key, summary), className="summary-shape"), f" · {count}{note}."]),
    ]


def parameter_table(s: SummaryResult, *, untrained: bool = False) -> list[Any]:
    """Parameters by part, which add up to the total; and the model's sizes."""
    head = [
        html.Th("Part", scope="col"),
        *(html.Th(w, scope="col", className="number") for w in ("blocks × each", "in all", "share")),
    ]
    return [
        html.Table(
            [
                html.Thead(html.Tr(head)),
                html.Tbody([_row(*row, row[2] / s.n_parameters) for row in parameter_rows(s)]),
                html.Tfoot(_row("All", "", s.n_parameters, 1.0)),
            ],
            className="summary-table",
        ),
        html.P(
            size_words(s) + (" The weights were never trained: they are random numbers." if untrained else ""),
            className="summary-sizes",
        ),
    ]


def _row(words: str, detail: str, count: int, share: float) -> html.Tr:
    cells = (detail, f"{count:,}", percent(share))
    return html.Tr([html.Th(words, scope="row"), *(html.Td(cell, className="number") for cell in cells)])


def _what(key: str, s: SummaryResult) -> str:
    positions = (
        "and adds one for its position"
        if s.position_embedding
        else "(positions are told later, by rotating queries and keys inside the attention)"
    )
    normed = ", after one more norm" if s.written_through_norm else ""
    return {
        "embedding": f"Looks up a learned vector for each token {positions}: what enters block 0.",
        "attention": (
            f"{s.n_heads} heads that read the residual stream through a norm, fetch information from this and earlier "
            f"positions, and add it to the stream{normed}: the only place where positions meet."
        ),
        "head": (
            "Its queries and keys decide how much each token looks at itself and earlier ones; its values say what is "
            f"fetched from there, and its output map adds it to the stream{normed}."
        ),
        "mlp": (
            f"Works on each position alone: reads the residual stream through a norm into {s.n_neurons:,} neurons, "
            f"each of which adds its own vector to the stream as strongly as it is active{normed}."
        ),
        "neuron": (
            "Its input weights say which direction of the normed residual stream makes it active"
            + (" (two of them, multiplied: one is the gate)" if s.gated else "")
            + f"; its output weights are the vector that it then adds to the stream{normed}."
        ),
        "norm": (
            "Brings each position’s vector to one size for the output head, and rescales its dimensions by learned "
            "factors; a LayerNorm, unlike an RMSNorm, also removes the mean and adds a learned bias."
        ),
        "output": (
            "Multiplies the normed vector with each token’s own vector"
            + (", adds a number of each token’s own" if s.output_bias else "")
            + (f", and bends the results so that none reaches ±{s.logit_cap:g}" if s.logit_cap else "")
            + ": the logits, whose softmax is the prediction."
        ),
    }[key]


def _shape(key: str, s: SummaryResult) -> str:
    rows = s.position_embedding // s.d_model  # OPT has two more than positions
    positions = f" + {rows:,} positions × {s.d_model:,}" if rows else ""
    return {
        "embedding": f"{s.n_vocab:,} tokens × {s.d_model:,}{positions}",
        "attention": f"{s.d_model:,} → {s.n_heads} × {s.d_head} → {s.d_model:,}",
        "head": f"{s.d_model:,} → {s.d_head} → {s.d_model:,}",
        "mlp": f"{s.d_model:,} → {s.n_neurons:,} → {s.d_model:,}",
        "neuron": f"{s.d_model:,} → 1 → {s.d_model:,}",
        "norm": f"{s.d_model:,} → {s.d_model:,}",
        "output": f"{s.d_model:,} → {s.n_vocab:,} logits",
    }[key]


def _shared(key: str, s: SummaryResult) -> str:
    if key == "head":
        return _shared_by_heads(s)
    if key == "neuron" and s.mlp_shared:
        return f"; the output bias ({s.mlp_shared:,}) belongs to all neurons together"
    if key == "output" and s.tied:
        return f": it uses the token embedding’s {s.token_embedding:,}"
    return ""


def _shared_by_heads(s: SummaryResult) -> str:
    words = ""
    if s.key_value:
        words += f"; {s.key_value:,} more for keys and values, shared by {s.n_heads // s.n_key_value_heads} heads"
    if s.attention_shared:
        what = "output bias, or norms of queries and keys"
        words += f"; {s.attention_shared:,} more ({what}) belong to all heads together"
    return words
