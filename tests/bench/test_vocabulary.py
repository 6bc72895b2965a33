"""A vocabulary of 262,144 tokens, as Gemma's: the search for a token, and a position's logits that are not kept."""

import time
from statistics import median
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model
from analysis.tokens import Vocabulary
from analysis.trace import Prompt
from tests.tiny import byte_level_tokenizer, long_text

N_VOCAB = 262_144
WIDTH = 640  # of Gemma 3 270M
_SCRIPTS = {  # first and last letter, and the share of tokens
    "Latin": ("a", "z", 0.57), "Han": ("\u4e00", "\u9ffe", 0.15), "Cyrillic": ("\u0430", "\u044f", 0.1),
    "Arabic": ("\u0621", "\u064a", 0.08), "Devanagari": ("\u0905", "\u0939", 0.05),
    "Hangul": ("\uac00", "\ud7a2", 0.05),
}  # fmt: skip


@pytest.fixture(scope="module")
def pieces() -> list[str]:
    """Random words of several scripts, half of them after a space."""
    random = np.random.default_rng(0)
    found: list[str] = []
    for first, last, share in _SCRIPTS.values():
        for length in random.integers(1, 9, round(share * N_VOCAB)):
            letters = map(chr, random.integers(ord(first), ord(last) + 1, length))
            found.append("▁" * int(random.integers(2)) + "".join(letters))
    return found[:N_VOCAB]


def test_search(benchmark: Any, pieces: list[str], report: Any) -> None:
    """The first search labels all tokens; `later` is the next one."""
    later = []

    def search(vocabulary: Vocabulary) -> None:
        assert len(vocabulary.search("e", most=12)) == 12

    def fresh() -> Any:
        return (Vocabulary(pieces, byte_level=False, literal=frozenset()),), {}

    benchmark.pedantic(search, setup=fresh, rounds=5)
    if benchmark.disabled:
        return
    (vocabulary,), _ = fresh()
    search(vocabulary)
    for text in ("h", "he", "hello"):
        start = time.perf_counter()
        vocabulary.search(text, most=12)
        later.append(time.perf_counter() - start)
    report("262,144 tokens: the first search for one", f"{1e3 * benchmark.stats['median']:.0f} ms")
    report("  a later search", f"{1e3 * median(later):.0f} ms")


def test_logits_of_a_position(benchmark: Any, request: pytest.FixtureRequest, report: Any) -> None:
    tiny = not request.config.getoption("benchmark_enable")
    torch.manual_seed(0)
    config = GPT2Config(n_embd=32 if tiny else WIDTH, n_layer=1, n_head=4, vocab_size=N_VOCAB)
    network = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    model: LanguageModel = prepare_model("large", network, byte_level_tokenizer())
    trace = compute_trace(model, Prompt("large", long_text(model, 65)))
    assert not trace.keeps_logits
    positions = iter(range(65))
    benchmark.pedantic(lambda: model.logits(trace, next(positions)), rounds=20)
    if benchmark.disabled:
        return
    report(f"  logits of a position, from a stream of width {WIDTH}", f"{1e3 * benchmark.stats['median']:.0f} ms")
