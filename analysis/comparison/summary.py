"""Predictions of A and of B, side by side."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.comparison.pair import Comparison
from analysis.models.language_model import LanguageModel
from analysis.numerics.divergence import divergences, log_softmax
from analysis.prediction import PredictionResult, prediction_of, read_logits
from analysis.selection import Selection
from analysis.tokens import Piece


@dataclass(frozen=True, eq=False)
class PredictionDifference:
    """The predicted next tokens after positions of A and B that stand for each other.

    Attributes
    ----------
    a, b : PredictionResult
        The predictions in each.
    pieces : tuple of n_shown pieces
        The most probable tokens of A and of B, each once, in the order of the larger of their two probabilities.
    probabilities : float64, (2, n_shown)
        Their probabilities in A and in B, 0 to 1.
    divergence : float
        KL(A ‖ B), the Kullback-Leibler divergence of the distributions over the vocabulary, in bits; 0 if they are the
        same.
    """

    a: PredictionResult
    b: PredictionResult
    pieces: tuple[Piece, ...]
    probabilities: NDArray[np.float64]
    divergence: float

    @property
    def differences(self) -> NDArray[np.float64]:
        """(n_shown,): the probabilities in A minus those in B."""
        return np.asarray(self.probabilities[0] - self.probabilities[1])


def compute_summary_difference(
    comparison: Comparison,
    model: LanguageModel,
    other_model: LanguageModel,
    selection: Selection,
    position: int,
    *,
    k: int = 5,
) -> PredictionDifference:
    """The `k` most probable next tokens of A and of B, read at the selected part of both.

    selection, position: those of A.
    Raises: SelectionError if B has no such block or no counterpart of the position, the models have different
    vocabularies, or logits are not finite.
    """
    comparison.check_vocabulary()
    there = comparison.counterpart(position)
    if selection.block is not None:
        comparison.check_block(selection.block)
    logits = read_logits(model, comparison.a, selection, position)
    others = read_logits(other_model, comparison.b, selection, there)
    a = prediction_of(model, comparison.a, selection, position, logits=logits, k=k)
    b = prediction_of(other_model, comparison.b, selection, there, logits=others, k=k)
    shares = np.exp(np.stack([log_softmax(one) for one in (logits, others)]))
    ids = list(dict.fromkeys(piece.id for piece, _ in (*a.top, *b.top)))
    ids.sort(key=lambda token_id: -shares[:, token_id].max())
    return PredictionDifference(
        a, b, tuple(map(model.vocabulary.piece, ids)), shares[:, ids], float(divergences(logits, others))
    )
