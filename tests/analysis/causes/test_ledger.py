"""The ledger holds for every family, and each of its lines fails when what it checks is wrong."""

from typing import Any

import numpy as np
import pytest
import torch

from analysis.causes.ledger import LINES, compute_ledger
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt, Trace
from tests.tiny import TEXT, make_tiny

NAMES = [name for name, *_ in LINES]


def changed(trace: Trace, name: str, change: Any) -> Trace:
    """The trace with one array replaced."""
    return Trace(
        trace.prompt, trace.tokens, trace.info, lambda n: change(trace.array(n).copy()) if n == name else trace.array(n)
    )


def failing(model: LanguageModel, trace: Trace) -> set[str]:
    return {line.name for line in compute_ledger(model, trace) if line.fails}


@pytest.mark.parametrize("start", [False, True])
def test_every_line_holds_for_every_family(tiny_model: LanguageModel, start: bool) -> None:
    trace = compute_trace(tiny_model, Prompt("tiny", TEXT[:40], start=start))
    lines = compute_ledger(tiny_model, trace)
    assert [line.name for line in lines] == NAMES
    assert [
        (line.name, line.difference, line.tolerance) for line in lines if line.fails or line.difference is None
    ] == []


def test_the_bundled_model(bundled_model: LanguageModel) -> None:
    assert failing(bundled_model, compute_trace(bundled_model, Prompt("bundled", TEXT))) == set()


def added(amount: float) -> Any:
    return lambda array: array + np.float32(amount)


@pytest.mark.parametrize(
    ("array", "change", "lines"),
    [
        (
            "attention.1",
            added(0.01),
            {"Attention adds up, and never looks ahead", "A head’s output is its weighted sum of values"},
        ),
        ("logits", added(0.1), {"The output reads the last residual stream", "Direct attribution adds up"}),
        ("neurons.2", added(0.1), {"The residual stream is the sum of its parts", "Direct attribution adds up"}),
        ("residual.1", added(0.1), set()),
        ("residual.1", lambda x: x[::-1], {"A head’s output is its weighted sum of values"}),
        (
            "residual.3",
            lambda x: x * np.float32(np.nan),
            {
                "The residual stream is the sum of its parts", "The output reads the last residual stream",
                "Direct attribution adds up", "Removing nothing changes nothing",
            },
        ),
    ],
)  # fmt: skip
def test_a_wrong_number_fails_its_lines(tiny_gpt2: LanguageModel, array: str, change: Any, lines: set[str]) -> None:
    """The LayerNorm before attention cannot see a constant that is added to the stream."""
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT[:40]))
    assert failing(tiny_gpt2, changed(trace, array, change)) == lines


@pytest.mark.parametrize("array", ["logits", "attention.0", "head_outputs.1", "neurons.0", "residual.0"])
def test_what_is_not_finite_fails(tiny_gpt2: LanguageModel, array: str) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT[:40]))
    assert failing(tiny_gpt2, changed(trace, array, lambda x: x * np.float32(np.nan)))


def test_a_look_ahead_fails(tiny_gpt2: LanguageModel) -> None:
    def turned(attention: Any) -> Any:
        return attention[:, ::-1, ::-1]

    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT[:40]))
    assert "Attention adds up, and never looks ahead" in failing(tiny_gpt2, changed(trace, "attention.0", turned))


def test_another_text_fails(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "a fox"))
    other = Trace(Prompt("tiny", "a Fox"), trace.tokens, trace.info, trace.array)
    line = compute_ledger(tiny_gpt2, other)[0]
    assert (line.name, line.difference, line.fails) == ("The tokens spell the text", 1, True)


def test_a_hook_that_stays_fails() -> None:
    model = make_tiny("gpt2")
    trace = compute_trace(model, Prompt("tiny", "a fox"))

    def add_another(_module: Any, _args: Any, _output: Any) -> None:
        torch.nn.Module.register_forward_hook(model.network.lm_head, lambda *_: None)  # type: ignore[arg-type]

    model.network.register_forward_hook(add_another)
    assert "A pass leaves no hooks behind" in failing(model, trace)


def test_what_takes_too_long_is_not_computed(tiny_gpt2: LanguageModel) -> None:
    lines = compute_ledger(tiny_gpt2, compute_trace(tiny_gpt2, Prompt("tiny", "a fox")), seconds=0)
    assert [line.name for line in lines] == NAMES
    assert all(line.difference is None and not line.fails for line in lines)
