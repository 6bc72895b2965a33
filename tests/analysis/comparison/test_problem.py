"""Reasons for which A and B cannot be compared."""

import pytest
import torch

from analysis.comparison.problem import first_problem, incomparable
from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from tests.comparing import LONGER, A, B, compared
from tests.tiny import make_tiny


def test_the_first_problem_is_told():
    def refuse(words: str) -> None:
        raise SelectionError(words)

    assert first_problem(lambda: 1, lambda: refuse("one"), lambda: refuse("two")) == "one"
    assert first_problem(lambda: 1) == ""
    with pytest.raises(ZeroDivisionError):  # which is a bug, not a reason
        first_problem(lambda: 1 / 0)


def test_logits_can_be_compared_or_there_is_a_reason(tiny_gpt2: LanguageModel):
    assert incomparable(compared(tiny_gpt2, A, B), tiny_gpt2, tiny_gpt2, 0) == ""
    llama = make_tiny("llama")
    assert "different vocabularies" in incomparable(compared(tiny_gpt2, A, A, llama), tiny_gpt2, llama, 0)
    comparison = compared(tiny_gpt2, LONGER, A)
    missing = comparison.aligned.tolist().index(-1)
    assert "no counterpart" in incomparable(comparison, tiny_gpt2, tiny_gpt2, missing)
    broken = make_tiny("gpt2")
    with torch.no_grad():
        broken.network.transformer.h[1].mlp.c_proj.bias[0] = torch.inf  # type: ignore[union-attr]
    assert incomparable(compared(tiny_gpt2, A, A, broken), tiny_gpt2, broken, 1).startswith("In B: After")
    assert incomparable(compared(broken, A, A, tiny_gpt2), broken, tiny_gpt2, 1).startswith("In A: After")
