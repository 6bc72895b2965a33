"""The cost of a sweep of all heads and MLPs, as a share of as many forward passes, and of its estimate."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from analysis.causes.sweep import plan_sweep
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt

_N_PASSES = 3  # plain ones that are timed before the sweep, in its middle and after it; their median counts


def _timed(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def test_sweep(benchmark: Any, model: LanguageModel, prompt: Prompt, report: Any) -> None:
    """The whole sweep, once, against plain transformers forwards that give only the last logits.

    The sweep takes minutes, and a machine's pace drifts: forwards are timed before it, after half of its blocks, and
    after it. Their time within the sweep is taken off.
    """
    trace = compute_trace(model, prompt)
    ids = torch.tensor(trace.token_ids)[None]
    n_blocks, n_units = trace.info.n_blocks, trace.info.n_heads + 1
    plain: list[float] = []
    paused, estimated, began, n_arrays = 0.0, 0.0, 0.0, 0

    def forwards() -> None:
        with torch.inference_mode():
            for _ in range(_N_PASSES):
                plain.append(_timed(lambda: model.network(ids, use_cache=False, logits_to_keep=1)))

    def progress(share: float, arrays: dict[str, Any]) -> None:
        nonlocal paused, estimated, n_arrays
        if not arrays:
            return
        n_arrays += 1  # the first time, estimates; then the effects of one block more
        if n_arrays == 1:
            estimated = time.perf_counter() - began
        elif n_arrays == 1 + n_blocks // 2:
            paused = _timed(forwards)

    def sweep() -> None:
        nonlocal began
        began = time.perf_counter()
        task.compute(progress)

    task = plan_sweep(model, trace, trace.n_positions - 1)
    benchmark.pedantic(sweep, setup=forwards, rounds=1, warmup_rounds=0)
    forwards()
    if benchmark.disabled:
        return
    bare = median(plain)
    share = (benchmark.stats["median"] - paused) / (bare * n_blocks * n_units)
    benchmark.extra_info["share of as many forwards"] = round(share, 3)
    report("sweep of all heads and MLPs, of as many forwards", f"{share:.2f}")
    report("its means and estimates, in forwards", f"{estimated / bare:.1f}")


def test_sweep_of_the_bundled_model(benchmark: Any, bundled_model: LanguageModel, report: Any) -> None:
    """All heads and MLPs of the bundled model, at the end of a short text."""
    trace = compute_trace(bundled_model, Prompt("bundled", "Once upon a time there was a little fox who met a crow."))
    task = plan_sweep(bundled_model, trace, trace.n_positions - 1)
    benchmark.pedantic(task.run_now, rounds=3, warmup_rounds=1)
    if not benchmark.disabled:
        report("sweep of the bundled model", f"{benchmark.stats['median']:.2f} s")
