"""The cost of integrated gradients, as a multiple of captum's own on the same text."""

import copy
import os
import time
from statistics import median
from typing import Any

import torch
from captum.attr import LayerIntegratedGradients

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.saliency import compute_saliency, default_target
from analysis.trace import Prompt

STEPS = 50
MOST = {"float32": 1 / 3, "bfloat16": 1 / 6}  # of captum's time


def test_integrated_gradients(benchmark: Any, model: LanguageModel, prompt: Prompt, report: Any) -> None:
    """To a certificate of 1 % with all cores, in turns with captum: 50 points of the same path, all logits, and
    parameters that want gradients.
    """
    trace = compute_trace(model, prompt)
    position = trace.n_positions - 1
    target, ids = default_target(model, trace, position), torch.from_numpy(trace.token_ids)[None]
    network: Any = copy.deepcopy(model.network).requires_grad_()
    method = LayerIntegratedGradients(lambda ids: network(ids, use_cache=False).logits[:, -1], network.transformer.wte)
    plain: list[float] = []
    errors: list[float] = []
    results = []

    def captum() -> None:
        start = time.perf_counter()
        start_ids = torch.full_like(ids, model.start_id or 0)
        _, delta = method.attribute(
            ids, start_ids, target=target, n_steps=STEPS, internal_batch_size=8, return_convergence_delta=True
        )
        plain.append(time.perf_counter() - start)
        errors.append(float(delta.abs()))

    def ours() -> None:
        results.append(compute_saliency(model, trace, position, baseline="end"))

    threads = torch.get_num_threads()
    if benchmark.enabled:  # a test that forks, and comes after, would hang with threads
        torch.set_num_threads(len(os.sched_getaffinity(0)))
    try:
        benchmark.pedantic(ours, setup=captum, rounds=3)
    finally:
        torch.set_num_threads(threads)
    precision = results[-1].precision
    assert results[-1].converged
    if benchmark.disabled:
        return
    ratio = median(benchmark.stats["data"]) / median(plain)
    benchmark.extra_info["ratio to plain captum"] = round(ratio, 3)
    report(f"captum's integrated gradients, {STEPS} steps", f"{median(plain):.1f} s")
    result, change = results[-1], abs(results[-1].value - results[-1].base)
    report("  its error, of F(x) − F(x′)", f"{errors[-1] / change:.2%}")
    report(f"compute_saliency in {precision}, of that time", f"{ratio:.2f}")
    report("  its error; certificate", f"{abs(result.delta) / change:.2%}; {result.error:.2%}")
    report("  its gradients; segments of at least", f"{result.gradients}; 1/{round(1 / result.smallest)}")
    assert ratio <= MOST[precision]
