"""The cost of a token that the model writes, in those of transformers' `generate`."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from analysis.generation.continuation import plan_continuation
from analysis.generation.sampling import Sampling
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt, Trace

_TEXT = "The fox met a crow."
_N_TOKENS = 24
_N_ROUNDS = 5
_MOST = 1.3


def test_greedy(benchmark: Any, model: LanguageModel, report: Any) -> None:
    """Greedy, in the measured model; the numbers of each token, which `generate` does not compute, are included."""
    ratio = _measure(benchmark, model, compute_trace(model, Prompt("measured", _TEXT)), Sampling())
    if ratio:
        report("a token that is written greedily, of one of `generate`", f"{ratio:.2f}")


def test_sampled(benchmark: Any, model: LanguageModel, report: Any) -> None:
    """With temperature, top-k and top-p, against greedy `generate`."""
    trace = compute_trace(model, Prompt("measured", _TEXT))
    ratio = _measure(benchmark, model, trace, Sampling(0.8, 40, 0.95, 1))
    if ratio:
        report("a token that is drawn, of one of `generate`", f"{ratio:.2f}")


def test_bundled(benchmark: Any, bundled_model: LanguageModel, report: Any) -> None:
    """The bundled model, whose passes are short."""
    ratio = _measure(benchmark, bundled_model, compute_trace(bundled_model, Prompt("bundled", _TEXT)), Sampling())
    if ratio:
        report("the same greedily with the bundled model", f"{ratio:.2f}")
        report("a token of the bundled model", f"{1000 * benchmark.stats['median'] / _N_TOKENS:.1f} ms")


def _measure(benchmark: Any, model: LanguageModel, trace: Trace, sampling: Sampling) -> float:
    """The median time of a continuation, in medians of `generate`, which are timed in turn; 0 if it is not measured."""
    network: Any = model.network
    ids = torch.tensor(trace.token_ids)[None]
    generated: list[float] = []

    def generate() -> None:
        began = time.perf_counter()
        network.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            min_new_tokens=_N_TOKENS,
            max_new_tokens=_N_TOKENS,
        )
        generated.append(time.perf_counter() - began)

    before, network.generation_config.eos_token_id = network.generation_config.eos_token_id, None
    try:
        task = plan_continuation(model, trace, n_tokens=_N_TOKENS, sampling=sampling)
        write: Callable[[], Any] = task.run_now
        assert len(write().written) == _N_TOKENS
        benchmark.pedantic(write, setup=generate, rounds=1 if benchmark.disabled else _N_ROUNDS, warmup_rounds=1)
    finally:
        network.generation_config.eos_token_id = before
    if benchmark.disabled:
        return 0.0
    ratio = float(benchmark.stats["median"]) / median(generated[1:])
    benchmark.extra_info["of generate"] = round(ratio, 3)
    assert ratio <= _MOST
    return ratio
