"""Attributions on families of every kind: what they sum to, what is kept and reported, what is refused."""

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
import pytest
import torch

from analysis.errors import SelectionError
from analysis.models.forward import compute_trace
from analysis.models.fuse import fuse_activations
from analysis.models.language_model import LanguageModel
from analysis.saliency import (
    SaliencyMethod,
    SaliencyResult,
    compute_saliency,
    default_target,
    plan_saliency,
    saliency_work,
)
from analysis.saliency_methods.methods import USUAL_GRADIENTS
from analysis.task import Arrays
from analysis.trace import Prompt, Trace
from tests.tiny import REPRESENTATIVE, make_tiny, tiny_models

pytestmark = pytest.mark.long

METHODS: tuple[Any, ...] = get_args(SaliencyMethod)
POSITION = 8
some_models = tiny_models(*REPRESENTATIVE)


@pytest.fixture(scope="module")
def trace(tiny_model: LanguageModel) -> Trace:
    return compute_trace(tiny_model, Prompt("tiny", "The fox met a crow. The fox ate"))


def saliency(model: LanguageModel, trace: Trace, position: int = POSITION, **choices: Any) -> SaliencyResult:
    return compute_saliency(model, trace, position, **choices)


def mean_embedding(model: LanguageModel) -> torch.Tensor:
    """Gemma multiplies what it looks up by the root of the width."""
    network: Any = model.network
    scale = 32**0.5 if "gemma" in network.config.model_type else 1
    return network.get_input_embeddings().weight.mean(0) * scale


@pytest.mark.parametrize("method", METHODS)
def test_every_method_explains_the_logit(tiny_model: LanguageModel, trace: Trace, method: Any) -> None:
    result = saliency(tiny_model, trace, method=method, baseline="mean")
    assert result.target.id == trace.logits()[POSITION].argmax() == default_target(tiny_model, trace, POSITION)
    assert not result.chosen
    assert result.value == pytest.approx(trace.logits()[POSITION].max(), rel=1e-5)
    assert result.attributions.shape == (trace.n_positions,)
    assert result.attributions.dtype == np.float32
    assert result.attributions[: POSITION + 1].all()
    assert not result.attributions[POSITION + 1 :].any()
    if result.depth is not None:
        assert result.depth.shape == (trace.info.n_blocks, trace.n_positions)
        assert not result.depth[:, POSITION + 1 :].any()
    assert not result.doubtful
    # OPT's activation function is a ReLU: the slope jumps wherever a neuron switches on.
    assert result.converged or tiny_model.info.family == "OPT"
    assert (result.gradients > 0) == result.exact == (method in ("integrated", "depth"))
    assert (result.path is not None) == (result.certificates is not None) == result.exact
    assert result.precision in ("float32", "bfloat16")
    assert (result.depth is None) == (method in ("integrated", "occlusion"))
    if method == "gradient_norm":
        assert (result.attributions >= 0).all()


def test_rows_sum_to_the_change_of_the_logit(tiny_model: LanguageModel, trace: Trace) -> None:
    result = saliency(tiny_model, trace, method="depth", baseline="mean", target=7, against=8)
    change = result.value - result.base
    logits = trace.logits()[POSITION]
    assert result.value == pytest.approx(logits[7] - logits[8], abs=1e-5)
    with torch.inference_mode():
        means = mean_embedding(tiny_model).expand(1, POSITION + 1, -1)
        base = tiny_model.network(inputs_embeds=means, use_cache=False).logits[0, -1]
    assert result.base == pytest.approx(float(base[7] - base[8]), abs=1e-5)
    assert result.depth is not None
    assert result.certificates is not None
    sums = result.depth.sum(axis=1, dtype=np.float64)
    np.testing.assert_allclose(sums, change, rtol=0.01)
    assert not result.doubtful
    assert (np.abs(sums - change) <= result.certificates + 1e-6).all()
    assert result.worst_error == pytest.approx(result.certificates.max() / abs(change))
    assert result.error == pytest.approx(result.certificates[0] / abs(change))
    assert result.total == pytest.approx(sums[0])
    assert result.delta == pytest.approx(sums[0] - change, abs=1e-7)
    np.testing.assert_array_equal(result.depth[0], result.attributions)
    assert (result.chosen, result.target.id, result.against and result.against.id) == (True, 7, 8)


def test_depth_begins_with_the_integrated_gradients(tiny_model: LanguageModel, trace: Trace) -> None:
    """What enters the first block is the embedding plus what is the same in both texts."""
    deep, plain = (saliency(tiny_model, trace, method=m, baseline="mean") for m in ("depth", "integrated"))
    assert deep.depth is not None
    np.testing.assert_allclose(deep.depth[0], plain.attributions, atol=1e-5 * np.abs(plain.attributions).max())


def test_occlusion_leaves_one_token_out(tiny_model: LanguageModel, trace: Trace) -> None:
    result = saliency(tiny_model, trace, method="occlusion", baseline="mean", target=5)
    embedding = tiny_model.network.get_input_embeddings()
    lost = []
    with torch.inference_mode():
        text = embedding(torch.from_numpy(trace.token_ids))
        for position in range(POSITION + 1):
            without = text.clone()
            without[position] = mean_embedding(tiny_model)
            logits = tiny_model.network(inputs_embeds=without[None], use_cache=False).logits[0, POSITION]
            lost.append(trace.logits()[POSITION, 5] - float(logits[5]))
    np.testing.assert_allclose(result.attributions[: POSITION + 1], lost, atol=2e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_difference_is_antisymmetric(tiny_gpt2: LanguageModel, method: Any) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "The fox met a crow"))
    one, other = (saliency(tiny_gpt2, trace, 3, target=a, against=b, method=method) for a, b in ((3, 4), (4, 3)))
    sign = 1 if method == "gradient_norm" else -1
    np.testing.assert_allclose(other.attributions, sign * one.attributions, atol=1e-5)
    assert (other.value, other.base) == pytest.approx((-one.value, -one.base), abs=1e-6)
    same = saliency(tiny_gpt2, trace, 3, target=3, against=3, method=method)
    assert not same.attributions.any()
    assert (same.value, same.base, same.error, same.converged) == (0, 0, 0, True)


@pytest.mark.parametrize("method", ["integrated", "depth", "occlusion"])
def test_a_text_that_is_its_baseline(tiny_gpt2: LanguageModel, method: Any) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "<|endoftext|>" * 5))
    result = saliency(tiny_gpt2, trace, 3, method=method, baseline="end")
    assert set(trace.token_ids) == {tiny_gpt2.start_id}
    assert not result.attributions.any()
    assert result.depth is None or not result.depth.any()
    assert result.value == result.base
    assert (result.delta, result.error, result.converged) == (0, 0, True)


def test_the_error_is_a_share_of_the_change(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "The fox"))
    result = saliency(tiny_gpt2, trace, 1)
    half = np.array([0.5, *[0.0] * (trace.n_positions - 1)], dtype=np.float32)
    made = replace(result, attributions=half, value=3.0, base=2.0, certificates=np.array([0.5]))
    assert (made.total, made.delta, made.error, made.converged, made.doubtful) == (0.5, -0.5, 0.5, False, True)
    for certificate, converged, doubtful in ((0.009, True, False), (0.011, False, False), (0.051, False, True)):
        one = replace(made, certificates=np.array([certificate]))
        assert (one.converged, one.doubtful) == (converged, doubtful), "whatever delta is"
    assert replace(made, base=3.0).error == np.inf
    assert not replace(made, base=3.0).converged
    occluded = replace(made, method="occlusion", certificates=None)
    assert (occluded.converged, occluded.doubtful) == (True, False)
    deep = replace(made, base=2.5, method="depth", certificates=np.array([0, np.nan, 0.25]))
    assert (deep.error, deep.worst_error, deep.converged, deep.doubtful) == (0, 0.5, False, False)
    assert deep.doubtful_rows.tolist() == [2]


def test_partial_results_grow_block_by_block(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "The fox met a crow. The crow had a cheese"))
    reports: list[tuple[float, Arrays]] = []
    task = plan_saliency(tiny_gpt2, trace, POSITION, method="depth")
    result = task.result(task.compute(lambda *report: reports.append(report)))
    shares = [share for share, _ in reports]
    assert shares == sorted(shares)  # nothing is doubled here
    assert 0 <= shares[0] < 0.1
    assert shares[-1] == pytest.approx(1)
    known = [task.result(arrays) for _, arrays in reports if arrays]
    assert result.depth is not None
    n_rows = [int((~np.isnan(partial.depth[:, 0])).sum()) for partial in known if partial.depth is not None]
    assert len(n_rows) == len(known)
    assert n_rows == sorted(n_rows)
    assert set(n_rows) == set(range(1, trace.info.n_blocks + 1))
    for rows, partial in zip(n_rows, known, strict=True):
        assert partial.depth is not None
        np.testing.assert_array_equal(partial.depth[: rows - 1], result.depth[: rows - 1])
        assert np.isnan(partial.depth[rows:, : POSITION + 1]).all()
    assert known[-1].converged


def test_a_budget_that_is_too_small_is_not_exceeded_and_the_result_says_so(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "The fox"))
    result = saliency(tiny_gpt2, trace, 1, budget=9)
    assert result.gradients == 9
    assert result.path is not None
    np.testing.assert_allclose(result.path[:, [0, -1]], [[0, 1], [result.base, result.value]])


@pytest.mark.parametrize("kind", ["gpt2", "gpt_neo", "gptj", "phi"])
def test_the_fused_activation_is_the_same_function(kind: str) -> None:
    model = make_tiny(kind)
    network: Any = deepcopy(model.network)
    fuse_activations(network)
    assert not [module for module in network.modules() if type(module).__name__ == "NewGELUActivation"]
    assert [module for module in model.network.modules() if type(module).__name__ == "NewGELUActivation"]
    ids = torch.arange(9)[None]
    with torch.inference_mode():
        torch.testing.assert_close(network(ids).logits, model.network(ids).logits, rtol=1e-5, atol=1e-5)


def test_planning_runs_nothing(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "The fox"))

    def fail(*_: Any) -> None:
        raise AssertionError("a pass was run")

    watched = tiny_gpt2.network.register_forward_pre_hook(fail)
    try:
        names = {plan_saliency(tiny_gpt2, trace, 1, method=method).name for method in METHODS}
        with pytest.raises(AssertionError, match="a pass was run"):
            compute_saliency(tiny_gpt2, trace, 1)
    finally:
        watched.remove()
    assert len(names) == len(METHODS)


def test_the_name_says_what_the_arrays_depend_on(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "The fox"))
    best = default_target(tiny_gpt2, trace, 1)
    choices: list[dict[str, Any]] = [
        {}, {"target": best + 1}, {"against": best + 1}, {"position": 0, "target": best}, {"method": "depth"},
        {"baseline": "end"}, {"budget": 16},
    ]  # fmt: skip
    names = [
        plan_saliency(tiny_gpt2, trace, **{"position": 1, **changed}).name for changed in [*choices, {"target": best}]
    ]
    assert len(set(names)) == len(choices)
    assert names[-1] == names[0]  # asked for or not, it is the same token


def test_threads_do_not_see_each_others_questions(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "The fox met a crow. The crow had a cheese"))
    questions = [(target, method) for target in range(4) for method in METHODS]
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in tiny_gpt2.network.modules()]

    def ask(question: tuple[int, Any]) -> SaliencyResult:
        return saliency(tiny_gpt2, trace, target=question[0], method=question[1])

    alone = [ask(question).attributions for question in questions]
    with ThreadPoolExecutor(8) as pool:
        together = [result.attributions for result in pool.map(ask, questions)]
    np.testing.assert_array_equal(together, alone)
    after = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in tiny_gpt2.network.modules()]
    assert after == hooks
    assert tiny_gpt2.network.config._attn_implementation == "eager"


def test_choices_that_do_not_exist_are_refused(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "The fox"))
    for wrong in ({"method": "lime"}, {"baseline": "noise"}, {"budget": 0}, {"budget": 8}):
        with pytest.raises(SelectionError, match="Choose"):
            compute_saliency(tiny_gpt2, trace, 1, **wrong)  # type: ignore[arg-type]
    for wrong in ({"target": 300}, {"against": 300}):
        with pytest.raises(SelectionError, match="no token id 300: this model has token ids 0–299"):
            compute_saliency(tiny_gpt2, trace, 1, **wrong)  # type: ignore[arg-type]
    with pytest.raises(SelectionError):
        compute_saliency(tiny_gpt2, trace, 1, target=-1)
    with pytest.raises(SelectionError, match="position"):
        compute_saliency(tiny_gpt2, trace, trace.n_positions)


def test_a_model_without_an_end_of_text_token(tiny_gpt2: LanguageModel) -> None:
    class Endless:
        bos_token_id = eos_token_id = None
        added_tokens_decoder = MappingProxyType({})

    trace = compute_trace(tiny_gpt2, Prompt("tiny", "The fox"))
    with pytest.raises(SelectionError, match="no token that starts a text"):
        compute_saliency(replace(tiny_gpt2, tokenizer=Endless()), trace, 1, baseline="end")


@pytest.mark.parametrize("method", ["integrated", "depth"])
def test_the_arrays_include_the_actual_work(tiny_gpt2: LanguageModel, method: Any) -> None:
    """Of what was spent: with one integral, a token pass for each gradient at each token."""
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "The fox met a crow"))
    task = plan_saliency(tiny_gpt2, trace, 3, method=method)
    arrays = task.compute(lambda *_: None)
    n_blocks = trace.info.n_blocks
    assert task.work == saliency_work(4, n_blocks, method)
    assert task.most == saliency_work(4, n_blocks, method, gradients=1200 if method == "integrated" else 480)
    if method == "integrated":
        assert arrays["work"] == saliency_work(4, n_blocks, method, gradients=int(arrays["gradients"]))
    else:
        assert 4 < arrays["work"] < 4 * (1 + int(arrays["gradients"]))
    assert USUAL_GRADIENTS / 3 < arrays["gradients"] / (1 if method == "integrated" else n_blocks) < 3 * USUAL_GRADIENTS


def test_work_grows_with_what_is_run() -> None:
    works = {method: saliency_work(64, 24, method) for method in METHODS}
    assert works["integrated"] == 2 * saliency_work(32, 24, "integrated")
    assert works["gradient_norm"] == works["input_gradient"] < works["integrated"] < works["depth"]
    assert saliency_work(64, 12, "depth") < works["depth"]
    assert saliency_work(64, 12, "integrated") == works["integrated"]
    assert works["occlusion"] > 3 * saliency_work(32, 24, "occlusion")
