"""The cost of integrated gradients, as a multiple of captum's own on the same text.

Two comparisons. To a certificate of 1 %, as on the page: cheaper, and less exact, since the path of random weights is
so smooth that captum's 50 points leave nothing but rounding. And as exact as captum: in float32, with more points on
each segment.
"""

import copy
import os
import time
from statistics import median
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import LayerIntegratedGradients

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.saliency import SaliencyResult, compute_saliency, default_target
from analysis.saliency_methods import methods, segments
from analysis.trace import Prompt

STEPS = 50
MOST = {"float32": 1 / 3, "bfloat16": 1 / 6}  # of captum's time
AS_EXACT = 5  # points on each segment: so many leave rounding only, as captum's do
ROUNDING = 1e-6  # of F(x) − F(x′): a smaller error is float32's rounding, captum's as well


def test_integrated_gradients(
    benchmark: Any, model: LanguageModel, prompt: Prompt, report: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all cores, in turns with captum: 50 points of the same path, all logits, and parameters that want
    gradients.
    """
    trace = compute_trace(model, prompt)
    position = trace.n_positions - 1
    target, ids = default_target(model, trace, position), torch.from_numpy(trace.token_ids)[None]
    network: Any = copy.deepcopy(model.network).requires_grad_()
    method = LayerIntegratedGradients(lambda ids: network(ids, use_cache=False).logits[:, -1], network.transformer.wte)
    times: dict[str, list[float]] = {"plain": [], "exact": []}
    plain: list[tuple[Any, float]] = []
    exact: list[SaliencyResult] = []
    usual: list[SaliencyResult] = []

    def others() -> None:
        start = time.perf_counter()
        start_ids = torch.full_like(ids, model.start_id or 0)
        found, delta = method.attribute(
            ids, start_ids, target=target, n_steps=STEPS, internal_batch_size=8, return_convergence_delta=True
        )
        times["plain"].append(time.perf_counter() - start)
        plain.append((found[0].detach().double().sum(-1).numpy(), float(delta.abs())))
        with monkeypatch.context() as patch:
            patch.setattr(methods, "prefers_bfloat16", lambda _width: False)
            patch.setattr(segments, "_SMOOTH_POINTS", AS_EXACT)
            start = time.perf_counter()
            exact.append(compute_saliency(model, trace, position, baseline="end"))
            times["exact"].append(time.perf_counter() - start)

    def ours() -> None:
        usual.append(compute_saliency(model, trace, position, baseline="end"))

    threads = torch.get_num_threads()
    if benchmark.enabled:  # a test that forks, and comes after, would hang with threads
        torch.set_num_threads(len(os.sched_getaffinity(0)))
    try:
        benchmark.pedantic(ours, setup=others, rounds=3)
    finally:
        torch.set_num_threads(threads)
    result, as_good, (attributions, delta) = usual[-1], exact[-1], plain[-1]
    assert (result.converged, as_good.converged, as_good.precision) == (True, True, "float32")
    if benchmark.disabled:
        return
    change, largest = abs(result.value - result.base), np.abs(attributions).max()
    usual_ratio = median(benchmark.stats["data"]) / median(times["plain"])
    exact_ratio = median(times["exact"]) / median(times["plain"])
    benchmark.extra_info["ratio to plain captum"] = round(usual_ratio, 3)
    report(f"captum's integrated gradients, {STEPS} steps", f"{median(times['plain']):.1f} s")
    report("  its error, of F(x) − F(x′)", f"{delta / change:.1e}")
    for what, one, ratio in (
        (f"compute_saliency to 1 % in {result.precision}", result, usual_ratio),
        ("compute_saliency as exact, in float32", as_good, exact_ratio),
    ):
        report(f"{what}, of that time", f"{ratio:.2f}")
        report("  its error; certificate", f"{abs(one.delta) / change:.1e}; {one.error:.1e}")
        report("  largest difference, of the largest", f"{np.abs(one.attributions - attributions).max() / largest:.1e}")
        report("  its gradients; segments of at least", f"{one.gradients}; 1/{round(1 / one.smallest)}")
    assert usual_ratio <= MOST[result.precision]
    assert exact_ratio <= MOST["float32"]
    assert abs(as_good.delta) <= max(delta, ROUNDING * change), "no larger error"
    assert np.abs(as_good.attributions - attributions).max() <= 1e-5 * largest
