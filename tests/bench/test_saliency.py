"""The cost of integrated gradients, as a multiple of captum's own on the same text."""

import copy
import os
import time
from statistics import median
from typing import Any

import torch
from captum.attr import LayerIntegratedGradients

from analysis.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.saliency import compute_saliency, default_target
from analysis.trace import Prompt

STEPS = 50
MOST = {"float32": 0.75, "bfloat16": 0.45}


def test_integrated_gradients(benchmark: Any, model: LanguageModel, prompt: Prompt, report: Any) -> None:
    """A fixed number of points with all cores, in turns with captum: all logits, and parameters that want gradients."""
    trace = compute_trace(model, prompt)
    position = trace.n_positions - 1
    target, ids = default_target(model, trace, position), torch.from_numpy(trace.token_ids)[None]
    network: Any = copy.deepcopy(model.network).requires_grad_()
    method = LayerIntegratedGradients(lambda ids: network(ids, use_cache=False).logits[:, -1], network.transformer.wte)
    plain: list[float] = []
    results = []

    def captum() -> None:
        start = time.perf_counter()
        method.attribute(ids, torch.zeros_like(ids), target=target, n_steps=STEPS, internal_batch_size=8)
        plain.append(time.perf_counter() - start)

    def ours() -> None:
        results.append(compute_saliency(model, trace, position, steps=STEPS))

    threads = torch.get_num_threads()
    if benchmark.enabled:  # a test that forks, and comes after, would hang with threads
        torch.set_num_threads(len(os.sched_getaffinity(0)))
    try:
        benchmark.pedantic(ours, setup=captum, rounds=3)
    finally:
        torch.set_num_threads(threads)
    precision = results[-1].precision
    assert results[-1].steps == STEPS
    if benchmark.disabled:
        return
    ratio = median(benchmark.stats["data"]) / median(plain)
    benchmark.extra_info["ratio to plain captum"] = round(ratio, 3)
    report(f"captum's integrated gradients, {STEPS} steps", f"{median(plain):.1f} s")
    report(f"compute_saliency in {precision}, of that", f"{ratio:.2f}")
    assert ratio <= MOST[precision]
