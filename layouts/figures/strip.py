"""The token strip's colours and its sentence. The strip itself is HTML, so there is no figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layouts.figures.shade import shade
from layouts.theme import LIGHT, Scale, Theme

if TYPE_CHECKING:
    from analysis.strip import StripResult

MOST_BITS = 12  # a guess among 4,096 equal tokens; what is more surprising has the same colour


def strip_colors(result: StripResult, *, theme: Theme = LIGHT) -> list[tuple[str, str]]:
    """For each token, the CSS colours of its background and its text; without a surprisal, nothing and the page's."""
    return [
        ("transparent", theme.text) if np.isnan(bits) else shade(theme.probabilities, float(bits) / MOST_BITS, theme)
        for bits in result.surprisal
    ]


def strip_legend(*, theme: Theme = LIGHT) -> tuple[Scale, str, str]:
    """The colour scale, and the words at its low and its high end."""
    return theme.probabilities, "0", f"{MOST_BITS} bits or more"


def strip_hover(result: StripResult, position: int) -> str:
    """All that is known of one token, for its tooltip."""
    token = result.tokens[position]
    if position == 0:
        numbers = "no surprisal: nothing comes before it"
    else:
        numbers = f"surprisal {result.surprisal[position]:.1f} bits · {_chance(result, position)}"
    return f"{token.label} · position {position} · token id {token.id} · {numbers}"


def strip_reading(result: StripResult, position: int) -> str:
    """One sentence with the numbers of the token at a position."""
    who, bits = f"‘{result.tokens[position].label}’", result.surprisal[position]
    if len(result.tokens) == 1:
        return f"{who} is the only token: nothing comes before it, so it has no surprisal."
    mean = f"the text’s mean is {np.nanmean(result.surprisal):.1f}"
    top = int(np.nanargmax(result.surprisal))
    if position == top:
        return f"{who} surprises most: {bits:.1f} bits ({_chance(result, position)}); {mean}."
    if position == 0:
        here = f"{who} has no surprisal, since nothing comes before it"
    else:
        here = f"{who} has {bits:.1f} bits of surprisal ({_chance(result, position)})"
    return f"{here}; {mean}, the most is {result.surprisal[top]:.1f} bits for ‘{result.tokens[top].label}’."


def _chance(result: StripResult, position: int) -> str:
    p = result.probabilities[position]
    chance = f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"
    return f"{chance}, rank {result.ranks[position]:,} of {result.n_vocab:,}"
