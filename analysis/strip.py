"""The token strip: the surprisal of each token of the text, and the selected head's attention from one of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.models.language_model import LanguageModel
from analysis.numerics.nonfinite import unreadable
from analysis.selection import Selection
from analysis.task import Arrays, Derived, derive_now
from analysis.tokens import Token
from analysis.trace import Float, Trace

_VERSION = 2  # raised when the computation changes
_ROWS = 16  # of logits at once, if they are computed again


@dataclass(frozen=True, eq=False)
class StripResult:
    """How probable each token of the text was, given the tokens before it.

    Attributes
    ----------
    tokens : tuple of n_positions tokens
        The text.
    surprisal : float32, (n_positions,)
        −log2 of the token's probability over the whole vocabulary, in bits, 0 or more; NaN at position 0, which has no
        tokens before it, and where the logits are not finite.
    probabilities : float32, (n_positions,)
        That probability, 0 to 1; NaN where there is no surprisal.
    ranks : int64, (n_positions,)
        The token's rank in the vocabulary by probability, from 1; equals share the best rank. 0 where there is no
        surprisal.
    n_vocab : int
        The number of ranked tokens.
    """

    tokens: tuple[Token, ...]
    surprisal: Float
    probabilities: Float
    ranks: NDArray[np.int64]
    n_vocab: int


def compute_strip(model: LanguageModel, trace: Trace, *, derived: Derived = derive_now) -> StripResult:
    """The surprisal, probability and rank of each token, from the logits of the position before it.

    The arrays, for which all logits are read, come from `derived`.

    Source: Shannon 1948, "A mathematical theory of communication".
    """
    arrays = derived("strip", lambda: _surprisal(model, trace), version=_VERSION)
    return StripResult(
        tokens=trace.tokens,
        surprisal=arrays["surprisal"],
        probabilities=np.exp2(-arrays["surprisal"]),
        ranks=arrays["ranks"],
        n_vocab=trace.info.n_vocab,
    )


def attention_from(trace: Trace, selection: Selection, position: int) -> Float | None:
    """Attention weights of the selected head from a position, (position + 1,), which sum to 1; None if no head is
    selected.
    """
    if selection.block is None or selection.head is None:
        return None
    return trace.attention(selection.block, at=(selection.head, position, slice(position + 1)))


def _surprisal(model: LanguageModel, trace: Trace) -> Arrays:
    surprisal = np.full(trace.n_positions, np.nan, dtype=np.float32)
    ranks = np.zeros(trace.n_positions, dtype=np.int64)
    for position, token_id in enumerate(trace.token_ids[1:], start=1):
        if (position - 1) % _ROWS == 0:
            rows = model.logits(trace, slice(position - 1, position - 1 + _ROWS))
        row = rows[(position - 1) % _ROWS]  # one row at a time stays in the processor's cache
        if unreadable(row):
            continue
        highest, own = row.max(), row[token_id]
        log_total = np.log(np.exp(row - highest).sum(dtype=np.float64))
        surprisal[position] = (log_total + (highest - own)) / np.log(2)
        ranks[position] = 1 + np.count_nonzero(row > own)
    return {"surprisal": surprisal, "ranks": ranks}
