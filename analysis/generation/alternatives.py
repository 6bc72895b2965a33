"""Alternatives: the distribution that a token was drawn from, with the tokens that might have stood in its place."""

from dataclasses import dataclass

import numpy as np

from analysis.errors import SelectionError
from analysis.generation.sampling import Sampling, probabilities, truncated
from analysis.models.language_model import LanguageModel
from analysis.numerics.nonfinite import unreadable
from analysis.prediction import largest
from analysis.tokens import Piece, Token
from analysis.trace import Trace

MOST_SHOWN = 12  # most probable tokens; the token of the text comes after them if it is none of them


@dataclass(frozen=True)
class Alternative:
    """A token that might stand at a position.

    Attributes
    ----------
    piece
        The token.
    before, after
        Its probability, 0 to 1, over the whole vocabulary at temperature 1; and after temperature, top-k and top-p, 0
        if they cut it off.
    rank
        Its rank in the vocabulary by probability, from 1; equals share the best rank.
    """

    piece: Piece
    before: float
    after: float
    rank: int


@dataclass(frozen=True, eq=False)
class AlternativesResult:
    """The distribution of one token of a text, given the tokens before it.

    Attributes
    ----------
    token : Token
        The token of the text.
    own : Alternative
        The same token, with its probabilities and its rank.
    top : tuple of Alternative
        The most probable tokens, the most probable first, of equals the lower id; and last the token of the text, if it
        is not among them.
    n_kept : int
        The number of tokens that temperature, top-k and top-p leave.
    n_vocab : int
        The number of all tokens.
    sampling : Sampling
        The settings of the distribution after truncation.
    """

    token: Token
    own: Alternative
    top: tuple[Alternative, ...]
    n_kept: int
    n_vocab: int
    sampling: Sampling


def compute_alternatives(
    model: LanguageModel,
    trace: Trace,
    position: int,
    *,
    sampling: Sampling = Sampling(),  # noqa: B008  # frozen
) -> AlternativesResult:
    """The most probable tokens at a position, written by the model or not, given the tokens before it.

    Raises: SelectionError for position 0, which follows nothing, and where the logits are not finite.
    """
    if position < 1:
        raise SelectionError("The first token follows nothing, so the model gives it no probability. Choose another.")
    sampling.checked()
    token, logits = trace.tokens[position], model.logits(trace, position - 1)
    if unreadable(logits):
        raise SelectionError(f"The logits before position {position} are not finite, so they have no probabilities.")
    before, after = probabilities(logits), truncated(logits, sampling)

    def alternative(token_id: int) -> Alternative:
        rank = 1 + int(np.count_nonzero(logits > logits[token_id]))
        piece = model.vocabulary.piece(token_id)
        return Alternative(piece, float(before[token_id]), float(after[token_id]), rank)

    top = largest(logits, MOST_SHOWN).tolist()
    return AlternativesResult(
        token=token,
        own=alternative(token.id),
        top=tuple(map(alternative, top if token.id in top else [*top, token.id])),
        n_kept=int(np.count_nonzero(after)),
        n_vocab=len(logits),
        sampling=sampling,
    )
