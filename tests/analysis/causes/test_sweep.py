"""Sweeps against hooks of the tests' own on networks without ours, on every family."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from analysis.causes.sweep import SweepResult, compute_sweep, plan_sweep
from analysis.errors import SelectionError
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.task import Arrays
from analysis.trace import Prompt, Trace
from tests.analysis.causes.bare import Bare
from tests.tiny import REPRESENTATIVE

PROMPT = Prompt("any", "The fox met a crow")
POSITION, TARGET, AGAINST = 3, 40, 41


@pytest.fixture
def trace(tiny_model: LanguageModel) -> Trace:
    return compute_trace(tiny_model, PROMPT)


def difference(logits: Any) -> float:
    return float(logits[POSITION, TARGET] - logits[POSITION, AGAINST])


def swept(model: LanguageModel, trace: Trace, **choices: Any) -> SweepResult:
    return compute_sweep(model, trace, POSITION, target=TARGET, against=AGAINST, **choices)


def by_own_hook(bare: Bare, trace: Trace, block: int, unit: int, *, mean: bool, rows: Any) -> float:
    """The difference of the two logits without a head, or with the number after the last one, an MLP."""
    kind, at = ("mlp", slice(None)) if unit == bare.info.n_heads else ("head", bare.columns("head", unit))
    value: Any = bare.values(kind, block, trace.token_ids)[:, at].mean(0) if mean else 0.0

    def change(values: Any) -> None:
        values[rows, at] = value

    with bare.changing(kind, block, change):
        return difference(bare.logits(trace.token_ids))


@pytest.mark.parametrize(("replacement", "everywhere"), [("mean", True), ("zero", False)])
def test_each_effect_equals_that_of_an_own_hook(
    tiny_model: LanguageModel, trace: Trace, replacement: Any, everywhere: bool
):
    result, bare = swept(tiny_model, trace, replacement=replacement, everywhere=everywhere), Bare(tiny_model)
    base = difference(bare.logits(trace.token_ids))
    assert result.base == pytest.approx(base, abs=1e-4)
    assert result.effects.shape == (3, 5)
    rows = slice(None) if everywhere else POSITION
    for block, unit in ((0, 2), (1, 4), (2, 0), (2, 4)):
        expected = by_own_hook(bare, trace, block, unit, mean=replacement == "mean", rows=rows) - base
        assert result.effects[block, unit] == pytest.approx(expected, abs=1e-4), (block, unit)


@pytest.mark.long
@pytest.mark.parametrize("everywhere", [True, False])
def test_estimates_are_the_slope_of_the_effects(tiny_model: LanguageModel, trace: Trace, everywhere: bool):
    """The change when a part is replaced by a thousandth, in both directions, is the estimate's thousandth."""
    result, bare = swept(tiny_model, trace, everywhere=everywhere), Bare(tiny_model)
    bare.network.double()
    rows = slice(None) if everywhere else slice(POSITION, POSITION + 1)
    for block, unit in ((0, 1), (1, 4), (2, 3), (2, 4)):
        kind, at = ("mlp", slice(None)) if unit == 4 else ("head", bare.columns("head", unit))
        values = bare.values(kind, block, trace.token_ids)[:, at]
        ends = []
        for step in (1e-3, -1e-3):
            moved = torch.lerp(values, values.mean(0).expand_as(values), step)

            def nudge(found: Any, at: slice = at, moved: Any = moved) -> None:
                found[rows, at] = moved[rows]

            with bare.changing(kind, block, nudge):
                ends.append(difference(bare.logits(trace.token_ids)))
        assert result.estimates[block, unit] == pytest.approx((ends[0] - ends[1]) / 2e-3, rel=1e-2, abs=1e-3)


@pytest.mark.parametrize("tiny_model", REPRESENTATIVE, indirect=True)
def test_the_reference_text_gives_another_mean(tiny_model: LanguageModel, trace: Trace):
    means = [swept(tiny_model, trace, replacement=replacement).effects for replacement in ("mean", "reference")]
    assert np.abs(means[0] - means[1]).max() > 1e-3


def test_estimates_come_first_and_effects_from_the_last_block_on(tiny_gpt2: LanguageModel):
    trace, seen = compute_trace(tiny_gpt2, PROMPT), []

    def report(share: float, partial: Arrays) -> None:
        seen.append((share, {name: array.copy() for name, array in partial.items()}))

    task = plan_sweep(tiny_gpt2, trace, POSITION)
    last = task.result(task.compute(report))
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert shares[-1] == pytest.approx(1)
    results = [task.result(partial) for _, partial in seen if partial]
    assert [int(np.isfinite(result.effects).all(axis=1).sum()) for result in results] == [0, 1, 2, 3]
    assert np.isfinite(results[1].effects[2]).all()
    assert np.isnan(results[0].correlations).all()
    assert_array_equal(results[0].shown, results[0].estimates)
    assert last.complete
    assert_array_equal(last.shown, last.effects)
    every, heads = ((one.effects[:, :n].ravel(), one.estimates[:, :n].ravel()) for one, n in ((last, 5), (last, 4)))
    assert last.correlations == pytest.approx((np.corrcoef(*every)[0, 1], np.corrcoef(*heads)[0, 1]))


def test_blocks_before_the_intervention_are_not_run_again(tiny_gpt2: LanguageModel):
    """Counted in the modules that the sweep's copy shares with no one, by the hooks that it has inherited."""
    counts = dict.fromkeys(range(3), 0)
    network: Any = tiny_gpt2.network
    handles = [
        block.mlp.c_fc.register_forward_hook(lambda _m, _args, output, n=n: counts.update({n: counts[n] + len(output)}))
        for n, block in enumerate(network.transformer.h)
    ]
    try:
        compute_sweep(tiny_gpt2, compute_trace(tiny_gpt2, PROMPT), POSITION)
    finally:
        for handle in handles:
            handle.remove()
    others = 1 + 1 + 1  # the trace, the means and the gradient
    assert counts == {0: 5 + others, 1: 2 * 5 + others, 2: 3 * 5 + others + 1}  # and the base


def test_nothing_is_left_behind(tiny_gpt2: LanguageModel):
    def n_hooks() -> int:
        return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in tiny_gpt2.network.modules())

    trace, before = compute_trace(tiny_gpt2, PROMPT), n_hooks()
    compute_sweep(tiny_gpt2, trace, POSITION)
    assert n_hooks() == before
    assert not any(parameter.requires_grad for parameter in tiny_gpt2.network.parameters())
    with torch.inference_mode():
        logits = tiny_gpt2.network(torch.from_numpy(trace.token_ids[None])).logits[0].numpy()
    assert_array_equal(logits, trace.logits())


def test_the_name_says_everything_that_the_result_depends_on(tiny_gpt2: LanguageModel):
    trace = compute_trace(tiny_gpt2, PROMPT)
    usual = plan_sweep(tiny_gpt2, trace, POSITION, target=TARGET)
    others: list[dict[str, Any]] = [{"replacement": "zero"}, {"everywhere": False}, {"target": 3}, {"against": 3}]
    names = {plan_sweep(tiny_gpt2, trace, POSITION, **{"target": TARGET, **other}).name for other in others}
    names.add(plan_sweep(tiny_gpt2, trace, POSITION - 1, target=TARGET).name)
    assert len(names | {usual.name}) == 6


@pytest.mark.parametrize(
    "wrong", [{"replacement": "other"}, {"replacement": "none"}, {"target": 300}, {"against": 10**6}]
)
def test_what_does_not_exist_is_refused(tiny_gpt2: LanguageModel, wrong: Any):
    with pytest.raises(SelectionError):
        plan_sweep(tiny_gpt2, compute_trace(tiny_gpt2, PROMPT), POSITION, **wrong)
    with pytest.raises(SelectionError):
        plan_sweep(tiny_gpt2, compute_trace(tiny_gpt2, PROMPT), 64)


def test_a_long_text_needs_no_more_memory_for_its_gradient(tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch):
    """With gradient checkpointing, estimates are the same."""
    trace = compute_trace(tiny_gpt2, PROMPT)
    usual = swept(tiny_gpt2, trace)
    monkeypatch.setattr("analysis.saliency_methods.explained_logit.RECOMPUTE_ABOVE", 1)
    assert_allclose(swept(tiny_gpt2, trace).estimates, usual.estimates, atol=1e-5)


def test_a_grid_that_is_too_large_is_refused_before_it_is_begun(
    tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("analysis.causes.run.MOST_WORK", 10)
    with pytest.raises(SelectionError, match="at most 10"):
        plan_sweep(tiny_gpt2, compute_trace(tiny_gpt2, PROMPT), POSITION)
