"""Tables of the attention panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layouts.figures.tables.table import Table, tidy, token_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.attention import AttentionResult
    from analysis.comparison.attention import AttentionDifference

_QUANTITIES = {
    "raw": "attention",
    "without_first": "attention without the first token",
    "rollout": "attention rollout",
    "value_weighted": "norm of what is moved",
}


def attention_tables(
    attention: AttentionResult | None = None, *, difference: AttentionDifference | None = None
) -> list[Table]:
    """The heat map, and the small pictures of all heads. Keys come from the query's position and those before it."""
    if difference is not None:
        return _tables(difference, ", A minus B")
    return [] if attention is None else _tables(attention, "")


def _tables(attention: AttentionResult | AttentionDifference, minus: str) -> list[Table]:
    quantity = f"{_QUANTITIES[attention.view]}{minus}"
    heads = f"{_QUANTITIES['raw']}{minus}" if attention.view == "rollout" else quantity
    head = "the mean over heads" if attention.head is None else f"head {attention.head}"
    shown = f"block {attention.block}, {head}"
    n_pairs = len(attention.tokens) * (len(attention.tokens) + 1) // 2
    return [
        Table(
            "attention",
            f"{quantity.capitalize()} of {shown}, for each query and each key that it can see.",
            _of_heads(attention, attention.grid[None], quantity, 1)
            | {"head": np.full(n_pairs, "mean" if attention.head is None else str(attention.head))},
        ),
        Table(
            "heads",
            f"{heads.capitalize()} of every head of block {attention.block}{_squares(attention)}.",
            _of_heads(attention, attention.heads, heads, attention.square),
        ),
    ]


def _squares(attention: AttentionResult | AttentionDifference) -> str:
    n = attention.square
    return "" if n == 1 else f"; of each square of {n} queries and {n} keys, the largest in size"


def _of_heads(
    attention: AttentionResult | AttentionDifference, grids: NDArray[Any], quantity: str, square: int
) -> dict[str, NDArray[Any]]:
    each = [_pairs(attention, grid, quantity, square) for grid in grids]
    heads = np.repeat(np.arange(len(each)), [len(columns[quantity]) for columns in each])
    stacked = {name: np.concatenate([columns[name] for columns in each]) for name in each[0]}
    return {"block": np.full(len(heads), attention.block), "head": heads, **stacked}


def _pairs(
    attention: AttentionResult | AttentionDifference, grid: NDArray[Any], quantity: str, square: int
) -> dict[str, NDArray[Any]]:
    """Queries, keys and values; of squares of several, their first and last positions."""
    rows = tidy(("query", "key"), {quantity: grid}, np.tril(np.ones(grid.shape, dtype=bool)))
    query, key = rows["query"], rows["key"]
    if square == 1:
        tokens = attention.tokens
        columns = token_columns(tokens, query, prefix="query ") | token_columns(tokens, key, prefix="key ")
    else:
        last = len(attention.tokens) - 1
        columns = {
            "first query position": square * query,
            "last query position": np.minimum(square * query + square - 1, last),
            "first key position": square * key,
            "last key position": np.minimum(square * key + square - 1, last),
        }
    return columns | {quantity: rows[quantity]}
