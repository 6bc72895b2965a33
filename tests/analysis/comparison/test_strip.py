"""Surprisal of A minus that of B, against transformers' own logits in float64."""

import numpy as np
import pytest
import torch

from analysis.comparison.pair import compare_traces
from analysis.comparison.strip import compute_strip_difference
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt
from tests.tiny import make_tiny

A, B = "the fox met a crow. The crow had a cheese", "the fox said hello. The crow had a cheese"


def difference(model: LanguageModel, a: str, b: str, other: LanguageModel | None = None) -> np.ndarray:
    second = other or model
    traces = [compute_trace(one, Prompt(one.name, text)) for one, text in ((model, a), (second, b))]
    return compute_strip_difference(model, second, compare_traces(model, traces[0], second, traces[1])).difference


def test_the_difference_is_that_of_both_surprisals(tiny_gpt2: LanguageModel):
    bits = []
    for text in (A, B):
        ids = torch.tensor([tiny_gpt2.tokenize(text)])
        with torch.inference_mode():
            logits = tiny_gpt2.network(ids).logits[0].double()
        own = logits.log_softmax(-1)[:-1].gather(1, ids[0, 1:, None])[:, 0]
        bits.append(np.concatenate([[np.nan], -own.numpy() / np.log(2)]))
    a, b = (compute_trace(tiny_gpt2, Prompt("tiny", text)) for text in (A, B))
    aligned = compare_traces(tiny_gpt2, a, tiny_gpt2, b).aligned
    found = difference(tiny_gpt2, A, B)
    assert (aligned < 0).any() or a.n_positions == b.n_positions
    for position, there in enumerate(aligned):
        expected = np.nan if there < 0 else bits[0][position] - bits[1][there]
        assert found[position] == pytest.approx(expected, abs=1e-4, nan_ok=True)


def test_equal_questions_have_no_difference_and_swapped_ones_the_opposite(tiny_gpt2: LanguageModel):
    assert (difference(tiny_gpt2, A, A)[1:] == 0).all()
    forwards, backwards = difference(tiny_gpt2, A, B), difference(tiny_gpt2, B, A)
    a, b = (compute_trace(tiny_gpt2, Prompt("tiny", text)) for text in (A, B))
    aligned = compare_traces(tiny_gpt2, a, tiny_gpt2, b).aligned
    pairs = [(here, there) for here, there in enumerate(aligned) if there > 0]
    assert len(pairs) > 3
    assert all(forwards[here] == -backwards[there] for here, there in pairs)


def test_another_model_differs(tiny_gpt2: LanguageModel):
    found = difference(tiny_gpt2, A, A, make_tiny("gpt2", seed=1))
    assert np.abs(found[1:]).min() > 0
