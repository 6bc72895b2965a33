"""Tables of the saliency panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layouts.figures.saliency_numbers import definition
from layouts.figures.tables.table import Table, tidy, token_columns

if TYPE_CHECKING:
    from analysis.saliency import SaliencyResult


def saliency_tables(saliency: SaliencyResult) -> list[Table]:
    """The attributions, where the method gives them through depth too, and the path that they were summed along."""
    others = getattr(saliency, "others", None)  # of a difference
    name = "attribution" if others is None else "attribution, A minus B"
    columns = {**token_columns(saliency.tokens), name: saliency.attributions}
    if others is not None:
        columns["attribution in B"] = others
    tables = [Table("attributions", definition(saliency), columns)]
    if saliency.depth is not None:
        rows = tidy(("block", "position"), {name: saliency.depth})
        caption = "The same at the input of each block, where a token’s contribution has moved to other positions."
        tokens = token_columns(saliency.tokens, rows["position"])
        tables.append(Table("through depth", caption, {"block": rows["block"], **tokens, name: rows[name]}))
    if saliency.path is not None and others is None:
        share, logit = saliency.path
        caption = "The explained logit along the path from the baseline, 0, to the text, 1."
        tables.append(Table("path", caption, {"share of the path": share, "logit": logit}))
    return tables
