"""What a model writes on, compared with transformers' `generate` and with fresh traces."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from analysis.errors import SelectionError
from analysis.generation import continuation
from analysis.generation.continuation import MOST_TOKENS, compute_continuation, end_ids, plan_continuation
from analysis.generation.sampling import Sampling
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt

TEXT = "The fox met a crow"
WARM = Sampling(temperature=1.3, top_k=40, top_p=0.9, seed=7)


def ids_of(result: Any) -> list[int]:
    return [piece.id for piece in result.written]


@contextmanager
def never_ending(model: LanguageModel) -> Iterator[None]:
    """The model without an end-of-text token, so that it writes as much as planned."""
    config: Any = model.network.generation_config
    before, config.eos_token_id = config.eos_token_id, None
    try:
        yield
    finally:
        config.eos_token_id = before


def generated(model: LanguageModel, ids: Any, n_tokens: int) -> list[int]:
    network: Any = model.network
    given = torch.tensor([list(map(int, ids))])
    found = network.generate(given, attention_mask=torch.ones_like(given), do_sample=False, max_new_tokens=n_tokens)
    return list(found[0, given.shape[1] :].tolist())


def short_prompt(model: LanguageModel) -> Prompt:
    return Prompt(model.name, TEXT[: next(n for n in range(1, 99) if len(model.tokenize(TEXT[:n])) >= 5)])


@pytest.mark.long
def test_greedy_is_what_transformers_generates(tiny_model: LanguageModel) -> None:
    """40 tokens, in every family; with the end-of-text token and without."""
    trace = compute_trace(tiny_model, short_prompt(tiny_model))
    result = compute_continuation(tiny_model, trace, n_tokens=40)
    assert ids_of(result) == generated(tiny_model, trace.token_ids, 40)
    with never_ending(tiny_model):
        result = compute_continuation(tiny_model, trace, n_tokens=40)
        assert ids_of(result) == generated(tiny_model, trace.token_ids, 40)
    assert (len(result.written), result.end) == (40, "planned")
    assert (result.ranks == 1).all()
    assert (result.drawn_with == 1).all()


def test_each_steps_logits_are_those_of_a_fresh_trace(
    tiny_model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache of keys and values changes no logit by more than 1e-4, also beyond the windows of some families."""
    seen: list[Any] = []

    def noted(logits: Any, sampling: Sampling, *, step: int) -> Any:
        seen.append(logits.copy())
        return original(logits, sampling, step=step)

    original = continuation.next_token
    monkeypatch.setattr(continuation, "next_token", noted)
    prompt = short_prompt(tiny_model)
    trace = compute_trace(tiny_model, prompt)
    with never_ending(tiny_model):
        result = compute_continuation(tiny_model, trace, n_tokens=24, sampling=WARM)
    written = tuple(ids_of(result))
    assert len(set(written)) > 3
    for n in (0, 1, 2, 6, 7, 15, 23):
        fresh = compute_trace(tiny_model, replace(prompt, written=written[:n]))
        row = tiny_model.logits(fresh, fresh.n_positions - 1)
        np.testing.assert_allclose(seen[n], row, atol=1e-4)
        weights = torch.tensor(row, dtype=torch.float64).softmax(0)
        assert result.probabilities[n] == pytest.approx(float(weights[written[n]]), abs=1e-4)
        assert result.ranks[n] == 1 + int((torch.tensor(row) > row[written[n]]).sum())


def test_what_was_written_is_read_by_its_ids(tiny_gpt2: LanguageModel) -> None:
    """Not by its text, which the tokenizer may split otherwise."""
    prompt = Prompt("tiny", TEXT)
    trace = compute_trace(tiny_gpt2, prompt)
    with never_ending(tiny_gpt2):
        written = ids_of(compute_continuation(tiny_gpt2, trace, n_tokens=20, sampling=WARM))
    whole = compute_trace(tiny_gpt2, replace(prompt, written=tuple(written)))
    assert whole.token_ids.tolist() == [*trace.token_ids.tolist(), *written]
    text = b"".join(map(tiny_gpt2.vocabulary.bytes, whole.token_ids.tolist())).decode(errors="replace")
    assert tiny_gpt2.tokenize(text) != whole.token_ids.tolist()  # so this could go wrong
    assert [token.written for token in whole.tokens] == [False] * trace.n_positions + [True] * 20


def test_it_stops_after_an_end_of_text_token(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    with never_ending(tiny_gpt2):
        endless = ids_of(compute_continuation(tiny_gpt2, trace, n_tokens=10, sampling=WARM))
        fifth = endless[4]
        assert fifth not in endless[:4]
        config: Any = tiny_gpt2.network.generation_config
        for eos in (fifth, [299, fifth]):
            config.eos_token_id = eos
            result = compute_continuation(tiny_gpt2, trace, n_tokens=10, sampling=WARM)
            assert (ids_of(result), result.end) == (endless[:5], "end token")
            assert fifth in end_ids(tiny_gpt2)


@pytest.mark.long
def test_the_text_limit_ends_it(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    with never_ending(tiny_gpt2):
        for most, server in ((64, None), (64, 100), (30, 30)):
            result = compute_continuation(tiny_gpt2, trace, n_tokens=200, max_tokens=server)
            assert (len(result.written), result.end) == (most - trace.n_positions, "limit")
    with pytest.raises(SelectionError, match="the most that are read here, so nothing can be written"):
        plan_continuation(tiny_gpt2, trace, n_tokens=1, sampling=Sampling(), max_tokens=trace.n_positions)


@pytest.mark.parametrize("n_tokens", [0, -1, MOST_TOKENS + 1, 2.5, True, "20", 10**12])
def test_the_number_of_tokens_is_bounded(tiny_gpt2: LanguageModel, n_tokens: Any) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    with pytest.raises(SelectionError, match="Choose a number from 1 to 200"):
        plan_continuation(tiny_gpt2, trace, n_tokens=n_tokens, sampling=Sampling())


def test_it_reports_all_tokens_after_each(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    seen: list[tuple[float, list[int]]] = []
    with never_ending(tiny_gpt2):
        task = plan_continuation(tiny_gpt2, trace, n_tokens=8, sampling=WARM)
        arrays = task.compute(lambda share, partial: seen.append((share, ids_of(task.result(partial)))))
        whole = task.result(arrays)
        assert task.result({**arrays, "ids": arrays["ids"][:3]}).end == ""
    assert seen == [(n / 8, ids_of(whole)[:n]) for n in range(1, 9)]
    assert float(arrays["work"]) == task.work


def test_the_task_is_named_by_all_that_it_depends_on(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    others = [{}, {"temperature": 1.0}, {"top_k": 3}, {"top_p": 0.5}, {"seed": 1}]
    kinds = [(n, replace(WARM, **other)) for n in (5, 6) for other in others]  # type: ignore[arg-type]
    assert len({plan_continuation(tiny_gpt2, trace, n_tokens=n, sampling=s).name for n, s in kinds}) == len(kinds)


def test_two_halves_are_the_whole(tiny_gpt2: LanguageModel) -> None:
    """With equal seeds, a text that is continued twice is the one that is continued for twice as long."""
    prompt = Prompt("tiny", TEXT)
    with never_ending(tiny_gpt2):
        trace = compute_trace(tiny_gpt2, prompt)
        whole = ids_of(compute_continuation(tiny_gpt2, trace, n_tokens=20, sampling=WARM))
        half = ids_of(compute_continuation(tiny_gpt2, trace, n_tokens=10, sampling=WARM))
        trace = compute_trace(tiny_gpt2, replace(prompt, written=tuple(half)))
        assert [*half, *ids_of(compute_continuation(tiny_gpt2, trace, n_tokens=10, sampling=WARM))] == whole


@pytest.mark.long
def test_threads_do_not_influence_each_other(tiny_gpt2: LanguageModel) -> None:
    """Two requests with different seeds at once give what each gives alone."""
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))

    def write(seed: int) -> list[int]:
        np.random.seed(0)  # what shares a state would be drawn alike
        torch.manual_seed(0)
        return ids_of(compute_continuation(tiny_gpt2, trace, n_tokens=30, sampling=replace(WARM, seed=seed)))

    with never_ending(tiny_gpt2):
        alone = [write(seed) for seed in range(6)]
        with ThreadPoolExecutor(6) as threads:
            together = list(threads.map(write, range(6)))
    assert together == alone
    assert len({tuple(ids) for ids in alone}) == 6


def test_logits_that_are_not_finite_are_an_error(tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    head: Any = tiny_gpt2.network.get_output_embeddings()  # type: ignore[operator]
    hook = head.register_forward_hook(lambda _module, _inputs, output: output * float("nan"))
    try:
        with pytest.raises(SelectionError, match=f"after position {trace.n_positions - 1} are not finite"):
            compute_continuation(tiny_gpt2, trace, n_tokens=3)
    finally:
        hook.remove()
