"""Reading of direct attribution, A minus B."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layouts.figures.attribution_parts import all_parts, explained_words, named, selected_part
from layouts.figures.text import ALL_EQUAL, MISSING, counted, signed

if TYPE_CHECKING:
    from analysis.comparison.attribution import AttributionDifference


def attribution_difference_reading(result: AttributionDifference) -> str:
    """The sums in A and in B; the parts that differ most, the selected one, and how many are not compared."""
    if result.equal:
        return ALL_EQUAL
    sums = f"the parts sum to {signed(result.a.total)} in A and to {signed(result.b.total)} in B"
    sentence = f"For {explained_words(result)}, {sums}: {signed(result.total)} in A − B."
    parts = all_parts(result)
    compared = [part for part in parts if not np.isnan(part.share)]
    high, low = max(compared, key=lambda part: part.share), min(compared, key=lambda part: part.share)
    more = [
        f"{named(part)} is farthest ahead in {side} ({signed(part.share)})"
        for part, side, differs in ((high, "A", high.share > 0), (low, "B", low.share < 0))
        if differs
    ]
    sentence += f" Of all parts, {', '.join(more)}." if more else ""
    if selected := selected_part(result):
        share = MISSING if np.isnan(selected.share) else signed(selected.share)
        sentence += f" The selected part, {selected.name}: {share}."
    if n_missing := len(parts) - len(compared):
        sentence += f" {counted(n_missing, 'part')} of A: {MISSING}."
    return f"{sentence} {result.problem}".rstrip()
