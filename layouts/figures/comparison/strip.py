"""Colours, tooltips and reading of the token strip for A − B."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layouts.figures.shade import shade
from layouts.figures.text import quoted, signed
from layouts.theme import LIGHT, ColorScale, Theme

if TYPE_CHECKING:
    from analysis.comparison.strip import StripDifference

MOST_BITS = 6  # at either end of the colour scale


def strip_difference_colors(result: StripDifference, *, theme: Theme = LIGHT) -> list[tuple[str, str]]:
    """CSS colours of each token's background and text; a token without a difference is not shaded."""
    return [
        ("transparent", theme.text) if np.isnan(bits) else shade(theme.signed, 0.5 + bits / MOST_BITS / 2, theme)
        for bits in result.difference.tolist()
    ]


def strip_difference_legend(*, theme: Theme = LIGHT) -> tuple[ColorScale, str, str]:
    """The colour scale, and the labels of its low and its high end."""
    return theme.signed, f"A − B: −{MOST_BITS} bits", f"+{MOST_BITS}"


def strip_difference_hover(result: StripDifference, position: int) -> str:
    """A token's label and surprisal in A and in B, for its tooltip."""
    token, counterpart = result.tokens[position], result.counterparts[position]
    name = f"{token.label} · position {position} of A"
    if counterpart is None:
        return f"{name} · no counterpart in B"
    there = f"{name} · stands for {counterpart.label} at position {counterpart.position} of B"
    if np.isnan(result.difference[position]):
        return f"{there} · no surprisal"
    a, b = result.a[position], result.b[position]
    return f"{there} · surprisal {a:.1f} bits in A, {b:.1f} bits in B: A − B is {signed(float(a - b))} bits"


def strip_difference_reading(result: StripDifference, position: int) -> str:
    """One or two sentences on the selected token, and on the largest difference."""
    difference = result.difference
    if np.isnan(difference).all():
        return "No token has a surprisal in both texts."
    label = quoted(result.tokens[position].label)
    if result.counterparts[position] is None:
        first = f"B has no counterpart of {label}."
    elif np.isnan(difference[position]):
        first = f"{label} has no surprisal."
    else:
        a, b = result.a[position], result.b[position]
        first = f"The surprisal of {label} is {a:.1f} bits in A and {b:.1f} bits in B."
    if not np.nanmax(np.abs(difference)):
        return f"{first} A and B are equal: every difference of surprisal is 0."
    largest = int(np.nanargmax(np.abs(difference)))
    return (
        f"{first} The largest difference, {signed(float(difference[largest]))} bits (A − B), is at "
        f"{quoted(result.tokens[largest].label)}."
    )
