"""The token strip's colours, tooltips, arcs and reading. The strip is HTML, so there is no figure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from layouts.figures.shade import shade
from layouts.figures.text import percent, quoted
from layouts.theme import LIGHT, ColorScale, Theme

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.strip import StripResult

MIN_WEIGHT = 0.02  # attention weights below it have no arc
MOST_BITS = 12  # upper end of the colour scale: one chance in 4,096


def strip_colors(result: StripResult, *, theme: Theme = LIGHT) -> list[tuple[str, str]]:
    """CSS colours of each token's background and text; a token without a surprisal is not shaded."""
    return [
        ("transparent", theme.text) if np.isnan(bits) else shade(theme.probabilities, float(bits) / MOST_BITS, theme)
        for bits in result.surprisal
    ]


def strip_legend(*, theme: Theme = LIGHT) -> tuple[ColorScale, str, str]:
    """The colour scale, and the labels of its low and its high end."""
    return theme.probabilities, "0", f"{MOST_BITS} bits or more"


def strip_hover(result: StripResult, position: int) -> str:
    """A token's label, position, id and surprisal, for its tooltip."""
    token = result.tokens[position]
    if position == 0:
        numbers = "no surprisal, since nothing comes before it"
    elif np.isnan(result.surprisal[position]):
        numbers = "no surprisal: the logits before it are not finite"
    else:
        rank = f"rank {result.ranks[position]:,} of {result.n_vocab:,}"
        chance = percent(result.probabilities[position])
        numbers = f"surprisal {result.surprisal[position]:.1f} bits · probability {chance}, {rank}"
    origin = " · from the chat template" if token.template else " · written after the text" if token.written else ""
    return f"{token.label} · position {position} · token id {token.id}{origin} · {numbers}"


def strip_reading(result: StripResult, position: int) -> str:
    """One or two sentences on the selected token's surprisal, with its numbers."""
    label, bits = quoted(result.tokens[position].label), result.surprisal[position]
    if len(result.tokens) == 1:
        return f"{label} is the only token. Nothing comes before it, so it has no surprisal."
    rest = result.surprisal[1:]
    if np.isnan(rest).all():
        return "No token has a surprisal: the logits are not finite."
    known = np.isfinite(rest)
    average = f"The text’s average is {rest[known].mean():.1f} bits"
    top = 1 + int(np.where(known, rest, -1).argmax())
    if position == 0:
        sentence = f"{label} has no surprisal, since nothing comes before it."
    elif np.isnan(bits):
        sentence = f"{label} has no surprisal: the logits before it are not finite."
    else:
        sentence = (
            f"The model gave {label} {percent(result.probabilities[position])} (rank {result.ranks[position]:,} of "
            f"{result.n_vocab:,}, surprisal {bits:.1f} bits)."
        )
    if position == top:
        return f"{sentence} {average}; no token is more surprising."
    peak = f"{quoted(result.tokens[top].label)} ({result.surprisal[top]:.1f} bits)"
    return f"{sentence} {average}; most surprising is {peak}."


def strip_arcs(weights: NDArray[np.float32] | None) -> str:
    """The arcs of attention for the page's script: a JSON list of positions with their weights; empty if no head is
    selected.
    """
    if weights is None:
        return ""
    keys = np.flatnonzero(weights >= MIN_WEIGHT).tolist()
    return json.dumps([[key, round(float(weights[key]), 3)] for key in keys])


def strip_attention_reading(weights: NDArray[np.float32] | None) -> str:
    """The share of attention on the first token, which many heads rest on; empty if no head is selected."""
    if weights is None:
        return ""
    if len(weights) == 1:
        return "Arcs: attention. The first token can attend only to itself."
    if not np.isfinite(weights).all():
        return "No arcs: this attention is not finite."
    return f"Arcs: attention, {percent(float(weights[0]))} of it on the first token."
