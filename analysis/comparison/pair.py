"""Comparison: two traces, A and B, and what of both stands for each other."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.comparison.alignment import align_bytes, align_tokens, inverse
from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from analysis.trace import Float, Trace


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two traces: of two texts, of two models, or of both.

    Attributes
    ----------
    a, b : Trace
        The trace that is looked at, and the one that is subtracted from it.
    aligned : int64, (n_positions of A,)
        For each position of A, the position of B that stands for it; -1 where there is none.
    same_vocabulary : bool
        Whether both models have the same tokens under the same ids, so that their logits can be compared.
    """

    a: Trace
    b: Trace
    aligned: NDArray[np.int64]
    same_vocabulary: bool

    @cached_property
    def inverse(self) -> NDArray[np.int64]:
        """(n_positions of B,): for each position of B, the position of A that stands for it; -1 where there is none."""
        return inverse(self.aligned, self.b.n_positions)

    @cached_property
    def changed(self) -> list[int]:
        """The positions of A whose counterpart is another token."""
        return [
            position
            for position, there in enumerate(self.aligned.tolist())
            if there >= 0 and self.a.tokens[position].label != self.b.tokens[there].label
        ]

    @cached_property
    def digest(self) -> str:
        """What B is, for names of arrays that are kept with A: a digest of its model, its tokens and the alignment."""
        whole = (self.b.info.fingerprint.encode(), self.b.token_ids.tobytes(), self.aligned.tobytes())
        return blake2b(b"|".join(whole), digest_size=12).hexdigest()

    @property
    def same_model(self) -> bool:
        """Whether both traces are of one model."""
        return self.a.info.fingerprint == self.b.info.fingerprint

    @property
    def n_blocks(self) -> int:
        """The number of blocks that both models have."""
        return min(self.a.info.n_blocks, self.b.info.n_blocks)

    def unequal(self, size: str, what: str) -> str:
        """Why something cannot be compared: a size of both models differs. Empty if it is the same.

        size: a field of ModelInfo, such as "n_heads". what: what cannot be compared without it, such as "Heads".
        """
        here, there = getattr(self.a.info, size), getattr(self.b.info, size)
        if here == there:
            return ""
        return f"{what} cannot be compared: {_SIZES[size]} is {here:,} in A and {there:,} in B."

    def other_vocabulary(self) -> str:
        """Why logits cannot be compared: the vocabularies differ. Empty if they are the same."""
        if self.same_vocabulary:
            return ""
        return "Predictions cannot be compared: the models of A and B have different vocabularies."

    def missing_block(self, block: int) -> str:
        """Why a block of A cannot be compared: B has no such block. Empty if it has."""
        last = self.b.info.n_blocks - 1
        return (
            "" if block <= last else f"B has no block {block}: its last one is block {last}. Select an earlier block."
        )

    def missing_position(self, position: int) -> str:
        """Why a position of A cannot be compared: no position of B stands for it. Empty if one does."""
        if self.aligned[position] >= 0:
            return ""
        label = self.a.tokens[position].label
        return f"B has no counterpart of ‘{label}’ at position {position}. Select another token."

    def check_same(self, size: str, what: str) -> None:
        """Check that both models have the same number of something; the arguments are those of `unequal`.

        Raises: SelectionError if they have not.
        """
        _raise(self.unequal(size, what))

    def check_vocabulary(self) -> None:
        """Check that logits can be compared.

        Raises: SelectionError if the models' vocabularies differ.
        """
        _raise(self.other_vocabulary())

    def check_block(self, block: int) -> None:
        """Check that both models have a block.

        Raises: SelectionError if B has fewer.
        """
        _raise(self.missing_block(block))

    def counterpart(self, position: int) -> int:
        """The position of B that stands for a position of A.

        Raises: SelectionError if there is none.
        """
        _raise(self.missing_position(position))
        return int(self.aligned[position])

    def on_a(self, values: NDArray[Any], *axes: int) -> Float:
        """B's values at A's positions, NaN where B has none. axes: those of `values` that are positions of B."""
        moved = np.asarray(values, dtype=np.float32)
        for axis in axes:
            moved = np.take(moved, np.maximum(self.aligned, 0), axis=axis)
            missing = [slice(None)] * moved.ndim
            missing[axis] = self.aligned < 0  # type: ignore[call-overload]
            moved[tuple(missing)] = np.nan
        return moved


_SIZES = {
    "n_heads": "the number of heads of a block",
    "n_neurons": "the number of neurons of a block",
    "d_model": "the width of the residual stream",
    "n_blocks": "the number of blocks",
}


def _raise(reason: str) -> None:
    if reason:
        raise SelectionError(reason)


def compare_traces(model: LanguageModel, trace: Trace, other_model: LanguageModel, other: Trace) -> Comparison:
    """Compare trace A, of `model`, with trace B, of `other_model`.

    Texts of models with the same vocabulary are aligned by token ids, others by their bytes.
    """
    vocabulary, others = model.vocabulary, other_model.vocabulary
    same = vocabulary is others or vocabulary.same_as(others)
    if same:
        aligned = align_tokens(*(tuple(token.id for token in one.tokens) for one in (trace, other)))
    else:
        aligned = align_bytes(
            tuple(vocabulary.bytes(token.id) for token in trace.tokens),
            tuple(others.bytes(token.id) for token in other.tokens),
        )
    return Comparison(trace, other, aligned, same)
