"""Not-a-number and infinite values: which part of the network writes the first one.

A training that diverged leaves them in the weights; large weights make them by overflow. From there on they spread
through the residual stream, and through attention to later positions.
"""

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.families import logit_cap
from analysis.models.language_model import LanguageModel
from analysis.selection import Part
from analysis.task import Arrays, Derived, derive_now
from analysis.trace import Trace

_VERSION = 1  # raised when the computation changes
_ROWS = 64  # of logits that are read at once
_PARTS = (Part.EMBEDDING, Part.ATTENTION, Part.MLP, Part.NORM, Part.OUTPUT)


@dataclass(frozen=True)
class NonFinite:
    """The first part of the network, in the order of computation, whose output is not finite.

    Attributes
    ----------
    part, block
        The part, and its block if it is in one.
    n_affected, n_positions
        The number of positions at which its output is not finite, and of all.
    """

    part: Part
    block: int | None
    n_affected: int
    n_positions: int

    @property
    def sentence(self) -> str:
        """What is not finite, from where on, and what comes first."""
        some = "" if self.n_affected == self.n_positions else f" at {self.n_affected} of {self.n_positions} positions"
        where = f"not finite{some} (not-a-number or infinite)"
        if self.block is not None:
            name = "MLP" if self.part is Part.MLP else "attention"
            return (
                f"From block {self.block} on, the residual stream is {where}; first: the {name} of block {self.block}."
            )
        if self.part is Part.EMBEDDING:
            return f"From the start, the residual stream is {where}; first: the token embedding."
        if self.part is Part.NORM:
            return f"The residual stream is finite, but the output of the final norm is {where}."
        return f"The residual stream is finite, but the logits are {where}; first: the output head."


def find_nonfinite(model: LanguageModel, trace: Trace, *, derived: Derived = derive_now) -> NonFinite | None:
    """The part that writes the first value that is not finite; None if all are. The arrays come from `derived`."""
    found = derived("nonfinite", partial(_search, model, trace), version=_VERSION)["first"].tolist()
    if not found:
        return None
    part, block, n_affected = found
    return NonFinite(_PARTS[part], None if block < 0 else block, n_affected, trace.n_positions)


def warn_of_nonfinite(model: LanguageModel, trace: Trace, *, frames: int) -> None:
    """Warn a notebook, whose call is so many `frames` above, if values are not finite."""
    if found := find_nonfinite(model, trace):
        warnings.warn(found.sentence, stacklevel=frames + 1)


def unreadable(logits: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether the logits, along the last axis, have no softmax. A logit of −∞ has one: its probability is 0."""
    bad: NDArray[np.bool_] = ~(logits.max(axis=-1) < np.inf)  # the largest of numbers and a not-a-number is the latter
    return bad


def unexplainable(model: LanguageModel, trace: Trace, position: int) -> str:
    """Why no logit after a position can be explained; empty if it can."""
    if not unreadable(model.logits(trace, position)):
        return ""
    found = find_nonfinite(model, trace)
    assert found
    return f"After ‘{trace.tokens[position].label}’ there is no logit to explain. {found.sentence}"


def _search(model: LanguageModel, trace: Trace) -> Arrays:
    return {"first": np.array(_first(model, trace), dtype=np.int64)}


def _first(model: LanguageModel, trace: Trace) -> tuple[int, ...]:
    """The number of the part in `_PARTS`, its block or -1, and the number of positions; empty if all is finite."""
    rows = [slice(start, start + _ROWS) for start in range(0, trace.n_positions, _ROWS)]
    n_unreadable = sum(int(unreadable(model.logits(trace, some)).sum()) for some in rows)
    if not n_unreadable and logit_cap(model.network.config, model.family) is None:  # a cap makes infinite logits finite
        return ()
    if n_bad := _n_bad(trace.residual(0)):
        return 0, -1, n_bad
    for block in range(trace.info.n_blocks):
        if n_bad := _n_bad(trace.residual(block + 1)):
            with torch.inference_mode():
                written = model.attention_output(block, torch.from_numpy(trace.head_outputs(block))).numpy()
            n_bad_between = _n_bad(trace.residual(block) + written)
            return (1, block, n_bad_between) if n_bad_between else (2, block, n_bad)
    with torch.inference_mode():
        normed = model.final_norm(torch.from_numpy(trace.residual(trace.info.n_blocks))).numpy()
    n_bad = _n_bad(normed)
    if n_bad:
        return 3, -1, n_bad
    return (4, -1, n_unreadable) if n_unreadable else ()


def _n_bad(vectors: NDArray[Any]) -> int:
    """The number of positions whose vector is not finite."""
    return int((~np.isfinite(vectors).all(axis=-1)).sum())
