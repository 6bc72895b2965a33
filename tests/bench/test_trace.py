"""The cost of recording a forward pass, as a multiple of the pass alone."""

import time
from statistics import median
from typing import Any

import torch

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt


def test_compute_trace(benchmark: Any, model: LanguageModel, prompt: Prompt, report: Any):
    """`compute_trace` against a plain transformers forward with attentions and hidden states, in turns."""
    ids = torch.tensor(compute_trace(model, prompt).token_ids)[None]
    plain = []

    def forward() -> None:
        start = time.perf_counter()
        with torch.inference_mode():
            model.network(ids, output_attentions=True, output_hidden_states=True, use_cache=False)
        plain.append(time.perf_counter() - start)

    benchmark.pedantic(compute_trace, (model, prompt), setup=forward, rounds=15, warmup_rounds=2)
    if benchmark.disabled:
        return
    bare = median(plain[2:])
    ratio = benchmark.stats["median"] / bare
    benchmark.extra_info["ratio to a plain forward"] = round(ratio, 3)
    report("plain forward with attentions and hidden states", f"{bare * 1e3:.0f} ms")
    report("compute_trace, of that forward", f"{ratio:.2f}")
