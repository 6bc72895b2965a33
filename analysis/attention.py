"""Where a head looks: its attention as it is, without the first token, or rolled out through the blocks."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from analysis.errors import SelectionError
from analysis.task import Arrays, Derived, derive_now
from analysis.tokens import Token
from analysis.trace import Float, Trace

AttentionView = Literal["raw", "without_first", "rollout"]
MOST_EXACT = 128  # tokens whose heads are all given cell by cell
MOST_CELLS = 64  # along a side of each head's picture, of longer texts


@dataclass(frozen=True, eq=False)
class AttentionResult:
    """Attention of one block.

    tokens: those of the text. block, head, position: what was asked; without a head, `grid` is that of the mean over
    heads. grid: (query, key), share of attention, 0 to 1, zero where key > query; NaN in rows where `view` leaves
    nothing to look at. heads: (n_heads, query, key), the same for every head of the block; with rollout, as with raw.
    With more than 128 tokens each of its cells is the largest share in a square of `square` × `square`; else that is 1.
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
    square: int
    first_share: float
    strongest: int
    sharpest: int | None


def compute_attention(
    trace: Trace,
    block: int,
    head: int | None,
    position: int,
    *,
    view: AttentionView = "raw",
    derived: Derived = derive_now,
) -> AttentionResult:
    """Attention of a head, or the mean over the heads of a block; of all blocks up to this one with `rollout`.

    `without_first` leaves out key position 0 and scales each row to sum to 1 again. `rollout` multiplies, from block 0
    to this one, half the mean attention plus half the identity (Abnar & Zuidema 2020); it has no single head. derived:
    has the rollout computed, which reads all blocks, or gets it by name.
    Raises: SelectionError for a view that does not exist.
    """
    if view not in get_args(AttentionView):
        raise SelectionError(f"There is no view '{view}' of attention. Choose raw, without_first or rollout.")
    square = 1 if trace.n_positions <= MOST_EXACT else -(-trace.n_positions // MOST_CELLS)
    one = grid = _mean(trace, block) if head is None else trace.attention(block, at=head)
    if view == "without_first":
        grid = _without_first(one)
    elif view == "rollout":
        grid = derived("attention rollout", lambda: _rollout(trace))["rollout"][block].astype(np.float32)
    # One head at a time: of a long text, all heads and their copies would take much memory.
    heads = (trace.attention(block, at=index) for index in range(trace.info.n_heads))
    if view == "without_first":
        heads = (_without_first(each) for each in heads)
    row = grid[position]
    return AttentionResult(
        tokens=trace.tokens,
        block=block,
        head=head,
        position=position,
        view=view,
        grid=grid,
        heads=np.stack([_largest(each, square) for each in heads]),
        square=square,
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


def _mean(trace: Trace, block: int) -> Float:
    total = trace.attention(block, at=0)
    for head in range(1, trace.info.n_heads):
        total = total + trace.attention(block, at=head)
    return total / np.float32(trace.info.n_heads)


def _largest(grid: Float, square: int) -> Float:
    """The largest number in each square of a grid; NaN where there is none."""
    if square == 1:
        return grid
    missing = -len(grid) % square
    n_cells = (len(grid) + missing) // square
    padded = np.pad(grid, (0, missing), constant_values=np.nan).reshape(n_cells, square, n_cells, square)
    largest: Float = np.fmax.reduce(np.fmax.reduce(padded, axis=3), axis=1)
    return largest


def _rollout(trace: Trace) -> Arrays:
    """Through all blocks up to each, (n_blocks, query, key), in the precision of the trace's attention."""
    eye = product = np.eye(trace.n_positions, dtype=np.float32)
    kept = np.float16 if trace.precision == "half" else np.float32
    rollout = np.empty((trace.info.n_blocks, *eye.shape), dtype=kept)
    for block in range(trace.info.n_blocks):
        product = (0.5 * _mean(trace, block) + 0.5 * eye) @ product
        rollout[block] = product
    return {"rollout": rollout}


def _sharpest(attention: Float) -> int | None:
    if len(attention) < 3:
        return None
    possible = np.log2(np.arange(3, len(attention) + 1))
    return int(np.argmin(attention_entropy(attention[2:]) / possible)) + 2
