"""Tables of the panel “Continue”."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layouts.figures.tables.strip import strip_tables
from layouts.figures.tables.table import Table, piece_columns

if TYPE_CHECKING:
    from analysis.generation.alternatives import AlternativesResult
    from analysis.generation.continuation import ContinuationResult
    from analysis.strip import StripResult


def continuation_tables(
    continuation: ContinuationResult | None = None,
    *,
    tokens: StripResult | None = None,
    alternatives: AlternativesResult | None = None,
) -> list[Table]:
    """What might stand at the selected position, what is being written, and the text so far."""
    tables = []
    if alternatives is not None:
        top = alternatives.top
        tables.append(
            Table(
                "alternatives",
                f"What might stand in the place of token {alternatives.token.position}: probabilities, 0 to 1, before "
                "temperature, top-k and top-p and after them, and rank, from 1.",
                piece_columns([one.piece for one in top])
                | {
                    "probability": np.array([one.before for one in top]),
                    "after truncation": np.array([one.after for one in top]),
                    "rank": np.array([one.rank for one in top]),
                },
            )
        )
    if continuation is not None:
        tables.append(
            Table(
                "written",
                "The tokens that are being written, in their order, with the same numbers.",
                piece_columns(continuation.written)
                | {
                    "probability": continuation.probabilities,
                    "after truncation": continuation.drawn_with,
                    "rank": continuation.ranks,
                },
            )
        )
    return [*tables, *([] if tokens is None else strip_tables(tokens))]
