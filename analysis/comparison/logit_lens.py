"""The logit lens of A and of B: the divergence of their readings at all depths and aligned positions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.comparison.pair import Comparison
from analysis.embedding import blocks_passed
from analysis.logit_lens import AT_ONCE, MAX_LOGITS, cells_work, followed_pieces
from analysis.models.language_model import LanguageModel
from analysis.numerics.divergence import divergences, log_softmax
from analysis.selection import Selection
from analysis.task import Arrays, Derived, Progress, Task, derive_now
from analysis.tokens import Piece, Token
from analysis.trace import Float, Trace

_CELLS_VERSION, _FOLLOWED_VERSION = 1, 1  # raised when the computation changes
_NAME = "logit lens"


@dataclass(frozen=True, eq=False)
class LensCellsDifference:
    """The readings of A and B at the depths and positions of A: arrays (n_blocks + 1, n_positions), or the last two
    (2, n_blocks + 1, n_positions) for A and B.

    The rows are those of `LensCells`: of two models, rows with one block number are compared, and the outputs.

    Attributes
    ----------
    divergences : float32
        KL(A ‖ B) of the predicted distributions, in bits; exactly 0 where they are the same. NaN where B has no such
        row or position, and where logits are not finite.
    tops, other_tops : int32
        The ids of the most probable next tokens in A and in B; -1 where they are not known.
    probabilities, other_probabilities : float32
        Their probabilities, 0 to 1; NaN where they are not known.
    output_probabilities : float32
        The probability of the token that A's output predicts at the position, 0 to 1; NaN where it is not known.
    output_ranks : int32
        Its rank, from 1; 0 where it is not known.
    """

    divergences: Float
    tops: NDArray[np.int32]
    other_tops: NDArray[np.int32]
    probabilities: Float
    other_probabilities: Float
    output_probabilities: Float
    output_ranks: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class LensDifference:
    """The logit lens of A and B, with tokens followed through depth at one position.

    Attributes
    ----------
    tokens : tuple of n_positions tokens
        The text of A.
    n_vocab : int
        The number of ranked tokens.
    piece : function
        The vocabulary's entry of a token id.
    cells : LensCellsDifference
        The readings at all positions.
    missing : bool, (n_blocks + 1, n_positions)
        Where B has no such row or position.
    depth, position : int
        The selected row and column of `cells`.
    followed : tuple of n_followed pieces
        The pinned tokens, or else the most probable token of A's output at the position.
    probabilities : float32, (2, n_blocks + 1, n_followed)
        Their probabilities in A and in B, 0 to 1; NaN where B has no such row or position.
    ranks : int32, (2, n_blocks + 1, n_followed)
        Their ranks by probability, from 1; 0 where the probability is NaN.
    """

    tokens: tuple[Token, ...]
    n_vocab: int
    piece: Callable[[int], Piece]
    cells: LensCellsDifference
    missing: NDArray[np.bool_]
    depth: int
    position: int
    followed: tuple[Piece, ...]
    probabilities: Float
    ranks: NDArray[np.int32]

    @property
    def n_blocks(self) -> int:
        """A's number of blocks."""
        return len(self.missing) - 1


def compute_logit_lens_difference(
    comparison: Comparison,
    model: LanguageModel,
    other_model: LanguageModel,
    cells: LensCellsDifference,
    selection: Selection,
    *,
    position: int,
    pins: tuple[int, ...] = (),
    derived: Derived = derive_now,
) -> LensDifference:
    """Tokens followed through depth in A and B, given the readings from `compute_lens_cells_difference`.

    selection, position: those of A. pins: as for `compute_logit_lens`. derived: that of A.
    Raises: SelectionError for too many pinned tokens, or one that does not exist.
    """
    a, rows = comparison.a, _counterparts(comparison)
    followed = followed_pieces(model, a, position, pins)
    missing = np.array([[row is None] for row in rows]) | (comparison.aligned < 0)
    if pins:
        models, name = (model, other_model), f"logit lens minus {position} {','.join(map(str, pins))}"
        found = derived(
            f"{name} {comparison.digest}",
            lambda: _follow(comparison, models, position, list(pins)),
            version=_FOLLOWED_VERSION,
        )
        probabilities, ranks = found["probabilities"], found["ranks"]
    else:
        shown = [position] * len(followed)
        probabilities, ranks = cells.output_probabilities[..., shown], cells.output_ranks[..., shown]
    return LensDifference(
        a.tokens,
        a.info.n_vocab,
        model.vocabulary.piece,
        cells,
        missing,
        blocks_passed(selection, a.info.n_blocks),
        position,
        followed,
        probabilities,
        ranks,
    )


def compute_lens_cells_difference(
    comparison: Comparison, model: LanguageModel, other_model: LanguageModel, *, derived: Derived = derive_now
) -> LensCellsDifference:
    """The readings at all depths and positions, computed at once; the arrays come from `derived`, that of A.

    Raises: SelectionError if the models have different vocabularies.
    """
    task = _task(comparison, model, other_model)
    return _cells_of(derived(task.name, lambda: task.compute(lambda *_: None), version=task.version))


def plan_logit_lens_difference(comparison: Comparison, model: LanguageModel, other_model: LanguageModel) -> Task | None:
    """The computation of `compute_lens_cells_difference` as a task; None if nothing is slow.

    Raises: SelectionError if the models have different vocabularies.
    """
    task = _task(comparison, model, other_model)
    return None if task.work <= AT_ONCE else task


def _task(comparison: Comparison, model: LanguageModel, other_model: LanguageModel) -> Task:
    comparison.check_vocabulary()
    n_aligned = int((comparison.aligned >= 0).sum())
    return Task(
        comparison.a,
        name=f"logit lens minus {comparison.digest}",
        version=_CELLS_VERSION,
        kind=_NAME,  # the work is that of two lenses
        work=cells_work(comparison.a.info, comparison.a.n_positions) + cells_work(comparison.b.info, n_aligned),
        compute=lambda report: _cells(comparison, model, other_model, report),
        result=_cells_of,
    )


def _cells_of(arrays: Arrays) -> LensCellsDifference:
    return LensCellsDifference(**arrays)


def _counterparts(comparison: Comparison) -> list[int | None]:
    """For each row of A, that of B: the one with the same block number, or of outputs the output."""
    last, other_last = comparison.a.info.n_blocks, comparison.b.info.n_blocks
    return [*(row if row < other_last else None for row in range(last)), other_last]


def _cells(comparison: Comparison, model: LanguageModel, other_model: LanguageModel, report: Progress) -> Arrays:
    a, b, rows = comparison.a, comparison.b, _counterparts(comparison)
    n_depths, shape = len(rows), (len(rows), a.n_positions)
    arrays: Arrays = {
        name: np.full(shape, np.nan, np.float32) for name in ("divergences", "probabilities", "other_probabilities")
    }
    arrays |= {name: np.full(shape, -1, np.int32) for name in ("tops", "other_tops")}
    arrays["output_probabilities"] = np.full((2, *shape), np.nan, np.float32)
    arrays["output_ranks"] = np.zeros((2, *shape), np.int32)

    def note(side: int, names: tuple[str, str], at: tuple[int, NDArray[np.int64]], logits: Float) -> None:
        arrays[names[0]][at], arrays[names[1]][at] = _top(logits)
        predicted = arrays["tops"][-1, at[1]][:, None]
        arrays["output_probabilities"][side][at], arrays["output_ranks"][side][at] = (
            found[:, 0] for found in _shares(logits, predicted)
        )

    step = max(1, MAX_LOGITS // a.info.n_vocab)
    # The rows of both that are read at once are the same, so that equal streams give equal logits.
    aligned, alone = np.flatnonzero(comparison.aligned >= 0), np.flatnonzero(comparison.aligned < 0)
    parts = [some[start : start + step] for some in (aligned, alone) for start in range(0, len(some), step)]
    for depth in reversed(range(n_depths)):  # the output first, as its predictions are looked for in all rows
        row = rows[depth]
        for here in parts:
            logits, at = _read(model, a, depth, here), (depth, here)
            note(0, ("tops", "probabilities"), at, logits)
            there = comparison.aligned[here]
            if there[0] >= 0 and row is not None:
                others = _read(other_model, b, row, there)
                note(1, ("other_tops", "other_probabilities"), at, others)
                arrays["divergences"][at] = divergences(logits, others)
        report((n_depths - depth) / n_depths, {})
    return arrays


def _read(model: LanguageModel, trace: Trace, depth: int, positions: NDArray[np.int64]) -> Float:
    """The logits at a depth, (number of positions, n_vocab)."""
    if depth == trace.info.n_blocks and trace.keeps_logits:
        return trace.logits()[positions]
    return model.lens_logits(trace.residual(depth)[positions])


def _top(logits: Float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The most probable token of each row, -1 where logits are not finite, and its probability, NaN there."""
    shares = np.exp(log_softmax(logits).max(axis=-1))
    return np.where(np.isnan(shares), -1, logits.argmax(axis=-1)), shares


def _follow(
    comparison: Comparison, models: tuple[LanguageModel, LanguageModel], position: int, ids: list[int]
) -> Arrays:
    """Probabilities and ranks of tokens at all depths of a position, each (2, n_blocks + 1, number of ids)."""
    rows, there = _counterparts(comparison), int(comparison.aligned[position])
    probabilities = np.full((2, len(rows), len(ids)), np.nan, np.float32)
    ranks = np.zeros(probabilities.shape, np.int32)
    probabilities[0], ranks[0] = _followed(models[0], comparison.a, position, ids)
    if there >= 0:
        depths, others = zip(*((depth, row) for depth, row in enumerate(rows) if row is not None), strict=True)
        found = _followed(models[1], comparison.b, there, ids)
        probabilities[1, list(depths)], ranks[1, list(depths)] = (values[list(others)] for values in found)
    return {"probabilities": probabilities, "ranks": ranks}


def _followed(model: LanguageModel, trace: Trace, position: int, ids: list[int]) -> tuple[Any, Any]:
    streams = np.stack([trace.residual(depth)[position] for depth in range(trace.info.n_blocks)])
    logits = np.concatenate([model.lens_logits(streams), model.logits(trace, position)[None]])
    return _shares(logits, np.tile(ids, (len(logits), 1)))


def _shares(logits: Float, ids: NDArray[Any]) -> tuple[Any, Any]:
    """Probabilities and ranks of tokens, given by their ids for each row of logits; NaN and 0 for what is not known.

    ids: (n_rows, n_ids), -1 for none.
    """
    shares = np.take_along_axis(np.exp(log_softmax(logits)), ids, axis=1)
    shares[ids < 0] = np.nan
    own = np.take_along_axis(logits, ids, axis=1)
    ranks = np.stack([1 + (logits > own[:, [n]]).sum(axis=1) for n in range(ids.shape[1])], axis=1)
    return shares, np.where(np.isnan(shares), 0, ranks)
