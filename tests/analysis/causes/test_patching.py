"""Patching grids against hooks of the tests' own on networks without ours, on every family."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from analysis.causes.intervention import Intervention
from analysis.causes.patching import align, compute_patching, donor, plan_patching
from analysis.effect import compute_effect
from analysis.errors import SelectionError
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt, Trace
from tests.analysis.causes.bare import Bare

TARGET, AGAINST = 40, 41
A, B, SHORTER = "The fox met the crow", "The fox and the crow", "The fox crow"
UNITS = {"stream": "stream", "attention": "attention", "mlp": "mlp", "heads": "head"}


def traced(model: LanguageModel, *texts: str) -> list[Trace]:
    return [compute_trace(model, Prompt("any", text)) for text in texts]


def difference(logits: Any) -> float:
    return float(logits[-1, TARGET] - logits[-1, AGAINST])


@pytest.mark.long
@pytest.mark.parametrize("carried", UNITS)
def test_each_cell_equals_an_own_patch_of_the_other_text(tiny_model: LanguageModel, carried: Any):
    trace, other = traced(tiny_model, A, B)
    bare = Bare(tiny_model)
    result = compute_patching(tiny_model, trace, other, carried=carried, target=TARGET, against=AGAINST)
    aligned = align(trace, other)
    clean, corrupted = (difference(bare.logits(ids)) for ids in (trace.token_ids, other.token_ids))
    assert (result.clean, result.corrupted) == pytest.approx((clean, corrupted), abs=1e-4)
    there = [p for p in range(trace.n_positions) if aligned[p] >= 0]
    assert np.isnan(result.values).sum() == (0 if carried == "heads" else 3 * (trace.n_positions - len(there)))
    for block in range(3):
        columns = (0, 3) if carried == "heads" else (there[0], there[-2], there[-1])
        value = bare.values(UNITS[carried], block, trace.token_ids)
        for column in columns:
            at = bare.columns("head", column) if carried == "heads" else slice(None)
            pairs = [(p, aligned[p]) for p in (there if carried == "heads" else [column])]

            def change(values: Any, at: slice = at, pairs: Any = pairs, value: Any = value) -> None:
                for here, there in pairs:
                    values[there, at] = value[here, at]

            with bare.changing(UNITS[carried], block, change):
                expected = difference(bare.logits(other.token_ids))
            assert result.values[block, column] == pytest.approx(expected, abs=1e-4), (block, column)


def test_the_scale_goes_from_the_one_text_to_the_other(tiny_model: LanguageModel):
    """Where one token differs, its whole stream into the first block makes B into A; an earlier one changes nothing."""
    trace, other = traced(tiny_model, "a x c", "a y c")
    (place,) = np.flatnonzero(trace.token_ids != other.token_ids)
    result = compute_patching(tiny_model, trace, other)
    assert result.target.id == int(trace.logits()[-1].argmax())
    assert_allclose(result.normalized[0, place], 1, atol=1e-3)
    assert_array_equal(result.normalized[:, :place], 0)
    assert_allclose(result.normalized[-1, -1] * (result.clean - result.corrupted) + result.corrupted,
                    result.values[-1, -1], rtol=1e-4)  # fmt: skip


@pytest.mark.parametrize("carried", ["attention", "mlp"])
def test_what_cannot_reach_the_last_position_changes_nothing_exactly(tiny_gpt2: LanguageModel, carried: Any):
    result = compute_patching(tiny_gpt2, *traced(tiny_gpt2, A, B), carried=carried)
    assert_array_equal(result.normalized[-1, :-1][result.aligned[:-1] >= 0], 0)
    assert result.normalized[-1, -1] != 0
    assert result.complete


def test_the_same_text_changes_nothing(tiny_gpt2: LanguageModel):
    (trace,) = traced(tiny_gpt2, A)
    for carried in ("stream", "mlp", "heads"):
        result = compute_patching(tiny_gpt2, trace, trace, carried=carried)
        assert_array_equal(result.values, np.float32(result.corrupted))
        assert np.isnan(result.normalized).all()


def test_a_cell_is_the_effect_of_that_one_patch(tiny_gpt2: LanguageModel):
    trace, other = traced(tiny_gpt2, A, SHORTER)
    result = compute_patching(tiny_gpt2, trace, other, carried="mlp", target=TARGET)
    last, q = other.n_positions - 1, int(result.aligned[-1])
    effect = compute_effect(
        tiny_gpt2,
        other,
        last,
        interventions=[Intervention(1, "mlp", None, q, "other")],
        target=TARGET,
        other=donor(trace, other),
    )
    assert effect.before.logit == pytest.approx(result.corrupted, abs=1e-4)
    assert effect.after.logit == pytest.approx(result.values[1, -1], abs=1e-4)


def test_the_name_says_everything_that_the_result_depends_on(tiny_gpt2: LanguageModel):
    trace, other, shorter = traced(tiny_gpt2, A, B, SHORTER)
    names = [
        plan_patching(tiny_gpt2, trace, other, target=1).name,
        plan_patching(tiny_gpt2, trace, shorter, target=1).name,
        plan_patching(tiny_gpt2, trace, other, target=2).name,
        plan_patching(tiny_gpt2, trace, other, target=1, against=2).name,
        plan_patching(tiny_gpt2, trace, other, target=1, carried="mlp").name,
    ]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("wrong", [{"carried": "neurons"}, {"target": 300}, {"against": 300}])
def test_what_does_not_exist_is_refused(tiny_gpt2: LanguageModel, wrong: Any):
    trace, other = traced(tiny_gpt2, A, B)
    with pytest.raises(SelectionError):
        plan_patching(tiny_gpt2, trace, other, **wrong)


def test_texts_that_end_differently_in_length_and_token_are_refused(tiny_gpt2: LanguageModel):
    trace, other = traced(tiny_gpt2, A, "The fox met a crow and")
    with pytest.raises(SelectionError, match="end with the same token"):
        plan_patching(tiny_gpt2, trace, other)


def test_a_grid_that_is_too_large_is_refused_before_it_is_begun(
    tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("analysis.causes.run.MOST_WORK", 10)
    with pytest.raises(SelectionError, match="at most 10"):
        plan_patching(tiny_gpt2, *traced(tiny_gpt2, A, B))
