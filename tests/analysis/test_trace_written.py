"""Tokens that were written after a text: read by their ids, counted, and checked."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from analysis.causes.ledger import compute_ledger
from analysis.errors import TextError
from analysis.models.forward import compute_trace, encode
from analysis.models.language_model import LanguageModel
from analysis.storage.trace_store import trace_key
from analysis.trace import MOST_WRITTEN, Prompt, read_written

TEXT = "The fox met a crow"


@pytest.mark.parametrize(
    ("given", "ids"),
    [("", ()), ("12", (12,)), ("12.55.99", (12, 55, 99)), ([], ()), ((), ()), ([3, 0, 3], (3, 0, 3)), ("007", (7,))],
)
def test_ids_are_read(given: Any, ids: tuple[int, ...]) -> None:
    assert read_written(given) == ids


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("a", "‘a’ is not a token id"),
        ("12.", "‘’ is not a token id"),
        (".", "‘’ is not a token id"),
        ("1,2", "‘1,2’ is not a token id"),
        ("-3", "‘-3’ is not a token id"),
        ("1e3", "‘1e3’ is not a token id"),
        ("１２", "is not a token id"),  # digits, but not ASCII's
        ("9" * 10, "is not a token id"),
        ("<b>" * 3000, "is not a token id"),
        ("1." * 20_000, "too many written tokens"),
        (".".join(["1"] * (MOST_WRITTEN + 1)), "1,001 written tokens; at most 1,000"),
        ([1] * (MOST_WRITTEN + 1), "1,001 written tokens"),
        ([1, -1], "‘-1’ is not a token id"),
        ([1, 2.0], "‘2.0’ is not a token id"),
        ([True], "‘True’ is not a token id"),
        (["1"], "‘1’ is not a token id"),
        ([[1]], "is not a token id"),
        ([10**400], "is not a token id"),
        (None, "no list of token ids"),
        ({"a": 1}, "no list of token ids"),
        (5, "no list of token ids"),
    ],
)
def test_anything_else_is_refused_with_words(given: Any, message: str) -> None:
    with pytest.raises(TextError, match=message) as refused:
        read_written(given)
    assert len(str(refused.value)) < 300


def test_they_follow_the_texts_own_tokens(tiny_model: LanguageModel) -> None:
    own = encode(tiny_model, TEXT[:8])
    tokens = encode(tiny_model, TEXT[:8], written=(5, 299, 5))
    assert tokens[: len(own)] == own
    assert [token.id for token in tokens[len(own) :]] == [5, 299, 5]
    assert [token.written for token in tokens] == [False] * len(own) + [True] * 3
    assert [token.position for token in tokens] == list(range(len(own) + 3))


@pytest.mark.parametrize("token_id", [300, -1, 10**8])
def test_ids_that_the_model_does_not_have_are_refused(tiny_gpt2: LanguageModel, token_id: int) -> None:
    with pytest.raises(TextError, match=rf"no token with the id {token_id}.* Its ids are 0–299"):
        encode(tiny_gpt2, TEXT, written=(1, token_id))


def test_they_count_towards_the_limits(tiny_gpt2: LanguageModel) -> None:
    n = len(encode(tiny_gpt2, TEXT))
    assert len(encode(tiny_gpt2, TEXT, written=[1] * (64 - n))) == 64
    with pytest.raises(TextError, match=f"{n} tokens and {65 - n} that were written after it; this model reads.* 64"):
        encode(tiny_gpt2, TEXT, written=[1] * (65 - n))
    with pytest.raises(TextError, match=f"this server reads at most {n}. Shorten it by 2 tokens"):
        encode(tiny_gpt2, TEXT, written=[1, 1], max_tokens=n)


def test_the_network_reads_them_as_any_text(tiny_gpt2: LanguageModel) -> None:
    """A text cut where the tokenizer would cut it: the same ids, the same arrays, the same key."""
    ids = [token.id for token in encode(tiny_gpt2, TEXT)]
    words = TEXT.rsplit(" ", 1)
    n = len(encode(tiny_gpt2, words[0]))
    whole = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    parts = compute_trace(tiny_gpt2, Prompt("tiny", words[0], written=tuple(ids[n:])))
    assert parts.token_ids.tolist() == ids
    assert trace_key(parts.info, parts.tokens) == trace_key(whole.info, whole.tokens)
    np.testing.assert_array_equal(parts.logits(), whole.logits())


def test_a_prompt_with_them_can_be_a_key_and_a_question() -> None:
    prompt = Prompt("tiny", TEXT, written=(1, 2))
    assert {prompt: 1}[replace(prompt)] == 1
    assert Prompt("tiny", TEXT) != prompt
    assert read_written(list(asdict(prompt)["written"])) == prompt.written


def test_the_ledger_does_not_look_for_them_in_the_text(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT, written=(5, 7)))
    lines = compute_ledger(tiny_gpt2, trace)
    assert lines[0].difference == 0
    assert [line.name for line in lines if line.fails] == []
