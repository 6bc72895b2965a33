"""The selection card: the selected part, its size, the prediction there, and buttons that move the selection."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import html

from layouts.element import element
from layouts.figures.summary import parameter_rows, size_words
from layouts.figures.text import counted, percent
from layouts.find_heads import find_heads
from layouts.glossary import explained_json, marked
from layouts.panel import Help, graph, panel

if TYPE_CHECKING:
    from analysis.summary import SummaryResult

NAME = "summary"
ROLE = "summary-role"
SCORES = "summary-scores"
PART = "summary-part"
PARAMETERS = "summary-parameters"
MENU = "summary-menu"
PLACE = "summary-place"
UNIT = "summary-unit"
LAYERS = ("summary-attention", "summary-mlp")
STEPS = ("summary-previous", "summary-next", "summary-unit-previous", "summary-unit-next")

ENDS = {"embedding": "Token embedding", "norm": "Final norm", "output": "Output"}

HELP = Help(
    shows=(
        "What the selected head or neuron does here, and, as bars, what the model would predict if it stopped at its "
        "block (logit lens)."
    ),
    how=(
        "The longer a bar, the more probable the token. ‹ and › move the selection, and so do ←/→ for blocks and ↑/↓ "
        "for heads and neurons."
    ),
    not_shown="What a head or neuron is for in general: its scores and tokens are those of one text and one probe.",
    detail=(
        "The logit lens applies the final norm and the output head to the residual stream after the selected block, as "
        "if the remaining blocks did not exist; at the final norm and at the output, the bars are the model’s real "
        "prediction. Nonsense in early blocks need not mean that nothing is known there: the stream may hold it in a "
        "form that the output head cannot read yet. The bars are those of the whole residual stream, not of the "
        "selected head or neuron. What that alone raises or lowers is its direct attribution: its output, through the "
        "final norm (with the scale that the norm has here) and the output head; later blocks may change it. Scores "
        "are mean shares of a head’s attention, on this text and on 50 random tokens that are repeated once; the "
        "copying score belongs to the head’s weights. In A − B, the bars are both predictions, with their difference "
        "in percentage points beside them; scores and tokens of heads are left out."
    ),
)


def layout() -> html.Section:
    """Controls, predictions, the selected part in words, and the table of parameters."""
    section = panel(
        NAME,
        "Selection",
        _controls(),
        graph(NAME, label="Bar chart: most probable next tokens at the selected part"),
        html.Div(id=ROLE, className="summary-role"),
        html.Div(id=SCORES),
        html.Div(id=PART, className="summary-part"),
        html.Details([html.Summary("Parameters by part"), html.Div(id=PARAMETERS)], className="summary-more"),
        controls=(find_heads(), dbc.DropdownMenu(id=MENU, label="Go to", color="light", size="sm", align_end=True)),
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
        ],
        className="summary-steps",
        role="group",
        **{"aria-label": "Move the selection"},
    )


def _step(id: str, along: str, by: int, title: str) -> html.Button:
    return _button(id, "‹" if by < 0 else "›", title, **{"data-along": along, "data-by": str(by)})


def _button(id: str, words: str, title: str, **marks: str) -> html.Button:
    # Never `disabled`, not even at the first and last part: the button would lose the focus, and so the arrow keys.
    named = {"aria-label": title, **marks}
    return html.Button(words, id=id, type="button", className="quiet-button", title=title, **named)


def menu(n_blocks: int) -> list[html.Div]:
    """The entries of the "Go to" menu: all parts of a model."""
    blocks = [
        (f"block.{block}.{part}", f"Block {block} · {words}")
        for block in range(n_blocks)
        for part, words in (("attention", "attention"), ("mlp", "MLP"))
    ]
    parts = [("embedding", ENDS["embedding"]), *blocks, ("norm", ENDS["norm"]), ("output", ENDS["output"])]
    # On an element around the item: a click by keyboard has the item itself as its target.
    return [html.Div(dbc.DropdownMenuItem(words), **{"data-select": text}) for text, words in parts]


@lru_cache(maxsize=64)
def part_description(key: str, summary: SummaryResult, own: int) -> tuple[Any, ...]:
    """A part's function, shape and parameters. key: its kind, or `head` or `neuron`. own: its own parameters."""
    if own:
        count = f"{counted(own, 'parameter')} ({percent(own / summary.n_parameters)} of the model)"
    else:
        count = "no parameters of its own"
    if key in ("attention", "mlp") and summary.n_blocks > 1:
        count += f", the same in each of the {summary.n_blocks} blocks"
    count += _shared(key, summary)
    return (
        element("P", marked(_function(key, summary), mark=explained_json)),
        element("P", [element("Span", _shape(key, summary), className="summary-shape"), f" · {count}."]),
    )


def parameter_table(s: SummaryResult, *, untrained: bool = False, weights_note: str = "") -> list[Any]:
    """The table of parameters by part, which add up to the total, and the model's sizes."""
    head = [
        html.Th("Part", scope="col"),
        *(html.Th(w, scope="col", className="number") for w in ("blocks × per block", "total", "share")),
    ]
    return [
        html.Table(
            [
                html.Thead(html.Tr(head)),
                html.Tbody([_row(*row, row[2] / s.n_parameters) for row in parameter_rows(s)]),
                html.Tfoot(_row("Total", "", s.n_parameters, 1.0)),
            ],
            className="summary-table",
        ),
        html.P(
            size_words(s, weights_note) + (" Untrained model: its weights are random." if untrained else ""),
            className="summary-sizes",
        ),
    ]


def sizes_compared(a: SummaryResult, b: SummaryResult, names: tuple[str, str]) -> html.Table:
    """The sizes of the models of A and B side by side. names: of the models."""
    rows = [
        ("blocks", a.n_blocks, b.n_blocks),
        ("heads per block", a.n_heads, b.n_heads),
        ("MLP neurons per block", a.n_neurons, b.n_neurons),
        ("dimensions of the residual stream", a.d_model, b.d_model),
        ("tokens in the vocabulary", a.n_vocab, b.n_vocab),
        ("parameters", a.n_parameters, b.n_parameters),
    ]
    head = [html.Th("Model", scope="col")]
    head += [
        html.Th(f"{side}: {name}", scope="col", className="number") for side, name in zip("AB", names, strict=True)
    ]
    body = [
        html.Tr([html.Th(words, scope="row"), *(html.Td(f"{count:,}", className="number") for count in counts)])
        for words, *counts in rows
    ]
    return html.Table([html.Thead(html.Tr(head)), html.Tbody(body)], className="summary-table")


def _row(words: str, detail: str, count: int, share: float) -> html.Tr:
    cells = (detail, f"{count:,}", percent(share))
    return html.Tr([html.Th(marked(words), scope="row"), *(html.Td(cell, className="number") for cell in cells)])


def _function(key: str, s: SummaryResult) -> str:
    positions = (
        "and adds a learned vector for its position"
        if s.position_embedding
        else "(positions enter later: attention rotates queries and keys by them)"
    )
    normed = ", after one more norm" if s.written_through_norm else ""
    return {
        "embedding": f"Looks up a learned vector for each token {positions}. The result enters block 0.",
        "attention": (
            f"Reads the residual stream through a norm into {counted(s.n_heads, 'head')}; each fetches information "
            f"from this and earlier positions and adds it to the stream{normed}. Only here do positions exchange "
            "information."
        ),
        "head": (
            "Its queries and keys decide how much each token attends to itself and to earlier ones. Its values are "
            f"what it fetches from them, and its output map adds the result to the residual stream{normed}."
        ),
        "mlp": (
            f"Works on each position alone. It reads the residual stream through a norm into {s.n_neurons:,} neurons; "
            f"each adds its own vector to the stream in proportion to its value{normed}."
        ),
        "neuron": (
            "Its input weights are the direction of the normed residual stream that makes it active"
            + (" (two of them, multiplied: one is the gate)" if s.gated else "")
            + f". Its output weights are the vector that it then adds to the stream{normed}."
        ),
        "norm": (
            "Scales each position’s vector to a common size for the output head and multiplies each dimension by a "
            "learned factor. A LayerNorm also removes the mean and adds a learned bias; an RMSNorm does not."
        ),
        "output": (
            "Multiplies the normed vector with each token’s own vector"
            + (", adds a bias for each token" if s.output_bias else "")
            + (f", and keeps the results within ±{s.logit_cap:g} (soft-capping)" if s.logit_cap else "")
            + ". This gives the logits; their softmax is the prediction."
        ),
    }[key]


def _shape(key: str, s: SummaryResult) -> str:
    rows = s.position_embedding // s.d_model  # OPT's table has two more rows than positions
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
        return f"; the output bias ({s.mlp_shared:,}) is shared by all neurons"
    if key == "output" and s.tied:
        return f"; it shares the token embedding’s {s.token_embedding:,}"
    return ""


def _shared_by_heads(s: SummaryResult) -> str:
    words = ""
    if s.key_value:
        words += f"; {s.key_value:,} more for keys and values, shared by {s.n_heads // s.n_key_value_heads} heads"
    if s.attention_shared:
        what = "output bias, norms of queries and keys"
        words += f"; {s.attention_shared:,} more ({what}) for all heads together"
    return words
