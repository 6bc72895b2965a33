"""Benchmark fixtures. Under `make bench` the model has gpt2-medium's shape and random weights, and the results are
printed as one table at the end; in `make test` it is tiny, and every benchmark runs once to see that it works."""

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config

from analysis.models.forward import encode
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model
from analysis.trace import Prompt
from tests.tiny import byte_level_tokenizer, make_tiny

N_POSITIONS = 64
_TEXT = "The fox met a crow. The crow had a cheese and the fox said hello: what a song, what a bird! " * 3
_ROWS = pytest.StashKey[list[tuple[str, str]]]()


@pytest.fixture(scope="session")
def model(request: pytest.FixtureRequest) -> LanguageModel:
    """The model that is measured."""
    if not request.config.getoption("benchmark_enable"):
        return make_tiny("gpt2", max_position_embeddings=N_POSITIONS)
    torch.manual_seed(0)
    config = GPT2Config(n_embd=1024, n_layer=24, n_head=16)
    network = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    return prepare_model("gpt2-medium shape", network, byte_level_tokenizer())


@pytest.fixture(scope="session")
def prompt(model: LanguageModel) -> Prompt:
    """A text of 64 tokens."""
    text = next(_TEXT[:n] for n in range(1, len(_TEXT)) if len(encode(model, _TEXT[:n])) == N_POSITIONS)
    return Prompt("measured", text)


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Any:
    """Adds a row to the table: report(what, figure)."""
    rows = request.config.stash.setdefault(_ROWS, [])
    return lambda what, figure: rows.append((what, figure))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The table."""
    rows = config.stash.get(_ROWS, [])
    if rows and config.getoption("benchmark_enable"):
        terminalreporter.section("gpt2-medium's shape, 64 tokens unless it says otherwise")
        width = max(len(what) for what, _ in rows)
        for what, figure in rows:
            terminalreporter.write_line(f"{what:<{width}}  {figure:>12}")
