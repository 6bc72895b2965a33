"""The cost of direct attribution, as a multiple of a plain forward pass."""

import time
from dataclasses import replace
from itertools import cycle
from statistics import median
from typing import Any

import torch

from analysis.attribution import compute_attribution
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.trace import Prompt


def test_direct_attribution(benchmark: Any, model: LanguageModel, prompt: Prompt, report: Any) -> None:
    """Direct attribution at a position that is not cached, in turns with a plain forward pass of transformers."""
    trace = compute_trace(model, prompt)
    ids, positions = torch.tensor(trace.token_ids)[None], cycle(range(trace.n_positions))
    plain = []

    def forward() -> None:
        start = time.perf_counter()
        with torch.inference_mode():
            model.network(ids, use_cache=False)
        plain.append(time.perf_counter() - start)

    def attribute() -> None:
        unread = replace(trace)  # what is known belongs to a trace
        compute_attribution(model, unread, Selection.parse("output"), next(positions))

    benchmark.pedantic(attribute, setup=forward, rounds=15, warmup_rounds=2)
    if benchmark.disabled:
        return
    bare = median(plain[2:])
    ratio = benchmark.stats["median"] / bare
    benchmark.extra_info["ratio to a plain forward"] = round(ratio, 3)
    report("direct attribution, of a plain forward", f"{ratio:.2f}")
