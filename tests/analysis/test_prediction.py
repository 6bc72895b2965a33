"""The logit lens and the model's output, each computed a second time in the test."""

from typing import Any

import numpy as np
import pytest
import torch

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.prediction import compute_prediction
from analysis.selection import Selection
from analysis.tokens import Token
from analysis.trace import Prompt, Trace
from tests.analysis.parts import Parts
from tests.tiny import make_tiny

OUTPUT = Selection.parse("output")


@pytest.fixture(scope="module")
def trace(tiny_model: LanguageModel) -> Trace:
    return compute_trace(tiny_model, Prompt("tiny", "The fox met a crow. The fox ate"))


def test_lens_at_the_last_block_is_the_output(tiny_model: LanguageModel, trace: Trace) -> None:
    for position in (0, 5, trace.n_positions - 1):
        lens = compute_prediction(tiny_model, trace, Selection.parse("block.2.mlp"), position, k=300)
        end = compute_prediction(tiny_model, trace, OUTPUT, position, k=300)
        assert (lens.lens, end.lens) == (True, False)
        assert [p.id for p, _ in lens.top[:5]] == [p.id for p, _ in end.top[:5]]
        np.testing.assert_allclose(lens.logits, end.logits, atol=2e-5)
        assert lens.entropy == pytest.approx(end.entropy, abs=1e-5)


def test_one_residual_is_read_like_many(tiny_model: LanguageModel, trace: Trace) -> None:
    residuals = np.stack([trace.residual(i)[5] for i in range(tiny_model.info.n_blocks + 1)])
    logits = tiny_model.lens_logits(residuals)
    np.testing.assert_allclose([tiny_model.lens_logits(one) for one in residuals], logits, atol=2e-5)
    np.testing.assert_allclose(logits[-1], trace.logits()[5], atol=2e-5)


@pytest.mark.parametrize(("text", "after"), [("embedding", 0), ("block.0.attention.head.1", 1), ("block.1.mlp", 2)])
def test_lens_inside_is_head_of_norm_of_residual(
    tiny_model: LanguageModel, trace: Trace, text: str, after: int
) -> None:
    result = compute_prediction(tiny_model, trace, Selection.parse(text), 4, k=3)
    network: Any = tiny_model.network
    head = dict(network.get_output_embeddings().named_parameters())
    assert ("bias" in head) == (network.config.model_type in ("gptj", "phi"))
    logits = Parts(network).logits(torch.tensor(trace.residual(after)[4]))
    probabilities = torch.softmax(logits.double(), 0)
    best = probabilities.topk(3)
    assert [piece.id for piece, _ in result.top] == best.indices.tolist()
    np.testing.assert_allclose([p for _, p in result.top], best.values, rtol=1e-4)
    np.testing.assert_allclose(result.logits, logits[best.indices], rtol=1e-4, atol=1e-5)
    entropy = -(probabilities * probabilities.log2()).sum()
    assert result.entropy == pytest.approx(float(entropy), rel=1e-5)
    assert [piece.label for piece, _ in result.top] == [tiny_model.vocabulary.piece(int(n)).label for n in best.indices]


def test_how_the_text_goes_on(tiny_model: LanguageModel, trace: Trace) -> None:
    for position in (0, 7):
        result = compute_prediction(tiny_model, trace, OUTPUT, position)
        probabilities = torch.softmax(torch.tensor(trace.logits()[position]).double(), 0)
        token = trace.tokens[position + 1]
        assert result.next is not None
        assert result.next.token == token
        assert result.next.probability == pytest.approx(float(probabilities[token.id]))
        assert result.next.surprisal == pytest.approx(-float(probabilities[token.id].log2()))
        order = probabilities.argsort(descending=True).tolist()
        assert result.next.rank == order.index(token.id) + 1
    assert compute_prediction(tiny_model, trace, OUTPUT, trace.n_positions - 1).next is None


def test_norm_is_the_output(tiny_model: LanguageModel, trace: Trace) -> None:
    norm = compute_prediction(tiny_model, trace, Selection.parse("norm"), 3)
    assert not norm.lens
    assert norm.top == compute_prediction(tiny_model, trace, OUTPUT, 3).top


def hand_made(logits: list[float], tiny: LanguageModel) -> Trace:
    tokens = (Token(1, "a", 0, 0), Token(2, "b", 1, 1))
    rows = np.array([logits, logits], dtype=np.float32)
    return Trace(Prompt("tiny", "ab"), tokens, tiny.info, {"logits": rows}.__getitem__)


def test_huge_logits_are_no_problem(tiny_gpt2: LanguageModel) -> None:
    result = compute_prediction(tiny_gpt2, hand_made([1e4, 1e4, -1e4, 0], tiny_gpt2), OUTPUT, 0)
    assert [probability for _, probability in result.top] == pytest.approx([0.5, 0.5, 0, 0])
    assert result.entropy == pytest.approx(1.0)
    assert result.next is not None
    assert result.next.rank == 4
    assert result.next.surprisal == pytest.approx(2e4 / np.log(2) + 1)


def test_of_equal_tokens_the_lower_id_comes_first(tiny_gpt2: LanguageModel) -> None:
    result = compute_prediction(tiny_gpt2, hand_made([0, 2, 1, 2, 1, 1], tiny_gpt2), OUTPUT, 0, k=4)
    assert [piece.id for piece, _ in result.top] == [1, 3, 2, 4]


def test_a_small_vocabulary_gives_all_it_has(tiny_gpt2: LanguageModel) -> None:
    result = compute_prediction(tiny_gpt2, hand_made([0.0, 1.0, 2.0], tiny_gpt2), OUTPUT, 0, k=5)
    assert [piece.id for piece, _ in result.top] == [2, 1, 0]
    assert sum(probability for _, probability in result.top) == pytest.approx(1)


def test_a_vocabulary_larger_than_the_tokenizer() -> None:
    model = make_tiny("gpt2", vocab_size=320)
    trace = compute_trace(model, Prompt("tiny", "hello"))
    result = compute_prediction(model, trace, OUTPUT, 0, k=320)
    assert {piece.label for piece, _ in result.top if piece.id >= 300} == {f"‹unused {n}›" for n in range(300, 320)}
