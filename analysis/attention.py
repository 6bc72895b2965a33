"""Where a head looks: its attention as it is, without the first token, or rolled out through the blocks."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from analysis.errors import SelectionError
from analysis.tokens import Token
from analysis.trace import Float, Trace

AttentionView = Literal["raw", "without_first", "rollout"]


@dataclass(frozen=True, eq=False)
class AttentionResult:
    """Attention of one block.

    tokens: those of the text. block, head, position: what was asked; without a head, `grid` is that of the mean over
    heads. grid: (query, key), share of attention, 0 to 1, zero where key > query; NaN in rows where `view` leaves
    nothing to look at. heads: (n_heads, query, key), the same for every head of the block; with rollout, as with raw.
    first_share: share of the head's raw attention at `position` that goes to position 0.
    strongest: the key position that `position` looks at most in `grid`. sharpest: the query position, after the first
    two, whose raw attention has the least entropy relative to log2 of the keys it can see; None for a short text.
    """

    tokens: tuple[Token, ...]
    block: int
    head: int | None
    position: int
    view: AttentionView
    grid: Float
    heads: Float
    first_share: float
    strongest: int
    sharpest: int | None


def compute_attention(
    trace: Trace, block: int, head: int | None, position: int, *, view: AttentionView = "raw"
) -> AttentionResult:
    """Attention of a head, or the mean over the heads of a block; of all blocks up to this one with `rollout`.

    `without_first` leaves out key position 0 and scales each row to sum to 1 again. `rollout` multiplies, from block 0
    to this one, half the mean attention plus half the identity (Abnar & Zuidema 2020); it has no single head.
    Raises: SelectionError for a view that does not exist.
    """
    if view not in get_args(AttentionView):
        raise SelectionError(f"There is no view '{view}' of attention. Choose raw, without_first or rollout.")
    raw = heads = trace.attention(block)
    one = grid = raw.mean(axis=0) if head is None else raw[head]
    if view == "without_first":
        heads, grid = _without_first(raw), _without_first(one)
    elif view == "rollout":
        grid = _rollout(trace, block)
    row = grid[position]
    return AttentionResult(
        tokens=trace.tokens,
        block=block,
        head=head,
        position=position,
        view=view,
        grid=grid,
        heads=heads,
        first_share=float(one[position, 0]),
        strongest=int(np.nanargmax(row)) if np.isfinite(row).any() else 0,
        sharpest=_sharpest(one),
    )


def attention_entropy(rows: Float) -> Float:
    """Entropy in bits of each row of attention, along the last axis; 0 for a row that looks at one key only."""
    entropy: Float = 0 - (rows * np.log2(np.where(rows > 0, rows, 1))).sum(axis=-1)  # -0.0 would be shown with its sign
    return entropy


def _without_first(attention: Float) -> Float:
    rest = attention.copy()
    rest[..., 0] = 0
    total = rest.sum(axis=-1, keepdims=True)
    # A row that looked at nothing but the first token has no rest; NaN says so.
    shares: Float = np.divide(rest, total, out=np.full_like(rest, np.nan), where=total > 1e-6)
    return shares


def _rollout(trace: Trace, block: int) -> Float:
    eye = np.eye(trace.n_positions, dtype=np.float32)
    product = eye
    for index in range(block + 1):
        product = (0.5 * trace.attention(index).mean(axis=0) + 0.5 * eye) @ product
    return product


def _sharpest(attention: Float) -> int | None:
    if len(attention) < 3:
        return None
    possible = np.log2(np.arange(3, len(attention) + 1))
    return int(np.argmin(attention_entropy(attention[2:]) / possible)) + 2
