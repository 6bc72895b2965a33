"""Kullback-Leibler divergence of predictions."""

import numpy as np
from numpy.typing import NDArray

from analysis.trace import Float


def divergences(logits: Float, others: Float) -> NDArray[np.float64]:
    """KL(p ‖ q) in bits of the distributions that logits, (..., n_vocab), stand for: exactly 0 where both are equal.

    NaN where logits are not finite; a logit of −∞ has probability 0.
    """
    p, q = log_softmax(logits), log_softmax(others)
    with np.errstate(invalid="ignore"):
        terms = np.where(np.isneginf(p), 0, np.exp(p) * (p - q))
    return np.asarray(terms.sum(axis=-1) / np.log(2))


def log_softmax(logits: Float) -> NDArray[np.float64]:
    """The logarithms of the probabilities, along the last axis, in float64."""
    with np.errstate(invalid="ignore"):
        shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
