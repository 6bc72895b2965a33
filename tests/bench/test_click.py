"""The cost of one click: all callbacks that follow the selection, with the trace and its projection known."""

import time
from collections.abc import Iterator
from itertools import cycle
from statistics import median
from typing import Any

import pytest
import torch

from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt
from dashboard.app import create_app
from dashboard.panels import PANELS
from dashboard.settings import Settings
from tests.page import Answers, Page, of_app

MOST_BYTES = 250_000


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, model: LanguageModel, prompt: Prompt) -> Page:
    """A page that shows the text and has seen one selection, so that the 3D scene is drawn and PCA is known."""
    app = create_app(Settings(cache_dir=str(tmp_path_factory.mktemp("cache"))), models={"measured": model})
    page = of_app(app.server)
    page.set("prompt", "data", {"model": "measured", "text": prompt.text, "start": False})
    page.set("selection", "data", "block.0.attention.head.0@1")
    return page


def clicks(model: LanguageModel) -> Iterator[str]:
    """Heads and neurons of all blocks, at changing positions."""
    for n in cycle(range(1000)):
        block, position = n * 5 % model.info.n_blocks, n * 7 % 64
        part = f"mlp.neuron.{n * 11 % model.info.n_neurons}" if n % 2 else f"attention.head.{n % model.info.n_heads}"
        yield f"block.{block}.{part}@{position}"


def test_all_answers_of_one_click(benchmark: Any, page: Page, model: LanguageModel, prompt: Prompt, report: Any):
    ids = torch.arange(64)[None]
    plain: list[float] = []
    answers: list[Answers] = []
    selections = clicks(model)

    def forward() -> None:
        start = time.perf_counter()
        with torch.inference_mode():
            model.network(ids, output_attentions=True, output_hidden_states=True, use_cache=False)
        plain.append(time.perf_counter() - start)

    def click() -> None:
        answers.append(page.set("selection", "data", next(selections)))

    benchmark.pedantic(click, setup=forward, rounds=16, warmup_rounds=2)
    for answer in answers:
        drawn = {panel.name for panel in PANELS for output in answer.sent if f"{panel.name}-panel.data-sel" in output}
        assert drawn == {panel.name for panel in PANELS}
        assert sum(answer.sent.values()) <= MOST_BYTES
    if benchmark.disabled:
        return
    bare = median(plain[2:])
    ratio = median(sum(answer.seconds.values()) for answer in answers[2:]) / bare
    benchmark.extra_info["ratio to a plain forward"] = round(ratio, 3)
    report("server time of one click, of a forward", f"{ratio:.2f}")
    report("answers of one click, gzipped, at most", f"{max(sum(a.sent.values()) for a in answers) / 1e3:.0f} kB")
    for output in answers[0].seconds:
        name = output.strip(".").split(".", maxsplit=1)[0]
        took = median(answer.seconds[output] for answer in answers[2:])
        sent = max(answer.sent[output] for answer in answers[2:])
        report(f"  {name}", f"{took / bare:.3f}, {sent / 1e3:.0f} kB")
