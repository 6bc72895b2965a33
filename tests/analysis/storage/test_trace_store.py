import multiprocessing
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors import safe_open

import analysis.storage.trace_store
from analysis.errors import TextError
from analysis.models.forward import CAPTURE_VERSION, capture, compute_trace
from analysis.models.language_model import LanguageModel
from analysis.storage.trace_store import TraceStore, trace_key
from analysis.trace import Prompt, Trace
from tests.analysis.conftest import FOX, assert_same, files, names
from tests.tiny import TEXT, make_tiny

# The cached trace equals the computed one.


def test_reads_back_bit_by_bit(tiny_model: LanguageModel, tmp_path: Path, calls: list[str]):
    prompt = Prompt("tiny", TEXT[:40])
    stores = [TraceStore(tmp_path, max_bytes=10**8) for _ in range(2)]
    first, second, other_process = (store.get(tiny_model, prompt) for store in (stores[0], *stores))
    alone = compute_trace(tiny_model, prompt)
    assert len(calls) == 1
    for trace in (first, second, other_process):
        assert trace.prompt == prompt
        assert trace.info == tiny_model.info
        assert_same(trace, alone)


def test_a_trace_is_one_file(store: TraceStore, tiny_gpt2: LanguageModel, tmp_path: Path):
    trace = store.get(tiny_gpt2, FOX)
    (file,) = files(tmp_path)
    with safe_open(file, framework="np") as kept:
        assert sorted(kept.keys()) == sorted(names(trace))


def test_arrays_are_read_lazily(store: TraceStore, tiny_gpt2: LanguageModel, tmp_path: Path):
    """The file is changed after a part of the trace was read: the other parts are read with the change."""
    store.get(tiny_gpt2, FOX)
    trace = store.get(tiny_gpt2, FOX)
    assert trace.attention(1).any()
    (file,) = files(tmp_path)
    raw = file.read_bytes()
    head = int.from_bytes(raw[:8], "little") + 8
    with file.open("r+b") as handle:
        handle.seek(head)
        handle.write(bytes(len(raw) - head))
    for name in names(trace):
        assert not trace.array(name).any(), name


def test_changing_an_array_does_not_change_the_cache(store: TraceStore, tiny_gpt2: LanguageModel):
    store.get(tiny_gpt2, FOX)
    store.get(tiny_gpt2, FOX).logits()[:] = 0
    assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))


# The key.


def test_equal_ids_share_a_trace_and_keep_their_own_text(tiny_gpt2: LanguageModel, store: TraceStore, calls: list[str]):
    """A typed end-of-text token and one put in front are the same ids."""
    typed, put = Prompt("tiny", "<|endoftext|>fox"), Prompt("tiny", "fox", start=True)
    one, other = store.get(tiny_gpt2, typed), store.get(tiny_gpt2, put)
    assert len(calls) == 1
    assert (one.prompt, other.prompt) == (typed, put)
    assert_same(one, other)


def test_the_key_has_all_that_a_trace_depends_on(tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch):
    def key(model: LanguageModel, prompt: Prompt) -> str:
        return trace_key(model.info, compute_trace(model, prompt).tokens)

    keys = {
        key(tiny_gpt2, FOX),
        key(make_tiny("gpt2", seed=1), FOX),
        key(tiny_gpt2, Prompt("tiny", FOX.text, start=True)),
        key(tiny_gpt2, Prompt("tiny", "The fox met a crew")),
    }
    assert key(tiny_gpt2, Prompt("another name", FOX.text)) in keys
    monkeypatch.setattr(analysis.storage.trace_store, "CAPTURE_VERSION", CAPTURE_VERSION + 1)
    keys.add(key(tiny_gpt2, FOX))
    assert len(keys) == 5


def test_two_models_do_not_share_a_trace(store: TraceStore, calls: list[str]):
    for seed in (0, 1):
        model = make_tiny("gpt2", seed=seed)
        assert_same(store.get(model, FOX), compute_trace(model, FOX))
    assert len(calls) == 2


def test_a_cached_text_can_be_too_long(store: TraceStore, tiny_gpt2: LanguageModel):
    store.get(tiny_gpt2, FOX)
    with pytest.raises(TextError, match="this server reads at most 2"):
        store.get(tiny_gpt2, FOX, max_tokens=2)


# Concurrency.


@pytest.mark.long
def test_threads_that_need_one_trace_cause_one_pass(
    store: TraceStore, tiny_gpt2: LanguageModel, calls: list[str], monkeypatch: pytest.MonkeyPatch
):
    counted = analysis.storage.trace_store.capture

    def slow(model: LanguageModel, tokens: Any, record: Any) -> None:
        time.sleep(0.2)
        counted(model, tokens, record)

    monkeypatch.setattr(analysis.storage.trace_store, "capture", slow)
    together = Barrier(8)

    def ask(_n: int) -> Trace:
        together.wait()
        return store.get(tiny_gpt2, FOX)

    with ThreadPoolExecutor(8) as threads:
        traces = list(threads.map(ask, range(8)))
    assert len(calls) == 1
    for trace in traces:
        assert_same(trace, traces[0])


def ask_from_another_process(directory: Path, together: Any, answers: Any) -> None:
    """Runs in a process of its own: says how often it computed, and what it got."""
    computed = []

    def slow(model: LanguageModel, tokens: Any, record: Any) -> None:
        computed.append(1)
        time.sleep(1)
        capture(model, tokens, record)

    analysis.storage.trace_store.capture = slow
    model, store = make_tiny("gpt2"), TraceStore(directory, max_bytes=10**8)
    together.wait(60)
    answers.put((len(computed), float(store.get(model, FOX).logits().sum()), len(computed)))


@pytest.mark.long
def test_processes_that_need_one_trace_cause_one_pass(tmp_path: Path, tiny_gpt2: LanguageModel):
    spawn = multiprocessing.get_context("spawn")
    together, answers = spawn.Barrier(2), spawn.Queue()
    processes = [spawn.Process(target=ask_from_another_process, args=(tmp_path, together, answers)) for _ in "ab"]
    for process in processes:
        process.start()
    got = [answers.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    assert sum(computed for _, _, computed in got) == 1
    expected = float(compute_trace(tiny_gpt2, FOX).logits().sum())
    assert [logits for _, logits, _ in got] == pytest.approx([expected] * 2)


@pytest.mark.long
def test_many_threads_can_use_one_store(store: TraceStore, tiny_gpt2: LanguageModel, calls: list[str]):
    prompts = [Prompt("tiny", f"fox {n}") for n in range(12)]
    alone = {prompt: compute_trace(tiny_gpt2, prompt) for prompt in prompts}
    asked = prompts * 10
    random.Random(0).shuffle(asked)

    def ask(prompt: Prompt) -> None:
        assert_same(store.get(tiny_gpt2, prompt), alone[prompt])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, asked))
    assert sorted(calls) == sorted(prompt.text for prompt in prompts)


def test_an_error_releases_the_lock(store: TraceStore, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(analysis.storage.trace_store, "capture", fail)
        with pytest.raises(ZeroDivisionError):
            store.get(tiny_gpt2, FOX)
    assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))


# Size.


def test_the_least_recently_used_trace_is_evicted(tmp_path: Path, tiny_gpt2: LanguageModel, calls: list[str]):
    """A trace of these texts has about 75 kB."""
    store = TraceStore(tmp_path, max_bytes=600_000)
    first = Prompt("tiny", "a first one")
    for n in range(40):
        store.get(tiny_gpt2, Prompt("tiny", f"the text number {n}"))
        store.get(tiny_gpt2, first)
        assert sum(file.stat().st_size for file in files(tmp_path)) < 700_000
    assert len(files(tmp_path)) > 4, "evicted more than was needed"
    assert calls.count(first.text) == 1, "always in use, so never evicted"
    store.get(tiny_gpt2, Prompt("tiny", "the text number 0"))
    assert calls.count("the text number 0") == 2


def test_small_arrays_are_evicted_for_a_large_one(tiny_gpt2: LanguageModel, tmp_path: Path):
    store = TraceStore(tmp_path, max_bytes=600_000)
    trace = store.get(tiny_gpt2, FOX)
    for number in range(60):
        store.derived(trace, f"small {number}", lambda: {"a": np.zeros(8)}, version=1)
    store.derived(trace, "large", lambda: {"a": np.zeros(70_000)}, version=1)
    assert sum(file.stat().st_size for file in files(tmp_path)) <= 600_000


def test_an_evicted_trace_stays_readable_while_it_is_open(store: TraceStore, tiny_gpt2: LanguageModel, tmp_path: Path):
    store.get(tiny_gpt2, FOX)
    trace = store.get(tiny_gpt2, FOX)
    for file in files(tmp_path):
        file.unlink()
    assert_same(trace, compute_trace(tiny_gpt2, FOX))


def test_a_trace_larger_than_the_cache_is_still_an_answer(tmp_path: Path, tiny_gpt2: LanguageModel):
    store = TraceStore(tmp_path, max_bytes=1)
    for _ in range(3):
        assert_same(store.get(tiny_gpt2, FOX), compute_trace(tiny_gpt2, FOX))


# Derived arrays.


def test_derived_arrays_are_computed_once(store: TraceStore, tiny_gpt2: LanguageModel, tmp_path: Path):
    trace = store.get(tiny_gpt2, FOX)
    made: list[str] = []

    def make(name: str) -> dict[str, np.ndarray]:
        made.append(name)
        grid = np.arange(12, dtype=np.float32).reshape(3, 4)
        return {"slice": grid[:, ::2], "turned": grid.T, "whole": np.arange(3), "one": np.array(0.1), "none": grid[:0]}

    other = TraceStore(tmp_path, max_bytes=10**8)
    first, second, third = (s.derived(trace, "a", lambda: make("a"), version=1) for s in (store, store, other))
    assert made == ["a"]
    for got in (first, second, third):
        assert got.keys() == make("again").keys()
        for key, value in make("again").items():
            assert got[key].dtype == value.dtype
            assert_array_equal(got[key], value)


def test_derived_arrays_are_cached_by_trace_name_and_version(store: TraceStore, tiny_gpt2: LanguageModel):
    traces = [store.get(tiny_gpt2, Prompt("tiny", text)) for text in ("fox", "crow")]
    expected = {}
    for n, (trace, name) in enumerate((trace, name) for trace in traces for name in ("pca", "pca 3")):
        for version in (1, 2):  # new code is never given the arrays of old code
            expected[trace, name, version] = 10 * version + n
            store.derived(trace, name, lambda n=n, v=version: {"n": np.array([10 * v + n])}, version=version)
    for (trace, name, version), value in expected.items():
        assert store.derived(trace, name, dict, version=version)["n"] == value


def test_many_arrays_with_long_names_fit_the_header(store: TraceStore, tiny_gpt2: LanguageModel):
    trace = store.get(tiny_gpt2, FOX)
    arrays = {f"a name of 40 letters, which is a long one {n}": np.zeros((1, 1, 1, 1)) for n in range(1000)}
    assert store.derived(trace, "many", lambda: arrays, version=1).keys() == arrays.keys()


def test_one_array_under_several_names(store: TraceStore, tiny_gpt2: LanguageModel):
    trace, array = store.get(tiny_gpt2, FOX), np.arange(6.0).reshape(2, 3)
    for _ in range(2):
        got = store.derived(trace, "same", lambda: {"one": array, "other": array, "row": array[1]}, version=1)
        assert_array_equal(got["other"], array)
        assert_array_equal(got["row"], array[1])
