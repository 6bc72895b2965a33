"""Surprisal, compared with torch's cross entropy."""

from typing import Any

import numpy as np
import pytest
import torch

import analysis.strip
from analysis.model_info import ModelInfo
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.strip import attention_from, compute_strip
from analysis.tokens import Token
from analysis.trace import Prompt, Trace
from tests.tiny import TEXT


def test_bits_probability_and_rank_on_every_family(tiny_model: LanguageModel) -> None:
    trace = compute_trace(tiny_model, Prompt("tiny", TEXT[:50]))
    with torch.inference_mode():
        logits = tiny_model.network(input_ids=torch.from_numpy(trace.token_ids)[None]).logits[0].double()
    targets = torch.tensor(trace.token_ids[1:])
    nats = torch.nn.functional.cross_entropy(logits[:-1], targets, reduction="none").numpy()
    order = logits[:-1].argsort(descending=True)
    ranks = [row.tolist().index(target) + 1 for row, target in zip(order, targets.tolist(), strict=True)]

    result = compute_strip(tiny_model, trace)

    np.testing.assert_allclose(result.surprisal[1:], nats / np.log(2), rtol=1e-4)
    np.testing.assert_allclose(result.probabilities[1:], np.exp(-nats), rtol=1e-3)
    assert result.ranks[1:].tolist() == ranks
    assert result.n_vocab == tiny_model.info.n_vocab
    assert result.tokens == trace.tokens


def test_the_first_token_has_no_surprisal(tiny_gpt2: LanguageModel) -> None:
    result = compute_strip(tiny_gpt2, compute_trace(tiny_gpt2, Prompt("tiny", "fox")))
    assert np.isnan(result.surprisal[0])
    assert np.isnan(result.probabilities[0])
    assert result.ranks[0] == 0


def test_one_token(tiny_gpt2: LanguageModel) -> None:
    result = compute_strip(tiny_gpt2, compute_trace(tiny_gpt2, Prompt("tiny", "T")))
    assert len(result.surprisal) == 1
    assert np.isnan(result.surprisal).all()


@pytest.mark.parametrize("offset", [0, 1e4, -1e4])
def test_huge_logits_do_not_overflow(tiny_gpt2: LanguageModel, offset: float) -> None:
    logits = np.array([[0, 200, 300], [0, 0, 0]], dtype=np.float32) + np.float32(offset)
    tokens = tuple(Token(token_id, "x", position, position) for position, token_id in enumerate([0, 1]))
    info = ModelInfo("GPT-2", 1, 1, 1, 1, 1, 3, 8, 1, "f")
    result = compute_strip(tiny_gpt2, Trace(Prompt("m", "xx"), tokens, info, lambda name: {"logits": logits}[name]))
    assert result.surprisal[1] == pytest.approx(100 / np.log(2))
    assert result.ranks[1] == 2


def test_equals_take_the_best_rank_and_certainty_is_zero_bits(tiny_gpt2: LanguageModel) -> None:
    logits = np.array([[5, 5, 5, 5], [100, 0, 0, 0], [0, 0, 0, 0]], dtype=np.float32)
    tokens = tuple(Token(token_id, "x", position, position) for position, token_id in enumerate([0, 3, 0]))
    info = ModelInfo("GPT-2", 1, 1, 1, 1, 1, 4, 8, 1, "f")
    result = compute_strip(tiny_gpt2, Trace(Prompt("m", "xxx"), tokens, info, lambda name: {"logits": logits}[name]))
    assert result.surprisal[1:].tolist() == [2, 0]
    assert result.ranks[1:].tolist() == [1, 1]


def test_the_arrays_are_cached_under_a_version(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "fox"))
    keys = []

    def derived(name: str, compute: Any, *, version: int) -> Any:
        keys.append((name, version))
        return compute()

    compute_strip(tiny_gpt2, trace, derived=derived)
    assert keys == [("strip", analysis.strip._VERSION)]


def test_attention_from_a_position_is_a_row_of_the_head(tiny_model: LanguageModel) -> None:
    trace = compute_trace(tiny_model, Prompt("tiny", TEXT[:50]))
    with torch.inference_mode():
        attentions = tiny_model.network(input_ids=torch.from_numpy(trace.token_ids)[None], output_attentions=True)
    row = attentions.attentions[1][0, 2, 5].numpy()
    weights = attention_from(trace, Selection.parse("block.1.attention.head.2"), 5)
    assert weights is not None
    np.testing.assert_allclose(weights, row[:6], atol=1e-6)
    assert weights.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("text", ["embedding", "block.1.attention", "block.1.mlp", "block.1.mlp.neuron.3", "output"])
def test_what_is_no_head_has_no_attention(tiny_gpt2: LanguageModel, text: str) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "The fox"))
    assert attention_from(trace, Selection.parse(text), 0) is None
