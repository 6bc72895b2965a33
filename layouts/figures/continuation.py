"""The distribution that a token was drawn from as bars, and the sentences about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from layouts.figures.drawing import Drawing
from layouts.figures.text import percent, quoted
from layouts.theme import LIGHT, MONOSPACE, Theme, axis, base_layout

if TYPE_CHECKING:
    from analysis.generation.alternatives import Alternative, AlternativesResult
    from analysis.generation.continuation import ContinuationResult
    from analysis.generation.sampling import Sampling

_LONGEST = 14  # characters of a label


def continuation_figure(result: AlternativesResult, *, theme: Theme = LIGHT) -> go.Figure:
    """Two bars for each token, before and after truncation; the token of the text is marked, and comes first if it is
    not among the most probable ones.
    """
    ranked = result.top
    rows = ranked if ranked[-1].rank <= len(ranked) else (ranked[-1], *ranked[:-1])
    labels = [_label(one, result, theme) for one in rows]
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "x": np.array([getattr(one, which) for one in rows], dtype=np.float32),
            "y": list(range(len(rows))),
            "offsetgroup": which,
            "marker": {"color": color},
            "hovertext": [_hover(one) for one in rows],
            "hoverinfo": "text",
        }
        for which, name, color in (("before", "before truncation", theme.quiet), ("after", "after", theme.accent))
    ]
    layout = base_layout(
        theme,
        margin={"l": 8, "r": 8, "t": 22, "b": 4},
        barmode="group",
        bargap=0.2,
        hovermode="y",
        meta={"rows": len(rows)},  # of which the page draws as many as have room
        showlegend=True,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "font": {"size": 11}},
        xaxis=axis(
            theme, nticks=5, tickformat=".0%", range=[0, 1.05 * max(max(one.before, one.after) for one in rows)]
        ),
        yaxis=axis(
            theme,
            tickmode="array",
            tickvals=list(range(len(rows))),
            ticktext=labels,
            tickfont={"family": MONOSPACE, "size": 11, "color": theme.quiet},
            range=[len(rows) - 0.5, -0.5],
            showgrid=False,
            zeroline=False,
        ),
    )
    return Drawing(data=bars, layout=layout)


def continuation_reading(result: AlternativesResult) -> str:
    """One or two sentences on the token's probability and rank, and on what truncation does to it."""
    own, sampling = result.own, result.sampling
    label = quoted(result.token.label)
    begin = f"{label} had {percent(own.before)}, rank {own.rank:,} of {result.n_vocab:,}."
    if sampling.greedy:
        best = quoted(result.top[0].piece.label)
        return f"{begin} Greedy always takes the first, {best}." if own.after == 0 else f"{begin} Greedy takes it."
    kept = "all tokens are kept" if result.n_kept == result.n_vocab else f"{result.n_kept:,} tokens are kept"
    if own.after == 0:
        return f"{begin} With {settings_words(sampling)}, {kept}, and it is not among them."
    return f"{begin} With {settings_words(sampling)}, {kept}, and it has {percent(own.after)}."


def written_reading(result: ContinuationResult) -> str:
    """How many tokens have been written so far, and why there are no more."""
    n = len(result.written)
    count = "1 token" if n == 1 else f"{n:,} tokens"
    why = {
        "end token": ", up to the end of the text, which the model has written itself",
        "limit": ", up to the longest text that is read here",
    }
    return f"Written: {count}{why.get(result.end, '')}."


def settings_words(sampling: Sampling) -> str:
    """How tokens are chosen, in words: `greedy`, or `temperature 0.8, top-k 40, seed 1`."""
    if sampling.greedy:
        return "greedy"
    parts = [f"temperature {sampling.temperature:g}"]
    parts += [f"top-k {sampling.top_k:,}"] if sampling.top_k else []
    parts += [f"top-p {sampling.top_p:g}"] if sampling.top_p < 1 else []
    return ", ".join(parts)


def written_hover(label: str, probability: float, rank: int) -> str:
    """A written token's label, probability and rank, for its tooltip."""
    return f"{label} · probability {percent(probability)}, rank {rank:,}"


def _label(one: Alternative, result: AlternativesResult, theme: Theme) -> str:
    label = one.piece.short(_LONGEST)
    if one.piece.id != result.token.id:
        return label
    return f'<span style="color:{theme.accent2}"><b>{label}</b></span>'


def _hover(one: Alternative) -> str:
    after = f"{percent(one.after)} after truncation" if one.after else "cut off by truncation"
    return f"<b>{one.piece.markup}</b> (rank {one.rank:,})<br>{percent(one.before)} before, {after}"
