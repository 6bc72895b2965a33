"""Interventions against hooks of the tests' own on networks without ours, on every family."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from torch import Tensor

from analysis.causes.intervention import Intervention
from analysis.causes.run import OtherText, reference_ids, run_with
from analysis.errors import SelectionError
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt, Trace
from tests.analysis.causes.bare import Bare
from tests.tiny import FEW_FIRST

TEXT = "The fox met a crow"


@pytest.fixture
def trace(tiny_model: LanguageModel) -> Trace:
    return compute_trace(tiny_model, Prompt("any", TEXT))


UNITS = [
    Intervention(1, "head", 2, None, "zero"),
    Intervention(0, "head", 3, 2, "mean"),
    Intervention(1, "attention", None, None, "mean"),
    Intervention(2, "attention", None, 1, "zero"),
    Intervention(2, "head", 0, None, "reference"),
    Intervention(0, "mlp", None, None, "zero"),
    Intervention(1, "mlp", None, 3, "reference"),
    Intervention(1, "tile", 4, None, "mean"),
    Intervention(0, "neuron", 7, 1, "reference"),
    Intervention(1, "stream", None, 2, "zero"),
    Intervention(0, "stream", None, 1, "mean"),
]


def by_own_hook(bare: Bare, one: Intervention, ids: Any, reference: Any) -> Tensor:
    """The logits under an intervention."""
    at, rows = bare.columns(one.unit, one.index), slice(None) if one.position is None else one.position
    if one.replacement == "zero":
        value: Any = 0.0
    else:
        source = ids if one.replacement == "mean" else reference
        value = bare.values(one.unit, one.block, source)[:, at].mean(0)

    def change(values: Tensor) -> None:
        values[rows, at] = value

    with bare.changing(one.unit, one.block, change):
        return bare.logits(ids)


@pytest.mark.long
def test_removals_equal_own_hooks_on_a_plain_network(tiny_model: LanguageModel, trace: Trace):
    bare, reference = Bare(tiny_model), reference_ids(tiny_model)
    plain = bare.logits(trace.token_ids)
    for one in UNITS:
        logits = tiny_model.lens_logits(run_with(tiny_model, trace, [one]))
        expected = by_own_hook(bare, one, trace.token_ids, reference)
        assert_allclose(logits, expected, atol=1e-4, err_msg=str(one))
        assert (expected - plain).abs().max() > 1e-4, one  # or any other removal would pass, too


def test_patches_equal_own_hooks_and_change_nothing_outside_their_cone(tiny_model: LanguageModel, trace: Trace):
    """Before the position, and in the stream before the block, every number stays as it is to the last bit."""
    bare = Bare(tiny_model)
    ids = np.roll(trace.token_ids, 3)
    other = OtherText(ids, np.arange(trace.n_positions))
    before = trace.residual(3)
    for unit, index in (("stream", None), ("attention", None), ("mlp", None), ("head", 1), ("neuron", 5)):
        one = Intervention(1, unit, index, 2, "other")
        after = run_with(tiny_model, trace, [one], other=other)
        at = bare.columns(one.unit, one.index)
        value = bare.values(unit, 1, ids)[2, at]

        def change(values: Tensor, at: slice = at, value: Tensor = value) -> None:
            values[2, at] = value

        with bare.changing(unit, 1, change):
            expected = bare.logits(trace.token_ids)
        assert_allclose(tiny_model.lens_logits(after), expected, atol=1e-4, err_msg=unit)
        assert_array_equal(after[:2], before[:2])
        assert unit == "neuron" or (after[2] != before[2]).any()  # a ReLU may be 0 in both texts


def test_what_changes_nothing_leaves_every_bit(tiny_model: LanguageModel, trace: Trace):
    last = trace.residual(3)
    assert_array_equal(run_with(tiny_model, trace, []), last)
    same = OtherText(trace.token_ids, np.arange(trace.n_positions))
    patches = [
        Intervention(block, unit, index, None if unit != "stream" else 2, "other")
        for block, unit, index in (
            (0, "stream", None),
            (0, "head", 1),
            (1, "attention", None),
            (2, "mlp", None),
            (1, "tile", 3),
        )
    ]
    assert_array_equal(run_with(tiny_model, trace, patches, other=same), last)


def test_several_removals_equal_them_together(tiny_model: LanguageModel, trace: Trace):
    bare = Bare(tiny_model)
    removed = [Intervention(0, "head", 1), Intervention(0, "head", 2, 3), Intervention(2, "mlp"),
               Intervention(1, "stream", None, 1)]  # fmt: skip
    d_head = tiny_model.info.d_head

    def heads(values: Tensor) -> None:
        values[:, d_head : 2 * d_head] = 0
        values[3, 2 * d_head : 3 * d_head] = 0

    with (
        bare.changing("head", 0, heads),
        bare.changing("mlp", 2, lambda values: values.zero_()),
        bare.changing("stream", 1, lambda values: values[1].zero_()),
    ):
        expected = bare.logits(trace.token_ids)
    assert_allclose(tiny_model.lens_logits(run_with(tiny_model, trace, removed)), expected, atol=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("tiny_model", FEW_FIRST, indirect=True)
def test_interventions_of_eight_threads_change_nobody_elses_numbers(tiny_model: LanguageModel, trace: Trace):
    removals = [random.Random(n).choice(UNITS) for n in range(100)]
    alone = {one: run_with(tiny_model, trace, [one]) for one in set(removals)}
    plain = {name: trace.array(name) for name in ("attention.1", "neurons.2", "residual.3", "logits")}

    def both(one: Intervention) -> tuple[Intervention, Any, dict[str, Any]]:
        after = run_with(tiny_model, trace, [one])
        beside = compute_trace(tiny_model, Prompt("any", TEXT))
        return one, after, {name: beside.array(name) for name in plain}

    with ThreadPoolExecutor(8) as threads:
        for one, after, beside in threads.map(both, removals):
            assert_array_equal(after, alone[one])
            for name, array in plain.items():
                assert_array_equal(beside[name], array)


def test_a_position_without_a_counterpart_is_not_patched(tiny_gpt2: LanguageModel):
    trace = compute_trace(tiny_gpt2, Prompt("any", TEXT))
    aligned = np.arange(trace.n_positions)
    aligned[2] = -1
    other = OtherText(np.roll(trace.token_ids, 3), aligned)
    with pytest.raises(SelectionError, match="position 2"):
        run_with(tiny_gpt2, trace, [Intervention(0, "stream", None, 2, "other")], other=other)
    with pytest.raises(SelectionError, match="no other text"):
        run_with(tiny_gpt2, trace, [Intervention(0, "mlp", None, 2, "other")])
    everywhere = run_with(tiny_gpt2, trace, [Intervention(2, "mlp", None, None, "other")], other=other)
    assert_array_equal(everywhere[2], trace.residual(3)[2])
    assert (everywhere[[0, 1, 3]] != trace.residual(3)[[0, 1, 3]]).any(axis=1).all()


def test_what_the_model_does_not_have_is_refused(tiny_gpt2: LanguageModel):
    trace = compute_trace(tiny_gpt2, Prompt("any", TEXT))
    for text in ("block.3.mlp=zero", "block.0.attention.head.4=zero", f"block.0.mlp@{trace.n_positions}=zero"):
        with pytest.raises(SelectionError, match="to remove"):
            run_with(tiny_gpt2, trace, [Intervention.parse(text)])
