"""Tables of the overview."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layouts.figures.tables.architecture import part_tables
from layouts.figures.tables.table import Table, tidy

if TYPE_CHECKING:
    from analysis.overview import OverviewResult, Patterns


def overview_tables(overview: OverviewResult, *, patterns: Patterns | None = None) -> list[Table]:
    """The numbers of all parts, and the attention that is drawn in the cells of heads, if it is."""
    tables = part_tables(overview.parts)
    if patterns is None:
        return tables
    n = patterns.square
    seen = np.tril(np.ones(patterns.heads.shape[2:], dtype=bool))
    name = "attention, A minus B" if patterns.difference else "attention"
    rows = tidy(("block", "head", "query", "key"), {name: patterns.heads}, seen)
    last = patterns.n_positions - 1
    return [
        *tables,
        Table(
            "patterns",
            f"{name[0].upper()}{name[1:]} of every head, for each square of {n} queries and {n} keys: the largest in "
            "size.",
            {
                "block": rows["block"],
                "head": rows["head"],
                "first query position": n * rows["query"],
                "last query position": np.minimum(n * rows["query"] + n - 1, last),
                "first key position": n * rows["key"],
                "last key position": np.minimum(n * rows["key"] + n - 1, last),
                name: rows[name],
            },
        ),
    ]
