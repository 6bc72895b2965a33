"""A text of 1,024 tokens, in a separate process: time and peak memory of its trace, and the cost of clicks."""

import multiprocessing
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config

from analysis.machine.threads import use_one_thread
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model
from analysis.storage.trace_size import trace_bytes
from analysis.trace import Prompt
from dashboard.app import create_app
from dashboard.settings import Settings
from tests.page import of_app
from tests.tiny import byte_level_tokenizer, long_text, make_tiny

N_POSITIONS = 1024
MOST_BYTES = 500_000
CLICKS = ("block.1.attention.head.3@1000", "block.2.mlp.neuron.100@500", "block.0.attention@1023", "output@700")


def test_1024_tokens(tmp_path: Path, request: pytest.FixtureRequest, report: Any) -> None:
    tiny = not request.config.getoption("benchmark_enable")
    with multiprocessing.get_context("spawn").Pool(1) as process:
        found = process.apply(measured, (str(tmp_path), tiny))
    assert found["largest"] <= MOST_BYTES
    assert 0 < found["peak"] < (4e8 if tiny else 1e9)
    report("1,024 tokens: a bare forward pass", f"{found['forward']:.1f} s")
    report("  computing and keeping the trace, of that", f"{found['trace']:.2f}")
    report("  its peak memory besides the weights", f"{found['peak'] / 1e6:.0f} MB")
    report("  what is kept", f"{found['kept'] / 1e6:.0f} MB")
    report("  all answers after a click, of that forward", f"{found['click']:.2f}")
    report("  the first rollout, and a later one, of it", f"{found['rollout']:.2f}, {found['again']:.2f}")
    report("  largest answer, gzipped", f"{found['largest'] / 1e3:.0f} kB")


def measured(directory: str, tiny: bool) -> dict[str, float]:
    """Bytes and seconds; the server's times in units of a forward pass that gives nothing but logits."""
    use_one_thread()
    model = made(tiny)
    text = long_text(model, N_POSITIONS)
    ids = torch.tensor([model.tokenize(text)])
    app = create_app(Settings(cache_dir=directory, max_tokens=N_POSITIONS, cache_mb=4000), models={"measured": model})
    page, question = of_app(app.server), {"model": "measured", "text": text, "start": False}

    def bare() -> None:
        with torch.inference_mode():
            model.network(ids, use_cache=False)

    def show(id: str, name: str, value: Any) -> float:
        answers = page.set(id, name, value)
        sent.extend(answers.sent.values())
        return sum(answers.seconds.values())

    sent: list[int] = []
    with torch.inference_mode():
        model.network(ids[:, :8], use_cache=False)  # what only a first pass does
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is counted anew
    before = memory("VmRSS")
    start = time.perf_counter()
    app.traces.get(model, Prompt("measured", text))
    trace = time.perf_counter() - start
    peak = memory("VmHWM") - before
    start = time.perf_counter()
    bare()
    forward = time.perf_counter() - start
    show("prompt", "data", question)
    show("selection", "data", CLICKS[-1])
    clicks = [show("selection", "data", click) for click in CLICKS * 2]
    show("selection", "data", CLICKS[0])
    rollout, _, again = (show("attention-view", "value", view) for view in ("rollout", "raw", "rollout"))
    return {
        "forward": forward,
        "trace": trace / forward,
        "peak": peak,
        "kept": trace_bytes(model.info, N_POSITIONS),
        "click": sorted(clicks)[len(clicks) // 2] / forward,
        "rollout": rollout / forward,
        "again": again / forward,
        "largest": max(sent),
    }


def made(tiny: bool) -> LanguageModel:
    """As the model of the other benchmarks, but reading 1,024 tokens also where it is tiny."""
    if tiny:
        return make_tiny("gpt2", max_position_embeddings=N_POSITIONS)
    torch.manual_seed(0)
    config = GPT2Config(n_embd=1024, n_layer=24, n_head=16)
    network = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    return prepare_model("gpt2-medium shape", network, byte_level_tokenizer())


def memory(name: str) -> int:
    """Of this process, in bytes, as Linux counts it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))
