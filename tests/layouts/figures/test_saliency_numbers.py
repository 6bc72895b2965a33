"""Numbers, warning and export of attributions, from results made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.model_info import ModelInfo
from analysis.saliency import SaliencyResult
from layouts.figures.saliency_numbers import definition, saliency_numbers, saliency_warning
from tests.layouts.figures.test_saliency import DEEP, NORMS, RESULT

INFO = ModelInfo(
    family="GPT-2",
    n_blocks=2,
    n_heads=2,
    d_model=8,
    d_head=4,
    n_neurons=32,
    n_vocab=50,
    max_positions=16,
    n_parameters=999,
    fingerprint="abc",
)
OFF = replace(RESULT, value=3.35, certificates=np.array([0.39]))  # attributions sum to 2.25, the difference is 2.6


def test_numbers_of_a_method_that_adds_up() -> None:
    assert saliency_numbers(OFF) == [
        ("F(x)", "3.3500 logits"),
        ("F(x′)", "0.7500 logits"),
        ("F(x) − F(x′)", "2.6000 logits"),
        ("Σ attributions", "2.2500 logits"),
        ("δ", "−0.35 logits (13.46%)"),
        ("certificate", "±0.39 logits (15.00%)"),
        ("gradients", "32"),
        ("smallest segment", "1/8 of the path"),
        ("precision", "float32"),
    ]


def test_through_depth_the_certificate_is_that_of_the_worst_row() -> None:
    deep = replace(DEEP, value=3.0, certificates=np.array([0.009, np.nan, 0.5]))
    assert dict(saliency_numbers(deep))["certificate, worst block"] == "±0.50 logits (22.22%)"


@pytest.mark.parametrize(("miss", "words"), [(0, "0.00%"), (1e-5, "<0.01%"), (2.25e-4, "0.01%"), (0.0225, "0.99%")])
def test_small_errors(miss: float, words: str) -> None:
    result = replace(RESULT, value=2.25 + miss, base=0.0)
    assert dict(saliency_numbers(result))["δ"].endswith(f" logits ({words})")


@pytest.mark.parametrize(
    ("result", "names"),
    [
        (replace(RESULT, method="occlusion"), ["F(x)", "F(x′)", "F(x) − F(x′)", "Σ", "precision"]),
        (replace(DEEP, method="input_gradient"), ["F(x)", "Σ", "precision"]),
        (NORMS, ["F(x)", "Σ", "precision"]),
    ],
    ids=lambda given: given.method if isinstance(given, SaliencyResult) else "",
)
def test_methods_without_a_sum_say_so(result: SaliencyResult, names: list[str]) -> None:
    pairs = saliency_numbers(result)
    assert [name for name, _ in pairs] == names
    assert dict(pairs)["Σ"].endswith(f" (not expected to equal {names[names.index('Σ') - 1]})")


@pytest.mark.parametrize(
    ("result", "warning"),
    [
        (
            OFF,
            "No answer: after 32 gradients the errors along the path may add up to 15.00% of F(x) − F(x′) = +2.60 "
            "logits. Single values may even have the wrong sign, so nothing is coloured. These methods need no path:",
        ),
        (
            replace(OFF, certificates=np.array([0.078])),
            "Approximate: the errors along the path may add up to 3.00% of F(x) − F(x′) = +2.60 logits.",
        ),
        (
            replace(DEEP, certificates=np.array([0, 0.25])),
            "At the input of 1 block the errors may add up to more than 5% of F(x) − F(x′) = +2.50 logits; their rows "
            "are grey.",
        ),
        (replace(RESULT, value=3.0), ""),
        (replace(OFF, method="occlusion"), ""),
    ],
)
def test_the_warning(result: SaliencyResult, warning: str) -> None:
    assert saliency_warning(result) == warning


def test_an_infinite_error_is_a_sign() -> None:
    assert dict(saliency_numbers(replace(RESULT, value=0.75)))["certificate"] == "±0.02 logits (∞)"


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("integrated", "∫₀¹"),
        ("depth", "at the input of each block"),
        ("input_gradient", "x_id ∂F(x)"),
        ("gradient_norm", "unsigned"),
        ("occlusion", "x_i replaced by x′_i"),
    ],
)
def test_the_definition_is_in_words(method: str, words: str) -> None:
    said = definition(replace(DEEP, method=method))
    assert words in said
    assert "the logit of `target` at `position`, minus that of `against`" in said
    assert said.endswith(
        "The unit is logits per unit of length." if method == "gradient_norm" else "The unit is logits."
    )
