"""Picture of the most probable next tokens, and the sentence on them; the model's sizes in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from layouts.figures.drawing import Drawing
from layouts.figures.text import percent
from layouts.theme import LIGHT, MONOSPACE, Theme, axis, base_layout

if TYPE_CHECKING:
    from analysis.prediction import PredictionResult
    from analysis.summary import SummaryResult

_LONGEST = 14  # characters of a token; the hover has all


def summary_figure(result: PredictionResult, *, theme: Theme = LIGHT) -> go.Figure:
    """One bar a token, the most probable on top, always from 0 to 100 % so that blocks can be compared by eye."""
    pieces = [piece for piece, _ in result.top]
    probabilities = np.array([probability for _, probability in result.top], dtype=np.float32)
    follows = result.next.token.id if result.next else None
    rows = np.arange(len(pieces), dtype=np.uint8)
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": probabilities,
        "y": rows,
        "text": [
            percent(probability) + (" · the text’s next" if piece.id == follows else "")
            for piece, probability in result.top
        ],
        "textposition": "outside",
        "textfont": {"color": theme.text, "size": 12},
        "cliponaxis": False,
        "marker": {"color": theme.accent},
        "customdata": [f"~{piece.id}" for piece in pieces],
        "hovertext": [
            f"<b>{piece.markup}</b> (token id {piece.id})<br>logit {logit:.2f}"
            for piece, logit in zip(pieces, result.logits, strict=True)
        ],
        "hovertemplate": "%{hovertext}<br>probability %{x:.2%}<extra></extra>",
    }
    title = {
        "text": f"Next token · {_source(result)} · entropy {result.entropy:.1f} bits",
        "x": 0,
        "xref": "container",
        "y": 1,
        "yref": "container",
        "yanchor": "top",
        "pad": {"t": 2},
        "font": {"size": 12, "color": theme.quiet},
    }
    return Drawing(
        data=[bars],
        layout=base_layout(
            theme,
            margin={"l": 8, "r": 8, "t": 22, "b": 0},
            bargap=0.3,
            title=title,
            xaxis=axis(theme, range=[0, 1.35], visible=False, automargin=False),
            yaxis=axis(
                theme,
                tickmode="array",
                tickvals=rows,
                ticktext=[piece.short(_LONGEST) for piece in pieces],
                tickfont={"family": MONOSPACE, "size": 13, "color": theme.text},
                autorange="reversed",
                showgrid=False,
                zeroline=False,
            ),
        ),
    )


def summary_reading(result: PredictionResult, end: PredictionResult) -> str:
    """One sentence: what is predicted at the selected place and, by `end`, at the output, and how the text goes on."""
    if result.lens:
        sentence = f"{_place(result)} the logit lens says {_first(result)}, in the end the model says {_first(end)}"
    else:
        sentence = f"After ‘{result.tokens[result.position].label}’ the model says {_first(end)}"
    if end.next is None:
        return f"{sentence}."
    follows = end.next
    return (
        f"{sentence}; the text goes on with ‘{follows.token.label}’ ({percent(follows.probability)}, rank "
        f"{follows.rank:,}, {follows.surprisal:.1f} bits of surprisal)."
    )


def parameter_rows(s: SummaryResult) -> list[tuple[str, str, int]]:
    """Parts of the model: what each is, how it is counted, and its parameters, which add up to the total."""
    each = f"{s.n_blocks} × "
    return [
        ("Token embedding", "", s.token_embedding),
        ("Position embedding", "" if s.position_embedding else "rotations, not learned", s.position_embedding),
        ("Attention", f"{each}{s.attention:,}", s.n_blocks * s.attention),
        ("MLP", f"{each}{s.mlp:,}", s.n_blocks * s.mlp),
        ("Norms in blocks", f"{each}{s.norms:,}", s.n_blocks * s.norms),
        ("Final norm", "", s.final_norm),
        ("Output head", "the token embedding’s" if s.tied else "", s.output),
    ]


def size_words(s: SummaryResult) -> str:
    """The model's sizes in one line."""
    return (
        f"{s.n_blocks} blocks · {s.all_heads:,} heads, {s.n_heads} a block, {s.d_head} wide · {s.all_neurons:,} "
        f"MLP neurons, {s.n_neurons:,} a block · residual stream {s.d_model:,} wide, {s.residual_dimensions:,} "
        f"dimensions over all blocks · {s.memory_bytes / 1e6:,.0f} MB of memory in float32."
    )


def _first(result: PredictionResult) -> str:
    piece, probability = result.top[0]
    return f"‘{piece.label}’ ({percent(probability)})"


def _source(result: PredictionResult) -> str:
    return f"logit lens {_place(result).lower()}" if result.lens else "the model’s output"


def _place(result: PredictionResult) -> str:
    return "Before block 0" if result.block is None else f"After block {result.block}"
