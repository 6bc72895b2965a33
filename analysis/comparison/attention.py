"""Attention of A minus that of B: a head, the mean over a block's heads, or the rollout, and all heads of the block."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from analysis.attention import ShownView, attention_grid, head_grids, square_of
from analysis.causes.value_weighted import moved_grids
from analysis.comparison.pair import Comparison
from analysis.errors import SelectionError, check_choice
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.task import Derived, derive_now
from analysis.tokens import Token
from analysis.trace import Float, Trace


@dataclass(frozen=True, eq=False)
class AttentionDifference:
    """The attention of one block in A minus that in B, at the positions of A.

    Attributes
    ----------
    tokens : tuple of n_positions tokens
        The text of A.
    missing : bool, (n_positions,)
        Which of its positions have no counterpart in B.
    block, position : int
        The block, and the selected query position, from 0.
    head : int or None
        The head; None for the mean over the block's heads.
    view : "raw", "without_first", "rollout" or "value_weighted"
        What is subtracted, as in `AttentionResult`.
    grid : float32, (query, key)
        Differences of shares of attention, -1 to 1, or of norms, of any size. NaN where the query or the key has no
        counterpart, and where a number of A or B is not finite; 0 where key > query.
    heads : float32, (n_heads, query, key) or (n_heads, cell, cell)
        The same for every head of the block; with "rollout", as with "raw". For texts of more than 128 tokens each
        cell is the difference of the largest size in a square of queries and keys; NaN if it has none.
    square : int
        The number of queries and of keys in each cell of `heads`; 1 for texts of at most 128 tokens.
    strongest : int or None
        The key position with the difference of the largest size in the selected query's row; None if the row is NaN.
    """

    tokens: tuple[Token, ...]
    missing: NDArray[np.bool_]
    block: int
    head: int | None
    position: int
    view: ShownView
    grid: Float
    heads: Float
    square: int
    strongest: int | None


def compute_attention_difference(
    models: tuple[LanguageModel, LanguageModel],
    comparison: Comparison,
    selection: Selection,
    position: int,
    *,
    view: ShownView = "raw",
    derived: tuple[Derived, Derived] = (derive_now, derive_now),
) -> AttentionDifference:
    """A's attention minus B's, of the selected head, or of the mean over the heads of the selected block.

    models, derived: those of A and of B. Rows of A and B also sum to 1 where the texts before the query are of
    different lengths, so that a head that spreads its attention has small differences everywhere.
    Raises: SelectionError for a part that is not in a block, for a view that does not exist, and for models that have
    different numbers of heads, or B no such block.
    """
    check_choice(view, ShownView, "the attention view")
    block, head = selection.block, selection.head
    if block is None:
        raise SelectionError("This part has no attention. Select a block.")
    comparison.check_same("n_heads", "Heads")
    comparison.check_block(block)
    a, b, n_heads = comparison.a, comparison.b, comparison.a.info.n_heads
    square = square_of(a.n_positions)
    both = (_grids(model, trace, block, view) for model, trace in zip(models, (a, b), strict=True))
    grid: Float = np.zeros((a.n_positions, a.n_positions), dtype=np.float32)
    heads = []
    for number, (one, other) in enumerate(zip(*both, strict=True)):
        difference = one - comparison.on_a(other, 0, 1)
        heads.append(pooled_by_size(difference, square))
        if head is None:
            grid = grid + difference / np.float32(n_heads)
        elif head == number:
            grid = difference
    if view == "rollout" or (view == "without_first" and head is None):  # which are no means of heads
        here, there = (
            attention_grid(trace, block, head, view, derived=own) for trace, own in zip((a, b), derived, strict=True)
        )
        grid = here - comparison.on_a(there, 0, 1)
    sizes = np.abs(grid[position])
    return AttentionDifference(
        tokens=a.tokens,
        missing=comparison.aligned < 0,
        block=block,
        head=head,
        position=position,
        view=view,
        grid=grid,
        heads=np.stack(heads),
        square=square,
        strongest=int(np.nanargmax(sizes)) if np.isfinite(sizes).any() else None,
    )


def pooled_by_size(grid: Float, square: int) -> Float:
    """Max pooling of signed numbers: that of the largest size in each square of cells; NaN where all its cells are."""
    if square == 1:
        return grid
    padded = np.pad(grid, (0, -len(grid) % square), constant_values=np.nan)
    high = low = padded
    # By slices: numpy's reduction over a short axis takes five times as long.
    for axis in (0, 1):
        high, low = _reduced(np.fmax, high, square, axis), _reduced(np.fmin, low, square, axis)
    return np.asarray(np.where(high >= -low, high, low))


def _reduced(combine: np.ufunc, grid: Float, square: int, axis: int) -> Float:
    """Adjacent rows, or columns, combined."""
    every: tuple[slice, ...] = (slice(None),) * axis
    parts = (grid[(*every, slice(start, None, square))] for start in range(square))
    return np.asarray(reduce(combine, parts))


def _grids(model: LanguageModel, trace: Trace, block: int, view: ShownView) -> Iterator[Float]:
    return moved_grids(model, trace, block) if view == "value_weighted" else head_grids(trace, block, view)
