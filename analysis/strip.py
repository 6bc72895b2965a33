"""How surprising each token of the text was to the model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.task import Arrays, Derived, derive_now
from analysis.tokens import Token
from analysis.trace import Float, Trace


@dataclass(frozen=True, eq=False)
class StripResult:
    """One number a token, each (n_positions,).

    surprisal: −log2 of the probability that the model gave the token, over the whole vocabulary, after the tokens
    before it; in bits, 0 or more. NaN at position 0, which nothing comes before. probabilities: that probability, 0 to
    1, NaN at position 0. ranks: 1 for a token that no other was more probable than; 0 at position 0.
    n_vocab: how many tokens were ranked.
    """

    tokens: tuple[Token, ...]
    surprisal: Float
    probabilities: Float
    ranks: NDArray[np.int64]
    n_vocab: int


def compute_strip(trace: Trace, *, derived: Derived = derive_now) -> StripResult:
    """The surprisal, probability and rank of each token, from the logits of the position before it.

    derived: has the arrays computed, which reads all logits, or gets them by name.
    Source: surprisal as in Shannon (1948).
    """
    arrays = derived("strip", lambda: _surprisal(trace))
    return StripResult(
        tokens=trace.tokens,
        surprisal=arrays["surprisal"],
        probabilities=np.exp2(-arrays["surprisal"]),
        ranks=arrays["ranks"],
        n_vocab=trace.info.n_vocab,
    )


def _surprisal(trace: Trace) -> Arrays:
    logits = trace.logits()
    surprisal = np.full(trace.n_positions, np.nan, dtype=np.float32)
    ranks = np.zeros(trace.n_positions, dtype=np.int64)
    for position, token_id in enumerate(trace.token_ids[1:], start=1):
        row = logits[position - 1]  # one row at a time stays in the processor's cache and copies little
        highest, own = row.max(), row[token_id]
        log_total = np.log(np.exp(row - highest).sum(dtype=np.float64))
        surprisal[position] = (log_total + (highest - own)) / np.log(2)
        ranks[position] = 1 + np.count_nonzero(row > own)
    return {"surprisal": surprisal, "ranks": ranks}
