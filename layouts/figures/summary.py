"""Figure of the most probable next tokens and its reading; the model's sizes in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from layouts.figures.drawing import Drawing
from layouts.figures.empty import empty_figure
from layouts.figures.text import counted, percent, quoted
from layouts.theme import LIGHT, MONOSPACE, Theme, axis, base_layout

if TYPE_CHECKING:
    from analysis.prediction import PredictionResult
    from analysis.summary import SummaryResult

_MAX_CHARACTERS = 14  # of a token on the axis; the hover text has all
_LONG = 0.5  # probability of a bar with room for words in it


def summary_figure(result: PredictionResult, *, theme: Theme = LIGHT) -> go.Figure:
    """One bar per token, the most probable on top, always from 0 to 100% so that blocks can be compared."""
    if not result.top:
        return empty_figure("No prediction: the logits are not finite.", theme=theme)
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
            percent(probability) + (" · next in the text" if piece.id == follows else "")
            for piece, probability in result.top
        ],
        # Beside a long bar there is no room for many words.
        "textposition": [
            "inside" if probability > _LONG and piece.id == follows else "outside" for piece, probability in result.top
        ],
        "textfont": {"color": theme.text, "size": 12},
        "insidetextfont": {"color": theme.surface},
        "insidetextanchor": "end",
        "constraintext": "none",
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
        "text": f"Whole stream · {_source(result)} · entropy {result.entropy:.1f} bits",
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
                ticktext=[piece.short(_MAX_CHARACTERS) for piece in pieces],
                tickfont={"family": MONOSPACE, "size": 13, "color": theme.text},
                autorange="reversed",
                showgrid=False,
                zeroline=False,
            ),
        ),
    )


def summary_reading(result: PredictionResult, end: PredictionResult) -> str:
    """One sentence: the prediction at the selected part, that of the output (`end`), and the text's own next token."""
    if not end.top:
        if not result.top or not result.lens:
            return f"There is no prediction {_depth(result) if result.lens else 'here'}: the logits are not finite."
        return f"{_stopped(result)}; its output is not finite."
    if result.lens:
        sentence = f"{_stopped(result)}; its real prediction is {_first(end)}"
    else:
        sentence = f"After {quoted(result.tokens[result.position].label)}, the model predicts {_first(end)}"
    if end.next is None:
        return f"{sentence}."
    follows = end.next
    return (
        f"{sentence}; the text continues with {quoted(follows.token.label)} ({percent(follows.probability)}, rank "
        f"{follows.rank:,}, surprisal {follows.surprisal:.1f} bits)."
    )


def parameter_rows(s: SummaryResult) -> list[tuple[str, str, int]]:
    """Rows of the parameter table: part, blocks × parameters per block, and parameters, which add up to the total."""
    blocks = f"{s.n_blocks} × "
    return [
        ("Token embedding", "", s.token_embedding),
        ("Position embedding", "" if s.position_embedding else "rotary (no parameters)", s.position_embedding),
        ("Attention", f"{blocks}{s.attention:,}", s.n_blocks * s.attention),
        ("MLP", f"{blocks}{s.mlp:,}", s.n_blocks * s.mlp),
        ("Norms in blocks", f"{blocks}{s.norms:,}", s.n_blocks * s.norms),
        ("Final norm", "", s.final_norm),
        ("Output head", "shared with the token embedding" if s.tied else "", s.output),
    ]


def size_words(s: SummaryResult, weights_note: str = "") -> str:
    """The model's sizes in one line. weights_note: as in `ModelInfo`."""
    return (
        f"{counted(s.n_blocks, 'block')} · {counted(s.all_heads, 'head')} ({s.n_heads} per block, {s.d_head} "
        f"dimensions each) · {counted(s.all_neurons, 'MLP neuron')} ({s.n_neurons:,} per block) · residual stream of "
        f"{s.d_model:,} dimensions ({s.residual_dimensions:,} over all blocks) · {s.memory_bytes / 1e6:,.0f} MB of "
        f"memory in float32{f' ({weights_note})' if weights_note else ''}."
    )


def _stopped(result: PredictionResult) -> str:
    return f"Would predict {_first(result)} if stopped {_depth(result)}"


def _first(result: PredictionResult) -> str:
    piece, probability = result.top[0]
    return f"{quoted(piece.label)} ({percent(probability)})"


def _source(result: PredictionResult) -> str:
    return f"logit lens {_depth(result)}" if result.lens else "the model’s output"


def _depth(result: PredictionResult) -> str:
    return "before block 0" if result.block is None else f"after block {result.block}"
