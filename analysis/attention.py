"""Attention: a head's attention weights, the same without the first token, or the rollout through the blocks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.errors import SelectionError, check_choice
from analysis.selection import Selection
from analysis.task import Arrays, Derived, derive_now
from analysis.tokens import Token
from analysis.trace import Float, Trace

AttentionView = Literal["raw", "without_first", "rollout"]
ShownView = Literal[AttentionView, "value_weighted"]  # for which `analysis.causes.value_weighted` needs the network
MOST_EXACT = 128  # tokens; the heads of longer texts are summarised by squares of cells
MOST_CELLS = 64  # along each side of such a summary
_ROLLOUT_VERSION = 1  # raised when the computation changes


@dataclass(frozen=True, eq=False)
class AttentionResult:
    """The attention of one block.

    Attributes
    ----------
    tokens : tuple of n_positions tokens
        The text.
    block, position : int
        The block, and the selected query position, from 0.
    head : int or None
        The head; None for the mean over the block's heads.
    view : "raw", "without_first", "rollout" or "value_weighted"
        What the shares are of, see `compute_attention`. With "value_weighted", `grid` and `heads` are norms of what is
        moved, 0 or more, see `compute_value_weighted`.
    grid : float32, (query, key)
        Shares of attention, 0 to 1, of the head or the mean over heads; 0 where key > query. With "without_first",
        rows without attention to any other token are NaN, and in every view those that are not finite.
    heads : float32, (n_heads, query, key) or (n_heads, cell, cell)
        The same for every head of the block; with "rollout", as with "raw". For texts of more than 128 tokens each
        cell is the largest share in a square of queries and keys.
    square : int
        The number of queries and of keys in each cell of `heads`; 1 for texts of at most 128 tokens.
    first_share : float
        The share of the selected query's raw attention that goes to position 0, 0 to 1; NaN if it is not finite.
    strongest : int
        The key position with the largest share in the selected query's row of `grid`; 0 if the row is NaN.
    sharpest : int or None
        The query position, from 2 on, whose raw attention has the least entropy relative to the logarithm of the
        number of its keys; None for texts of fewer than 3 tokens, or if none of these rows is finite.
    """

    tokens: tuple[Token, ...]
    block: int
    head: int | None
    position: int
    view: ShownView
    grid: Float
    heads: Float
    square: int
    first_share: float
    strongest: int
    sharpest: int | None


def compute_attention(
    trace: Trace,
    selection: Selection,
    position: int,
    *,
    view: AttentionView = "raw",
    derived: Derived = derive_now,
) -> AttentionResult:
    """The attention of the selected head, or the mean over the heads of the selected block.

    The views:

    - "raw": the attention weights.
    - "without_first": without key position 0, each row scaled to sum to 1 again.
    - "rollout": the product over the blocks up to this one of half the mean attention plus half the identity. It has
      no single heads. Its arrays, for which all blocks are read, come from `derived`.

    Raises: SelectionError for a part that is not in a block, or a view that does not exist.
    Source: Abnar and Zuidema 2020, "Quantifying attention flow in transformers" (rollout).
    """
    check_choice(view, AttentionView, "the attention view")
    block, head = selection.block, selection.head
    if block is None:
        raise SelectionError("This part has no attention. Select a block.")
    square = square_of(trace.n_positions)
    raw = attention_grid(trace, block, head, "raw")
    grid = raw if view == "raw" else attention_grid(trace, block, head, view, derived=derived)
    row = grid[position]
    return AttentionResult(
        tokens=trace.tokens,
        block=block,
        head=head,
        position=position,
        view=view,
        grid=grid,
        heads=np.stack([pooled(each, square) for each in head_grids(trace, block, view)]),
        square=square,
        first_share=float(raw[position, 0]),
        strongest=int(np.where(np.isfinite(row), row, -1).argmax()),  # the first, if no weight is finite
        sharpest=_sharpest(raw),
    )


def head_grids(trace: Trace, block: int, view: AttentionView) -> Iterator[Float]:
    """The view of each head of a block, (query, key); of "rollout", as of "raw", the attention weights.

    One head at a time: all heads of a long text and their copies would take much memory.
    """
    for head in range(trace.info.n_heads):
        raw = trace.attention(block, at=head)
        yield _without_first(raw) if view == "without_first" else raw


def attention_grid(
    trace: Trace, block: int, head: int | None, view: AttentionView, *, derived: Derived = derive_now
) -> Float:
    """The view of one head, or of the mean over a block's heads, (query, key)."""
    if view == "rollout":
        rollout = derived("attention rollout", lambda: _rollout(trace), version=_ROLLOUT_VERSION)["rollout"]
        grid: Float = rollout[block].astype(np.float32)
        return grid
    raw = _mean(trace, block) if head is None else trace.attention(block, at=head)
    return _without_first(raw) if view == "without_first" else raw


def square_of(n_positions: int) -> int:
    """The number of queries and of keys in each cell of `AttentionResult.heads`."""
    return 1 if n_positions <= MOST_EXACT else -(-n_positions // MOST_CELLS)


def attention_entropy(rows: Float) -> Float:
    """The entropy of each row of attention, along the last axis, in bits; 0 for a row with a single key."""
    entropy: Float = 0 - (rows * np.log2(np.where(rows > 0, rows, 1))).sum(axis=-1)  # never -0.0
    return entropy


def pooled(grid: Float, square: int) -> Float:
    """Max pooling of a head's attention: the largest share in each square of cells; NaN where all its cells are."""
    if square == 1:
        return grid
    missing = -len(grid) % square
    n_cells = (len(grid) + missing) // square
    padded = np.pad(grid, (0, missing), constant_values=np.nan).reshape(n_cells, square, n_cells, square)
    largest: Float = np.fmax.reduce(np.fmax.reduce(padded, axis=3), axis=1)
    return largest


def _without_first(attention: Float) -> Float:
    rest = attention.copy()
    rest[..., 0] = 0
    total = rest.sum(axis=-1, keepdims=True)
    # A row with attention to the first token only has no rest, and becomes NaN.
    shares: Float = np.divide(rest, total, out=np.full_like(rest, np.nan), where=total > 1e-6)
    return shares


def _mean(trace: Trace, block: int) -> Float:
    total = trace.attention(block, at=0)
    for head in range(1, trace.info.n_heads):
        total = total + trace.attention(block, at=head)
    return total / np.float32(trace.info.n_heads)


def _rollout(trace: Trace) -> Arrays:
    """The rollout up to each block, (n_blocks, query, key), in the precision of the trace's attention."""
    eye = product = np.eye(trace.n_positions, dtype=np.float32)
    kept = np.float16 if trace.precision == "half" else np.float32
    rollout = np.empty((trace.info.n_blocks, *eye.shape), dtype=kept)
    for block in range(trace.info.n_blocks):
        mixed = 0.5 * _mean(trace, block) + 0.5 * eye
        lost = np.isnan(product.sum(axis=1))
        product = mixed @ np.where(lost[:, None], 0, product)
        product[(mixed[:, lost] != 0).any(axis=1)] = np.nan  # 0 × not-a-number would be lost, too
        rollout[block] = product
    return {"rollout": rollout}


def _sharpest(attention: Float) -> int | None:
    if len(attention) < 3:
        return None
    possible = np.log2(np.arange(3, len(attention) + 1))
    focus = attention_entropy(attention[2:]) / possible
    known = np.isfinite(focus)
    return int(np.where(known, focus, np.inf).argmin()) + 2 if known.any() else None


@dataclass(frozen=True)
class Opening:
    """A head, and the token that it attends to from the last position.

    Attributes
    ----------
    block, head
        The head.
    query, key
        The last token of the text, and the token that gets the head's largest weight among those that count.
    share
        That attention weight, 0 to 1.
    """

    block: int
    head: int
    query: Token
    key: Token
    share: float


def find_opening(trace: Trace) -> Opening | None:
    """The head with the largest attention weight from the last position to a token further back than the one before.

    The first token does not count: many heads rest on it when they find nothing else (Xiao et al. 2023, "Efficient
    streaming language models with attention sinks"). The token itself and the one before do not count either: heads
    that always attend there say nothing about this text. Of equal weights, the first block, head and token wins.

    Returns None for texts of fewer than 4 tokens, in which no token counts, or if no weight is finite.
    """
    last = trace.n_positions - 1
    if last < 3:
        return None
    best: tuple[float, int, int, int] | None = None
    for block in range(trace.info.n_blocks):
        weights = trace.attention(block, at=(slice(None), last, slice(1, last - 1)))
        if not np.isfinite(weights).any():
            continue
        head, offset = divmod(int(np.nanargmax(weights)), last - 2)
        if best is None or weights[head, offset] > best[0]:
            best = float(weights[head, offset]), block, head, 1 + offset
    if best is None:
        return None
    share, block, head, key = best
    return Opening(block, head, trace.tokens[last], trace.tokens[key], share)
