"""Memory with two models of which one fits: with the first, with the second in its place, and with the first again."""

import copy
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from analysis.models.language_model import LanguageModel
from tests.page import Page, of_address, words
from tests.serving import served, server_of, wait_until

MOST_CHANGE = 0.1
TEXT = "The fox met a crow. The crow had a cheese."


@pytest.fixture
def folder(tmp_path: Path, model: LanguageModel) -> Path:
    """Two checkpoints of the measured shape, with other weights."""
    network: Any = copy.deepcopy(model.network)  # the other benchmarks measure this one
    for name in ("one", "two"):
        network.save_pretrained(tmp_path / name)
        model.tokenizer.save_pretrained(tmp_path / name)
        with torch.no_grad():
            network.get_input_embeddings().weight.add_(1)
    return tmp_path


def test_one_goes_before_another_comes(
    folder: Path, model: LanguageModel, request: pytest.FixtureRequest, report: Any
) -> None:
    limit_mb = max(1, int(1.4 * 4 * model.info.n_parameters / 1e6))
    setting = {"MODELS_DIR": str(folder), "MODELS": "one,two", "MODEL_MEMORY_MB": str(limit_mb)}
    with served(**setting) as url:
        page = of_address(url)
        shown = [show(page, url, name) for name in ("one", "two", "one")]
    resident = [bytes_now for _, bytes_now in shown]
    for state, (seconds, bytes_now) in zip(("a model", "another in its place", "the first again"), shown, strict=True):
        report(f"{state}: loaded and shown after", f"{seconds:.1f} s")
        report("  resident memory of the server", f"{bytes_now / 1e6:,.0f} MB")
    if request.config.getoption("benchmark_enable"):
        assert max(resident) <= (1 + MOST_CHANGE) * min(resident)
        assert max(resident) < 4e9


def show(page: Page, url: str, name: str) -> tuple[float, int]:
    """Choose a model, look at a head of it, and give the seconds and what the server then holds."""
    start = time.perf_counter()
    question = {"model": name, "text": TEXT, "start": False, "n_positions": 0}
    page.values["selection", "data"] = "block.1.attention.head.2"
    page.set("prompt", "data", question)

    def is_there() -> bool:
        page.set("model-poll", "n_intervals", 1)
        return " · ready" in str(page.values["prompt-model", "options"][6 + (name == "two")])

    wait_until(is_there, 120)
    page.set("selection", "data", "block.1.attention.head.2@3")
    assert "attends most to" in words(page.values["attention-reading", "children"])
    seconds = time.perf_counter() - start
    return seconds, int(server_of(url).memory_info().rss)
