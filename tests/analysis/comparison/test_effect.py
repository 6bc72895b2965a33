"""Effects of removals in A minus those in B, against Hugging Face's model in float64 with the same weights set to 0."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from transformers import AutoModelForCausalLM

from analysis.causes.intervention import read_interventions
from analysis.causes.sweep import compute_sweep
from analysis.comparison.effect import (
    SweepDifference,
    compute_effect_difference,
    compute_sweep_difference,
    misfit_in_either,
)
from analysis.comparison.pair import Comparison
from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from tests.comparing import BLOCK, HEAD, LONGER, A, B, compared, reference, without_head
from tests.tiny import make_tiny

TARGET = 17


def swept(model: LanguageModel, a: str, b: str, other: LanguageModel | None = None) -> SweepDifference:
    comparison = compared(model, a, b, other)
    last = comparison.a.n_positions - 1
    sides = ((model, comparison.a, last), (other or model, comparison.b, comparison.counterpart(last)))
    return compute_sweep_difference(
        comparison, *(compute_sweep(*side, replacement="zero", target=TARGET) for side in sides)
    )


def effects(model: LanguageModel, text: str, block: int) -> list[float]:
    """The change of the target's logit after the text without each head, and without the MLP."""
    found = []
    for unit in (None, *range(model.info.n_heads + 1)):
        network = AutoModelForCausalLM.from_config(model.network.config, attn_implementation="eager")
        network.load_state_dict(model.network.state_dict())
        network = network.eval().double()
        parts, d_head = network.transformer.h[block], model.info.d_head
        with torch.no_grad():
            if unit == model.info.n_heads:
                parts.mlp.c_proj.weight.zero_()
                parts.mlp.c_proj.bias.zero_()
            elif unit is not None:
                parts.attn.c_proj.weight[unit * d_head : (unit + 1) * d_head] = 0
            found.append(float(network(torch.tensor([model.tokenize(text)])).logits[0, -1, TARGET]))
    return [value - found[0] for value in found[1:]]


def minus(comparison: Comparison, model: LanguageModel, removed: str, **knobs: Any) -> Any:
    knobs = {"position": 4, "target": TARGET, **knobs}
    return compute_effect_difference(
        comparison, model, knobs.pop("other", model), interventions=read_interventions(removed), **knobs
    )


def test_of_equals_every_difference_is_0(tiny_gpt2: LanguageModel):
    result = swept(tiny_gpt2, A, A)
    assert_array_equal(result.effects, np.zeros((3, 5)))
    assert_array_equal(result.estimates, np.zeros((3, 5)))
    assert (result.base, result.complete, result.problem) == (0, True, "")


def test_swapped_the_signs_change_exactly(tiny_gpt2: LanguageModel):
    here, there = swept(tiny_gpt2, A, B), swept(tiny_gpt2, B, A)
    assert here.effects.any()
    assert_array_equal(here.effects, -there.effects)


@pytest.mark.long
@pytest.mark.parametrize("block", [0, 2])
def test_it_is_the_difference_of_the_networks_effects(tiny_gpt2: LanguageModel, block: int):
    expected = np.array(effects(tiny_gpt2, A, block)) - effects(tiny_gpt2, LONGER, block)
    assert_allclose(swept(tiny_gpt2, A, LONGER).effects[block], expected, atol=1e-4)


def test_to_remove_a_head_that_writes_nothing_does_nothing_in_b(tiny_gpt2: LanguageModel):
    result = swept(tiny_gpt2, A, A, without_head(tiny_gpt2))
    assert_allclose(result.effects[BLOCK, HEAD], result.a.effects[BLOCK, HEAD], atol=1e-5)
    assert abs(result.effects[BLOCK, HEAD]) > 1e-3


def test_parts_that_b_does_not_have_are_missing(tiny_gpt2: LanguageModel):
    result = swept(tiny_gpt2, A, A, make_tiny("gpt2", num_hidden_layers=2, num_attention_heads=2))
    assert np.isnan(result.effects[:, :-1]).all()
    assert_array_equal(np.isnan(result.effects[:, -1]), [False, False, True])
    assert "Heads cannot be compared" in result.problem
    assert result.complete


def test_removals_are_those_of_each_with_the_same_tokens(tiny_gpt2: LanguageModel):
    a, b = minus(compared(tiny_gpt2, A, LONGER), tiny_gpt2, "block.1.attention.head.2=zero")
    for result, text in ((a, A), (b, LONGER)):
        expected = effects(tiny_gpt2, text, 1)[2]
        assert_allclose(result.effect, expected, atol=1e-4)
        shares = reference(tiny_gpt2, text).logits[0, -1].softmax(-1)
        assert_allclose(
            [share for piece, share in result.before.top], shares[[p.id for p, _ in result.before.top]], atol=1e-5
        )
    assert {piece.id for piece, _ in a.before.top} == {piece.id for piece, _ in b.before.top}


def test_of_equals_removals_do_the_same(tiny_gpt2: LanguageModel):
    a, b = minus(compared(tiny_gpt2, A, A), tiny_gpt2, "block.1.attention.head.2=zero,block.0.mlp@2=mean")
    assert (a.before, a.after, a.divergence) == (b.before, b.after, b.divergence)
    assert a.effect != 0


def test_a_removal_at_a_position_is_at_its_counterpart(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2, A, LONGER)
    _, b = minus(comparison, tiny_gpt2, "block.0.mlp@3=zero")
    assert [one.position for one in b.interventions] == [comparison.counterpart(3)] != [3]


def test_what_one_of_both_does_not_have_is_told(tiny_gpt2: LanguageModel):
    smaller = make_tiny("gpt2", num_hidden_layers=2)
    for comparison, removed, words in (
        (compared(tiny_gpt2, A, A, smaller), "block.2.mlp=zero", "In B: "),
        (compared(smaller, A, A, tiny_gpt2), "block.2.mlp=zero", "no block 2"),
        (compared(tiny_gpt2, LONGER, A), "block.0.mlp@4=zero", "no counterpart"),
    ):
        assert words in misfit_in_either(comparison, read_interventions(removed))
    assert misfit_in_either(compared(tiny_gpt2, A, A), read_interventions("block.2.mlp=zero")) == ""
    with pytest.raises(SelectionError, match="counterpart"):
        minus(compared(tiny_gpt2, LONGER, A), tiny_gpt2, "")
