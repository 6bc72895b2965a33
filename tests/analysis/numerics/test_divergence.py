"""The Kullback-Leibler divergence against scipy-free arithmetic in float64."""

import numpy as np
import pytest
import torch

from analysis.numerics.divergence import divergences, log_softmax

RANDOM = np.random.default_rng(0)
P, Q = (RANDOM.normal(size=(4, 50)).astype(np.float32) * 3 for _ in range(2))


def test_it_is_torchs_divergence_in_bits():
    for axes in (P, Q), (P[0], Q[0]):
        p, q = (torch.tensor(one).double().log_softmax(-1) for one in axes)
        expected = torch.nn.functional.kl_div(q, p, reduction="none", log_target=True).sum(-1) / np.log(2)
        np.testing.assert_allclose(divergences(*axes), expected, rtol=1e-12)


def test_of_equals_it_is_exactly_0():
    np.testing.assert_array_equal(divergences(P, P.copy()), 0)


def test_impossible_tokens_and_broken_logits():
    p, q = np.array([0, 0, -np.inf], np.float32), np.array([0, 0, 0], np.float32)
    assert divergences(p, q) == pytest.approx(np.log2(1.5))
    assert divergences(q, p) == np.inf
    assert np.isnan(divergences(np.array([np.nan, 0], np.float32), q[:2]))
    assert np.exp(log_softmax(p)).tolist() == [0.5, 0.5, 0]
