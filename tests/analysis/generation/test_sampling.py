"""The distribution of the next token, compared with transformers' warpers, and the frequencies of draws."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from analysis.errors import SelectionError
from analysis.generation.sampling import Sampling, draw, next_token, probabilities, read_sampling, truncated

LOGITS = np.random.default_rng(3).normal(0, 3, 500).astype(np.float32)
SETTINGS = [
    Sampling(temperature, top_k, top_p)
    for temperature in (0.3, 1.0, 1.7)
    for top_k in (0, 1, 12, 499, 500, 10_000)
    for top_p in (0.01, 0.5, 0.95, 1.0)
]


def warped(logits: Any, sampling: Sampling) -> Any:
    """As `generate` does it, which leaves out what changes nothing."""
    scores = torch.tensor(logits)[None]
    ids = torch.zeros(1, 0, dtype=torch.long)
    if sampling.temperature != 1:
        scores = TemperatureLogitsWarper(sampling.temperature)(ids, scores)
    if sampling.top_k:
        scores = TopKLogitsWarper(sampling.top_k)(ids, scores)
    if sampling.top_p < 1:
        scores = TopPLogitsWarper(sampling.top_p)(ids, scores)
    return scores.double().softmax(-1)[0].numpy()


@pytest.mark.parametrize("sampling", SETTINGS, ids=str)
def test_truncation_is_that_of_transformers(sampling: Sampling) -> None:
    after, expected = truncated(LOGITS, sampling), warped(LOGITS, sampling)
    assert (after > 0).tolist() == (expected > 0).tolist()
    np.testing.assert_allclose(after, expected, atol=1e-6)


@pytest.mark.parametrize("sampling", [*SETTINGS, Sampling()], ids=str)
def test_both_distributions_sum_to_one(sampling: Sampling) -> None:
    before, after = probabilities(LOGITS), truncated(LOGITS, sampling)
    assert before.dtype == after.dtype == np.float64
    assert abs(before.sum() - 1) < 1e-12
    assert abs(after.sum() - 1) < 1e-12
    np.testing.assert_allclose(before, torch.tensor(LOGITS, dtype=torch.float64).softmax(0).numpy(), rtol=1e-12)
    assert not after[before < 0].any()


def test_equals_of_the_kth_are_kept_as_in_transformers() -> None:
    logits = np.array([1, 3, 2, 2, 0], dtype=np.float32)
    after = truncated(logits, Sampling(1.0, top_k=2))
    assert (after > 0).tolist() == [False, True, True, True, False]
    np.testing.assert_allclose(after, warped(logits, Sampling(1.0, top_k=2)), atol=1e-6)


def test_greedy_takes_the_largest_and_of_equals_the_lowest_id() -> None:
    logits = np.array([0, 5, 5, 1], dtype=np.float32)
    token_id, before, after = next_token(logits, Sampling(), step=3)
    assert token_id == int(torch.tensor(logits).argmax()) == 1
    assert after.tolist() == [0, 1, 0, 0]
    assert before[1] == before[2] < 0.5


def test_infinitely_small_logits_are_never_drawn() -> None:
    logits = np.array([-np.inf, 0, 0, -np.inf], dtype=np.float32)
    for sampling in (Sampling(1.0), Sampling(0.5, 3, 0.9)):
        drawn = {next_token(logits, replace(sampling, seed=seed), step=0)[0] for seed in range(200)}
        assert drawn == {1, 2}


@pytest.mark.long
@pytest.mark.parametrize("sampling", [Sampling(1.0), Sampling(0.8, top_k=6), Sampling(1.4, top_p=0.8)], ids=str)
def test_tokens_are_drawn_as_often_as_their_probabilities_say(sampling: Sampling) -> None:
    """10,000 seeds: each of the ten most probable tokens within 3 σ, and chi-square over all that are expected five
    times or more. The seeds are fixed, so that chance cannot fail the test.
    """
    n = 10_000
    after = truncated(LOGITS, sampling)
    counts = np.zeros(len(after))
    for seed in range(n):
        counts[next_token(LOGITS, replace(sampling, seed=seed), step=9)[0]] += 1
    for token in np.argsort(-after)[:10]:
        p = after[token]
        assert abs(counts[token] - n * p) <= 3 * np.sqrt(n * p * (1 - p)), token
    assert not counts[after == 0].any()
    often = n * after >= 5
    expected = np.append(n * after[often], n * after[~often].sum() + 1e-9)
    found = np.append(counts[often], counts[~often].sum())
    degrees = len(expected) - 1
    chi_square = float(((found - expected)[:-1] ** 2 / expected[:-1]).sum())
    assert chi_square < degrees + 3 * np.sqrt(2 * degrees)


def test_a_draw_depends_on_seed_and_step_alone() -> None:
    after = truncated(LOGITS, Sampling(1.0))
    first = [draw(after, seed=seed, step=step) for seed in range(10) for step in range(10)]
    np.random.seed(1)
    assert [draw(after, seed=seed, step=step) for seed in range(10) for step in range(10)] == first
    assert len(set(first[:10])) > 4  # of one seed
    assert len(set(first[::10])) > 4  # at one step


def test_a_token_of_probability_zero_is_never_drawn() -> None:
    """Not at the end of the vocabulary either, where rounding may lead."""
    for weights in ([0.5, 0.5, 0.0], [0.0, 0.1, 0.9, 0.0, 0.0], [0.0, 1.0]):
        drawn = {draw(np.array(weights), seed=seed, step=0) for seed in range(300)}
        assert drawn == {token for token, weight in enumerate(weights) if weight}


def test_controls_are_read() -> None:
    assert read_sampling("greedy", "x", None, [], "y") == Sampling()
    assert read_sampling("sampled", "0.8", "40", "0.95", "3") == Sampling(0.8, 40, 0.95, 3)
    assert read_sampling("sampled", 1, 0, 1, 4294967295) == Sampling(1.0, 0, 1.0, 2**32 - 1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("beam", "1", "0", "1", "0"), "no ‘beam’ for how tokens are chosen. Choose greedy or sampled"),
        (("sampled", "warm", "0", "1", "0"), "‘warm’ cannot be the temperature"),
        (("sampled", "", "0", "1", "0"), "‘’ cannot be the temperature"),
        (("sampled", None, "0", "1", "0"), "‘None’ cannot be the temperature"),
        (("sampled", "0", "0", "1", "0"), "A temperature of 0 is greedy"),
        (("sampled", "-1", "0", "1", "0"), "no temperature of -1.0"),
        (("sampled", "nan", "0", "1", "0"), "‘nan’ cannot be the temperature"),
        (("sampled", "1e9", "0", "1", "0"), "no temperature of 1000000000.0"),
        (("sampled", "1", "1.5", "1", "0"), "‘1.5’ cannot be the top-k. Type a whole number"),
        (("sampled", "1", "-3", "1", "0"), "no top-k of -3"),
        (("sampled", "1", "0", "0", "0"), "no token would be left"),
        (("sampled", "1", "0", "1.01", "0"), "no top-p of 1.01"),
        (("sampled", "1", "0", "1", "-1"), "no seed of -1"),
        (("sampled", "1", "0", "1", "9" * 400), "cannot be the seed"),
        (("sampled", "1", "0", "1", {"a": 1}), "cannot be the seed"),
    ],
)
def test_controls_that_cannot_be_read_are_refused(given: Any, message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        read_sampling(*given)
