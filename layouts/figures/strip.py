"""The token strip's colours and its sentence. The strip itself is HTML, so there is no figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layouts.theme import LIGHT, Theme

if TYPE_CHECKING:
    from analysis.strip import StripResult

MOST_BITS = 12  # a guess among 4,096 equal tokens; what is more surprising has the same colour
_LEAST_CONTRAST = 4.5


def strip_colors(result: StripResult, *, theme: Theme = LIGHT) -> list[tuple[str, str]]:
    """For each token, the CSS colours of its background and its text; without a surprisal, nothing and the page's."""
    return [
        ("transparent", theme.text) if np.isnan(bits) else _pair(theme, float(bits) / MOST_BITS)
        for bits in result.surprisal
    ]


def strip_gradient(theme: Theme = LIGHT) -> str:
    """The colour scale from 0 to `MOST_BITS` bits, as a CSS image."""
    return f"linear-gradient(90deg, {', '.join(color for _, color in theme.probabilities)})"


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


def contrast(one: str, other: str) -> float:
    """How well two colours (#RRGGBB) can be told apart, 1 to 21; 4.5 for text (WCAG 2.1, contrast ratio)."""
    low, high = sorted(_luminance(color) for color in (one, other))
    return float((high + 0.05) / (low + 0.05))


def _chance(result: StripResult, position: int) -> str:
    p = result.probabilities[position]
    chance = f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"
    return f"{chance}, rank {result.ranks[position]:,} of {result.n_vocab:,}"


def _pair(theme: Theme, share: float) -> tuple[str, str]:
    stops, colors = zip(*theme.probabilities, strict=True)
    channels = np.array([_channels(color) for color in colors])
    mixed = [round(np.interp(share, stops, channel)) for channel in channels.T]
    background = "#{:02X}{:02X}{:02X}".format(*mixed)
    # Against any colour, black or white has a contrast of at least 4.58.
    readable = (theme.text, theme.page, "#000000", "#FFFFFF")
    return background, next(text for text in readable if contrast(text, background) >= _LEAST_CONTRAST)


def _channels(color: str) -> list[int]:
    return [int(color[n : n + 2], 16) for n in (1, 3, 5)]


def _luminance(color: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(color))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
