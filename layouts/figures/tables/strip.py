"""Tables of the token strip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layouts.figures.tables.saliency import saliency_tables
from layouts.figures.tables.table import Table, texts, token_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.comparison.strip import StripDifference
    from analysis.saliency import SaliencyResult
    from analysis.strip import StripResult


def strip_tables(
    strip: StripResult | None = None,
    *,
    difference: StripDifference | None = None,
    attention: NDArray[Any] | None = None,
    saliency: SaliencyResult | None = None,
) -> list[Table]:
    """The tokens. attention: that of the selected head from the selected position. saliency: what colours the chips."""
    if difference is not None:
        return [_compared(difference)]
    if strip is None:
        return []
    columns = token_columns(strip.tokens) | {
        "surprisal in bits": strip.surprisal,
        "probability": strip.probabilities,
        "rank": strip.ranks,
    }
    arcs = ""
    if attention is not None:
        # Later positions, which the selected one cannot see, have none.
        columns["attention"] = np.append(attention, np.full(len(strip.tokens) - len(attention), 0.0, attention.dtype))
        arcs = " Attention is that of the selected head from the selected position."
    caption = "Each token, given the tokens before it: surprisal in bits, probability, 0 to 1, and rank, from 1."
    return [Table("tokens", f"{caption}{arcs}", columns), *([] if saliency is None else saliency_tables(saliency))]


def _compared(strip: StripDifference) -> Table:
    others = strip.counterparts
    labels = ["" if other is None else other.label for other in others]
    return Table(
        "tokens",
        "The surprisal of each token of A, of its counterpart in B, and the difference, in bits; nan without one.",
        {
            **token_columns(strip.tokens),
            "position in B": np.array([-1 if other is None else other.position for other in others]),
            "token in B": np.where([other is None for other in others], "", texts(labels)),
            "surprisal in A": strip.a,
            "surprisal in B": strip.b,
            "A minus B": strip.difference,
        },
    )
