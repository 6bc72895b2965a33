"""The logit lens: what the output head reads off the residual stream after each block, at every position of a text.

Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.embedding import blocks_passed
from analysis.errors import SelectionError
from analysis.model_info import ModelInfo
from analysis.models.language_model import LanguageModel
from analysis.numerics.nonfinite import unreadable
from analysis.selection import Part, Selection
from analysis.task import Arrays, Derived, Progress, Task, derive_now
from analysis.tokens import Piece, Token
from analysis.trace import Float, Trace

MOST_PINNED = 3
AT_ONCE = 1e9  # multiplications that a request may take; about 60 ms on one core
_NAME = "logit lens"
_CELLS_VERSION, _PINS_VERSION = 3, 2  # raised when the computation changes
MAX_LOGITS = 2**22  # in memory at the same time


@dataclass(frozen=True, eq=False)
class LensCells:
    """The readings at all depths and positions, each array (n_blocks + 1, n_positions).

    Row 0 reads the input of block 0, row k the stream after block k - 1; the last row is the model's output.

    Attributes
    ----------
    top : int32
        The id of the most probable next token; -1 where the logits are not finite. There, all probabilities and totals
        are NaN, and all ranks 0.
    probabilities : float32
        Its probability, 0 to 1.
    next_ranks : int32
        The rank of the token that follows in the text, by probability, from 1; 0 at the last position.
    output_ranks : int32
        The rank of the output's most probable token at the position, from 1.
    output_probabilities : float32
        The probability of that token.
    log_totals : float64
        The natural logarithm of the sum of the exponentials of all logits. In float64, since a token's probability
        is the exponential of a small difference between it and a logit.
    """

    top: NDArray[np.int32]
    probabilities: Float
    next_ranks: NDArray[np.int32]
    output_ranks: NDArray[np.int32]
    output_probabilities: Float
    log_totals: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LogitLensResult:
    """The logit lens of a text, with tokens followed through depth at one position.

    Attributes
    ----------
    tokens : tuple of n_positions tokens
        The text.
    n_vocab : int
        The number of ranked tokens.
    piece : function
        The vocabulary's entry of a token id.
    cells : LensCells
        The readings at all positions.
    depth : int
        The selected row of `cells`: the number of blocks that the stream has passed, 0 to n_blocks.
    position : int
        The selected position, from 0.
    followed : tuple of n_followed pieces
        The pinned tokens; without any, the output's most probable token at the position, if the output is finite.
    pinned : bool
        Whether they are pinned.
    probabilities : float32, (n_blocks + 1, n_followed)
        The probability of each followed token as the next one at the position, 0 to 1.
    ranks : int32, (n_blocks + 1, n_followed)
        Their ranks by probability, from 1; equals share the best rank.
    attention : int or None
        The block whose attention is selected; None if another part is.
    between : (Piece, float) or None
        The most probable next token after that attention, before the block's MLP, and its probability, which is NaN if
        the logits are not finite; None without such a selection, and in models whose attention and MLP are parallel.
    """

    tokens: tuple[Token, ...]
    n_vocab: int
    piece: Callable[[int], Piece]
    cells: LensCells
    depth: int
    position: int
    followed: tuple[Piece, ...]
    pinned: bool
    probabilities: Float
    ranks: NDArray[np.int32]
    attention: int | None
    between: tuple[Piece, float] | None

    @property
    def n_blocks(self) -> int:
        """The model's number of blocks."""
        return len(self.cells.top) - 1


def compute_logit_lens(
    model: LanguageModel,
    trace: Trace,
    cells: LensCells,
    selection: Selection,
    position: int,
    *,
    pins: tuple[int, ...] = (),
    derived: Derived = derive_now,
) -> LogitLensResult:
    """Tokens followed through depth at a position, given the readings of the whole text from `compute_lens_cells`.

    Every residual stream is read through the final norm, with its own statistics, and the output head. Pinned
    tokens, which need all logits of the position, come from `derived`. pins: ids of up to three tokens.

    Raises: SelectionError for too many pinned tokens, or one that does not exist.
    """
    followed = followed_pieces(model, trace, position, pins)
    if pins:
        name = f"logit lens pins {position} {','.join(map(str, pins))}"
        pinned = derived(name, lambda: _follow(model, trace, cells, position, pins), version=_PINS_VERSION)
        probabilities, ranks = pinned["probabilities"], pinned["ranks"]
    else:
        shown = [position] * len(followed)
        probabilities, ranks = cells.output_probabilities[:, shown], cells.output_ranks[:, shown]
    attention = selection.block if selection.part is Part.ATTENTION else None
    return LogitLensResult(
        tokens=trace.tokens,
        n_vocab=trace.info.n_vocab,
        piece=model.vocabulary.piece,
        cells=cells,
        depth=blocks_passed(selection, trace.info.n_blocks),
        position=position,
        followed=followed,
        pinned=bool(pins),
        probabilities=probabilities,
        ranks=ranks,
        attention=attention,
        between=None if attention is None or trace.info.parallel else _between(model, trace, attention, position),
    )


def followed_pieces(model: LanguageModel, trace: Trace, position: int, pins: tuple[int, ...] = ()) -> tuple[Piece, ...]:
    """The pinned tokens; without any, the output's most probable token at the position.

    Raises: SelectionError for too many pinned tokens, or one that does not exist.
    """
    if len(pins) > MOST_PINNED:
        raise SelectionError(f"{len(pins)} tokens are pinned; at most {MOST_PINNED} can be followed. Unpin some.")
    last = trace.info.n_vocab - 1
    for token_id in pins:
        if not 0 <= token_id <= last:
            raise SelectionError(f"There is no token id {token_id}: this model has token ids 0–{last}. Unpin it.")
    logits = model.logits(trace, position)
    return tuple(map(model.vocabulary.piece, pins or ([] if unreadable(logits) else [int(logits.argmax())])))


def pinned_ids(text: str) -> tuple[int, ...]:
    """The token ids in the text form of a page's pins: numbers separated by commas, or nothing.

    Raises: SelectionError for a text of another form.
    """
    parts = text.split(",") if text else []
    if not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in parts):
        raise SelectionError("Pinned tokens must be given as token ids separated by commas. Unpin all of them.")
    return tuple(dict.fromkeys(int(part) for part in parts))


def compute_lens_cells(model: LanguageModel, trace: Trace, *, derived: Derived = derive_now) -> LensCells:
    """The readings at all depths and positions, computed at once; the arrays come from `derived` if that is quick."""
    task = plan_logit_lens(model, trace)
    if task is None:
        return _lens_cells(derived(_NAME, lambda: _cells(model, trace, lambda *_: None), version=_CELLS_VERSION))
    cells: LensCells = task.run_now()
    return cells


def plan_logit_lens(model: LanguageModel, trace: Trace) -> Task | None:
    """The computation of `compute_lens_cells` as a task, whose result is a LensCells; None if nothing is slow."""
    work = cells_work(trace.info, trace.n_positions)
    if work <= AT_ONCE:
        return None
    return Task(
        trace,
        name=_NAME,
        version=_CELLS_VERSION,
        kind=_NAME,
        work=work,
        compute=lambda report: _cells(model, trace, report),
        result=_lens_cells,
    )


def cells_work(info: ModelInfo, n_positions: int) -> float:
    """The expected work of `compute_lens_cells`, in multiplications; the last depth is in the trace."""
    return float(info.n_blocks) * n_positions * info.d_model * info.n_vocab


def _lens_cells(arrays: Arrays) -> LensCells:
    return LensCells(**{field.name: arrays[field.name] for field in fields(LensCells)})


def _cells(model: LanguageModel, trace: Trace, report: Progress) -> Arrays:
    n_depths, n_positions = trace.info.n_blocks + 1, trace.n_positions
    shape = n_depths, n_positions
    cells: Arrays = {name: np.zeros(shape, np.int32) for name in ("top", "next_ranks", "output_ranks")}
    cells |= {name: np.zeros(shape, np.float32) for name in ("probabilities", "output_probabilities")}
    cells["log_totals"] = np.zeros(shape, np.float64)
    # Of each position, the token that follows in the text (of the last, any) and the output's most probable one.
    tokens = np.stack([np.append(trace.token_ids[1:], 0), np.zeros(n_positions, np.int64)], axis=1)
    step = max(1, MAX_LOGITS // trace.info.n_vocab)
    for depth in reversed(range(n_depths)):
        for start in range(0, n_positions, step):
            part = slice(start, start + step)
            if depth == trace.info.n_blocks:
                logits = model.logits(trace, part)
                tokens[part, 1] = logits.argmax(axis=1)
            else:
                logits = model.lens_logits(trace.residual(depth)[part])
            highest, cells["log_totals"][depth, part] = _log_totals(logits)
            cells["top"][depth, part] = logits.argmax(axis=1)
            own = np.take_along_axis(logits, tokens[part], axis=1)
            log_totals = cells["log_totals"][depth, part]
            cells["probabilities"][depth, part] = np.exp(highest - log_totals)
            cells["output_probabilities"][depth, part] = np.exp(own[:, 1] - log_totals)
            for n, name in enumerate(("next_ranks", "output_ranks")):
                cells[name][depth, part] = 1 + (logits > own[:, [n]]).sum(axis=1)
            report((n_depths - 1 - depth + min(1.0, (start + step) / n_positions)) / n_depths, {})
    cells["next_ranks"][:, -1] = 0
    missing = np.isnan(cells["log_totals"])
    cells["top"][missing] = -1
    cells["next_ranks"][missing] = 0
    unknown = missing | missing[-1]  # without an output, there is no token of which to have a rank
    cells["output_ranks"][unknown], cells["output_probabilities"][unknown] = 0, np.nan
    return cells


def _follow(model: LanguageModel, trace: Trace, cells: LensCells, position: int, ids: Sequence[int]) -> Arrays:
    """Probabilities and ranks of tokens at all depths of a position, each (n_blocks + 1, number of ids)."""
    streams = np.stack([trace.residual(depth)[position] for depth in range(trace.info.n_blocks)])
    logits = np.concatenate([model.lens_logits(streams), model.logits(trace, position)[None]])
    ranks = np.stack([1 + (logits > logits[:, [one]]).sum(axis=1, dtype=np.int32) for one in ids], axis=1)
    log_totals = cells.log_totals[:, [position]]
    return {
        "probabilities": np.exp(logits[:, ids] - log_totals).astype(np.float32),
        "ranks": np.where(np.isnan(log_totals), 0, ranks).astype(np.int32),
    }


def _log_totals(logits: Float) -> tuple[Float, NDArray[np.float64]]:
    """The largest logit of each row, and the logarithm of the sum of the row's exponentials (NaN if not finite)."""
    highest: Float = logits.max(axis=1)
    with np.errstate(invalid="ignore"):
        sums = np.exp(logits - highest[:, None]).sum(axis=1, dtype=np.float64)
    return highest, highest + np.log(sums)


def _between(model: LanguageModel, trace: Trace, block: int, position: int) -> tuple[Piece, float]:
    """The most probable next token after a block's attention, before its MLP, and its probability."""
    with torch.inference_mode():
        written = model.attention_output(block, torch.from_numpy(trace.head_outputs(block)[position])).numpy()
    logits = model.lens_logits((trace.residual(block)[position] + written)[None])
    highest, log_totals = _log_totals(logits)
    return model.vocabulary.piece(int(logits[0].argmax())), float(np.exp(highest - log_totals)[0])
