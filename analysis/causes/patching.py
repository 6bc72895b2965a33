"""Activation patching: a text B is run with single values from a text A, to find which of them carry the difference."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.causes.intervention import Intervention
from analysis.causes.run import OtherText, check_work, read_values
from analysis.comparison.alignment import align_tokens
from analysis.errors import SelectionError, check_choice
from analysis.models.hooks import Edit, editing
from analysis.models.language_model import LanguageModel
from analysis.numerics.nonfinite import unexplainable
from analysis.saliency import default_target
from analysis.selection import Part, Selection
from analysis.task import Arrays, Progress, Task
from analysis.tokens import Piece, Token
from analysis.trace import Float, Trace

_VERSION = 2  # raised when the computation changes, so that arrays of older code are not read

Carried = Literal["stream", "attention", "mlp", "heads"]
_SITES = {"stream": "residual", "attention": "attention", "mlp": "mlp", "heads": "head_outputs"}


@dataclass(frozen=True, eq=False)
class PatchingResult:
    """What carrying single values from text A into text B does to a logit after the last token.

    Attributes
    ----------
    tokens, others : tuple of n_positions tokens, tuple of n_other_positions tokens
        The texts A and B.
    aligned : int64, (n_positions,)
        For each position of A, the position of B that stands for it; -1 where there is none.
    carried : "stream", "attention", "mlp" or "heads"
        What is carried over: the stream that enters a block, what its attention or MLP adds to it, or heads.
    target, against : Piece, Piece or None
        The token whose logit is read, and the token whose logit is subtracted.
    clean, corrupted : float
        The logit, or difference of two, in A and in B as they are.
    values : float32, (n_blocks, n_positions), or with heads (n_blocks, n_heads)
        The logit, or difference, in B with the value of A at a block and at a position of A; with heads, at all aligned
        positions. NaN where it is not computed yet, and at positions without a counterpart.
    """

    tokens: tuple[Token, ...]
    others: tuple[Token, ...]
    aligned: NDArray[np.int64]
    carried: Carried
    target: Piece
    against: Piece | None
    clean: float
    corrupted: float
    values: Float

    @property
    def complete(self) -> bool:
        """Whether all patches are computed."""
        known = self.values if self.carried == "heads" else self.values[:, self.aligned >= 0]
        return not np.isnan(known).any()

    @property
    def normalized(self) -> Float:
        """The values on the scale on which B as it is has 0 and A has 1; NaN if both are equal."""
        span = self.clean - self.corrupted
        scaled: Float = (self.values - self.corrupted) / span if span else np.full_like(self.values, np.nan)
        return scaled.astype(np.float32)


def align(trace: Trace, other: Trace) -> NDArray[np.int64]:
    """For each position of a trace, the position of another of the same model that stands for it; -1 where there is
    none.
    """
    return align_tokens(*(tuple(token.id for token in one.tokens) for one in (trace, other)))


def donor(trace: Trace, other: Trace) -> OtherText:
    """Text A as the text that values are taken from. trace: of A; other: of B."""
    return OtherText(trace.token_ids, align(other, trace))


def patch_of(
    selection: Selection, position: int, *, carried: Carried, aligned: NDArray[np.int64]
) -> Intervention | None:
    """The patch of B for what is selected in A; None if that names no cell of the grid.

    position: the selected one, in A. aligned: as in `PatchingResult`.
    """
    if selection.block is None:
        return None
    if carried == "heads":
        return None if selection.head is None else Intervention(selection.block, "head", selection.head, None, "other")
    there = int(aligned[position])
    return None if there < 0 else Intervention(selection.block, carried, None, there, "other")


def compute_patching(model: LanguageModel, trace: Trace, other: Trace, **choices: Any) -> PatchingResult:
    """The result of `plan_patching`, computed at once."""
    result: PatchingResult = plan_patching(model, trace, other, **choices).run_now()
    return result


def plan_patching(
    model: LanguageModel,
    trace: Trace,
    other: Trace,
    *,
    carried: Carried = "stream",
    target: int | None = None,
    against: int | None = None,
) -> Task:
    """Run B with each single value from A, as a task whose result is a PatchingResult.

    Before the first token in which the texts differ, both have equal values, so these patches are not run. Nor are
    blocks before a patch.

    trace, other: of A, the text whose behaviour is looked for, and of B, the text that it is compared with. The target
    is by default the most probable next token of A; the logit of `against` is subtracted.
    Raises: SelectionError for a choice or a token that does not exist, for texts whose last tokens do not stand for
    each other, and where logits are not finite.
    Source: Meng et al. 2022, "Locating and editing factual associations in GPT" (block × position); Wang et al. 2023,
    "Interpretability in the wild" (heads); Zhang and Nanda 2024, "Towards best practices of activation patching".
    """
    check_choice(carried, Carried, "what is carried over")
    last, other_last = trace.n_positions - 1, other.n_positions - 1
    for token_id in (target, against):
        Selection(Part.OUTPUT, target=token_id).checked(trace.info, trace.n_positions)
    aligned = align(trace, other)
    if aligned[last] != other_last:
        raise SelectionError("The two texts end with different tokens. Let both end with the same token.")
    if reason := unexplainable(model, trace, last) or unexplainable(model, other, other_last):
        raise SelectionError(reason)
    explained = default_target(model, trace, last) if target is None else target
    n_blocks, n_heads = trace.info.n_blocks, trace.info.n_heads
    n_columns = n_heads if carried == "heads" else trace.n_positions

    work = other.n_positions * n_columns * (n_blocks + 1) / 2
    check_work(work)

    def compute(report: Progress) -> Arrays:
        patching = _Patching(model, trace, other, aligned, (explained, against), carried=carried)
        values = np.full((n_blocks, n_columns), np.nan, dtype=np.float32)
        values[:, patching.equal] = patching.corrupted
        if patching.last_only(n_blocks - 1):
            values[-1, patching.columns[:-1]] = patching.corrupted
        arrays = {"clean": np.array(patching.clean), "corrupted": np.array(patching.corrupted), "values": values}
        done, total = 0, max(1, len(patching.columns) * n_blocks * (n_blocks + 1) // 2)
        for block in reversed(range(n_blocks)):
            for columns, found in patching.patched(block):
                values[block, columns] = found
                done += (n_blocks - block) * len(columns)
                report(done / total, {})
            report(done / total, arrays)
        return arrays

    def result(arrays: Arrays) -> PatchingResult:
        return PatchingResult(
            trace.tokens,
            other.tokens,
            aligned,
            carried,
            model.vocabulary.piece(explained),
            None if against is None else model.vocabulary.piece(against),
            float(arrays["clean"]),
            float(arrays["corrupted"]),
            arrays["values"],
        )

    return Task(
        trace,
        name=f"patching {carried} {OtherText(other.token_ids, aligned).digest()} {explained} {against}",
        version=_VERSION,
        kind=f"patching {'heads' if carried == 'heads' else 'positions'}",
        work=work,
        compute=compute,
        result=result,
    )


class _Patching:
    """The passes of one grid. columns: those that are patched; equal: those whose patch changes nothing."""

    def __init__(
        self,
        model: LanguageModel,
        trace: Trace,
        other: Trace,
        aligned: NDArray[np.int64],
        tokens: tuple[int, int | None],
        *,
        carried: Carried,
    ) -> None:
        from analysis.saliency_methods.explained_logit import ExplainedLogit  # captum takes 25 MB: only in jobs

        self._info, self._other, self._carried = trace.info, other, carried
        self._logit = ExplainedLogit(model, *tokens)
        sites = [f"{_SITES[carried]}.{block}" for block in range(self._info.n_blocks)]
        # In inference mode, tensors could not be used in a pass that is not.
        self._values = {site: value.clone() for site, value in read_values(model, trace.token_ids, sites).items()}
        n_shared = min(trace.n_positions, other.n_positions)
        differ = trace.token_ids[:n_shared] != other.token_ids[:n_shared]
        first = int(differ.argmax()) if differ.any() else n_shared
        positions = np.flatnonzero(aligned >= 0)
        # Pairs of positions, in A and in B.
        self._pairs = [(int(p), int(aligned[p])) for p in positions if p >= first]
        heads = list(range(self._info.n_heads)) if self._pairs else []
        self.columns = heads if carried == "heads" else [p for p, _ in self._pairs]
        none = [] if self._pairs else list(range(self._info.n_heads))
        self.equal = none if carried == "heads" else [int(p) for p in positions if p < first]
        end = self._info.n_blocks
        self.clean, self.corrupted = (
            float(self._logit.values(end, _stream(one, end - 1))[0]) for one in (trace, other)
        )

    def last_only(self, block: int) -> bool:
        """Whether only a patch at the last position can reach the logit: nothing reads what others add in the last
        block.
        """
        return block == self._info.n_blocks - 1 and self._carried in ("attention", "mlp")

    def patched(self, block: int) -> Iterator[tuple[list[int], NDArray[np.float64]]]:
        """The columns that one pass patches, one in each of its texts, and the logit with each."""
        stream = _stream(self._other, block)
        size = self._logit.batch_size(stream)
        start = max(0, len(self.columns) - 1) if self.last_only(block) else 0
        for first in range(start, len(self.columns), size):
            some = self.columns[first : first + size]
            edits = {f"{_SITES[self._carried]}.{block}": self._edit(block, first, some)}
            with editing(edits):
                found = self._logit.values(block + 1, stream.expand(len(some), -1, -1))
            yield some, found

    def _edit(self, block: int, first: int, columns: list[int]) -> Edit:
        value = self._values[f"{_SITES[self._carried]}.{block}"]
        n_positions, d_head = self._other.n_positions, self._info.d_head

        def edit(values: Tensor) -> Tensor:
            changed = values.clone(memory_format=torch.contiguous_format)
            rows = changed.view(len(columns), -1, values.shape[-1])
            missing = n_positions - rows.shape[1]  # the last block's MLP is run at the last position only
            for text, column in enumerate(columns):
                if self._carried == "heads":
                    one = slice(column * d_head, (column + 1) * d_head)
                    rows[text, [q for _, q in self._pairs], one] = value[[p for p, _ in self._pairs], one]
                elif (there := self._pairs[first + text][1]) >= missing:
                    rows[text, there - missing] = value[column]
            return changed

        return edit


def _stream(trace: Trace, block: int) -> Tensor:
    return torch.from_numpy(trace.residual(block)[None].copy())
