"""Predictions of A and of B before and after removals, as a figure and in words, and effects in A minus those in B."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from layouts.figures.drawing import Drawing
from layouts.figures.effect import logit_words, part_words, prediction_bars
from layouts.figures.text import ALL_EQUAL, MISSING, counted, number, percent, signed
from layouts.theme import LIGHT, Theme, axis, base_layout

if TYPE_CHECKING:
    from analysis.comparison.effect import SweepDifference
    from analysis.effect import EffectResult

_MAX_CHARACTERS = 14  # of a token
_MOST_TOKENS = 6


def effect_difference_figure(a: EffectResult, b: EffectResult, *, theme: Theme = LIGHT) -> go.Figure:
    """Bars of the most probable tokens in A (blue) and B (orange), before removals pale; a click sets the target."""
    sides = [("A", a.before, theme.accent), ("B", b.before, theme.accent2)]
    if a.interventions:
        sides = [
            ("A before", a.before, theme.accent),
            ("A after", a.after, theme.accent),
            ("B before", b.before, theme.accent2),
            ("B after", b.after, theme.accent2),
        ]
    shares = [{piece.id: share for piece, share in outcome.top} for _, outcome, _ in sides]
    order = [piece for piece, _ in a.before.top if all(piece.id in share for share in shares)]
    order.sort(key=lambda piece: -max(share[piece.id] for share in shares))
    order = order[:_MOST_TOKENS]
    return Drawing(
        data=[prediction_bars(order, *side, pale=side[0].endswith("before")) for side in sides],
        layout=base_layout(
            theme,
            barmode="group",
            bargap=0.25,
            bargroupgap=0,
            uirevision="compared",
            xaxis=axis(theme, title="probability of the next token", tickformat=".0%", rangemode="tozero"),
            yaxis=axis(
                theme,
                tickmode="array",
                tickvals=list(range(len(order))),
                ticktext=[piece.short(_MAX_CHARACTERS) for piece in order],
                range=[len(order) - 0.5, -0.5],
                showgrid=False,
                zeroline=False,
            ),
            showlegend=True,
            legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"},
        ),
    )


def effect_difference_reading(a: EffectResult, b: EffectResult) -> str:
    """One sentence on what the removals change in A and in B; without any, on the logits."""
    target = logit_words(a.target, a.against)
    if not a.interventions:
        difference = a.before.logit - b.before.logit
        if difference == 0:
            return ALL_EQUAL
        here, there = number(a.before.logit), number(b.before.logit)
        return (
            f"Nothing is removed: the logit of {target} is {here} in A and {there} in B (A − B: {signed(difference)})."
        )
    removed = counted(len(a.interventions), "part") + " removed"
    change = a.effect - b.effect
    if change == 0 and a.before == b.before and a.after == b.after:
        return ALL_EQUAL
    return (
        f"With {removed}, the logit of {target} changes by {signed(a.effect)} in A and by {signed(b.effect)} in B "
        f"(A − B: {signed(change)})."
    )


def effect_sweep_difference_reading(result: SweepDifference) -> str:
    """One or two sentences on the part whose removal has the most different effects in A and B."""
    shown = result.shown
    missing = np.isnan(shown)
    if not missing.any() and not shown.any() and result.base == 0:
        return ALL_EQUAL
    block, unit = map(int, np.unravel_index(int(np.nanargmax(np.abs(shown))), shown.shape))
    part = part_words(block, unit, shown.shape[1] - 1)
    one, other = float(result.a.shown[block, unit]), _of_b(result, block, unit)
    about = "" if result.complete else "about "
    sentence = (
        f"Of all heads and MLPs, removing {part} differs most: it changes the logit of "
        f"{logit_words(result.target, result.against)} by {about}{signed(one)} in A and {signed(other)} in B (A − B: "
        f"{signed(float(shown[block, unit]))})."
    )
    gone = f" {counted(int(missing.sum()), 'part')} of A: {MISSING}." if missing.any() else ""
    return f"{sentence}{gone} {result.problem}".rstrip()


def effect_difference_numbers(a: EffectResult, b: EffectResult) -> list[tuple[str, str]]:
    """What is predicted in A and in B, before and after removals: a name and the values."""
    what = "logit" if a.against is None else "difference of logits"
    rows = []
    for side, result in (("A", a), ("B", b)):
        rows.append((f"{what} in {side}", _change(result, number(result.before.logit), number(result.after.logit))))
        before, after = percent(result.before.probability), percent(result.after.probability)
        rows.append((f"probability in {side}", _change(result, before, after)))
    if not a.interventions:
        return [*rows, (f"{what}, A − B", signed(a.before.logit - b.before.logit))]
    rows.append(("effect, A − B", signed(a.effect - b.effect)))
    return [*rows, ("KL divergence", f"{number(a.divergence)} bits in A, {number(b.divergence)} in B")]


def _change(result: EffectResult, before: str, after: str) -> str:
    return f"{before} → {after}" if result.interventions else before


def _of_b(result: SweepDifference, block: int, unit: int) -> float:
    """B's effect of the same part: MLPs are in the last column of both."""
    n_units, n_others = result.shown.shape[1], result.b.shown.shape[1]
    return float(result.b.shown[block, n_others - 1 if unit == n_units - 1 else unit])
