"""Numbers, warning and export of attributions, from results made by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.model_info import ModelInfo
from analysis.saliency import SaliencyResult
from analysis.tokens import Piece
from analysis.trace import Prompt
from layouts.figures.saliency_numbers import saliency_export, saliency_numbers, saliency_warning
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


# The export.


def exported(result: SaliencyResult) -> dict:
    made = saliency_export(result, Prompt("tiny", "The <b> wolf", start=True), INFO, versions={"torch": "2.13.0"})
    return json.loads(json.dumps(made, allow_nan=False))


def test_the_export_has_all_that_reproduces_it() -> None:
    chosen = replace(RESULT, against=Piece(41, "·she"))
    assert {key: value for key, value in exported(chosen).items() if key != "definition"} == {
        "model": "tiny",
        "family": "GPT-2",
        "weights": None,
        "fingerprint": "abc",
        "text": "The <b> wolf",
        "start": True,
        "chat": False,
        "tokens": [
            {"position": 0, "id": 7, "label": "The"},
            {"position": 1, "id": 8, "label": "·<b>"},
            {"position": 2, "id": 9, "label": "·wolf"},
            {"position": 3, "id": 10, "label": "·a"},
            {"position": 4, "id": 11, "label": "·a"},
        ],
        "position": 2,
        "target": {"id": 40, "label": "·ate", "most_probable": False},
        "against": {"id": 41, "label": "·she"},
        "method": "integrated",
        "baseline": "mean",
        "gradients": 32,
        "smallest_segment": 0.125,
        "precision": "float32",
        "F(x)": 3.25,
        "F(x′)": 0.75,
        "attributions": [0.5, -0.25, 2.0, 0.0, 0.0],
        "sum": 2.25,
        "delta": -0.25,
        "converged": True,
        "depth": None,
        "certificates": [0.02],
        "path": [[0.0, 0.25, 1.0], [0.75, 4.0, 3.25]],
        "unit": "logits",
        "versions": {"torch": "2.13.0"},
    }


def test_the_export_is_exact() -> None:
    values = np.float32([1 / 3, -1e-20, 123456.79, 0, 0])
    read = exported(replace(DEEP, attributions=values, depth=np.stack([values] * 2)))
    np.testing.assert_array_equal(np.float32(read["attributions"]), values)
    np.testing.assert_array_equal(np.float32(read["depth"]), [values] * 2)
    np.testing.assert_array_equal(read["certificates"], DEEP.certificates)


def test_rows_not_computed_yet_are_null() -> None:
    depth = DEEP.depth.copy()
    depth[1] = np.nan
    assert exported(replace(DEEP, depth=depth))["depth"] == [[0.5, -0.25, 2, 0, 0], [None] * 5]


def test_methods_that_need_not_add_up_claim_nothing() -> None:
    read = exported(replace(NORMS, chosen=False))
    assert (read["delta"], read["converged"], read["against"]) == (None, None, None)
    assert (read["unit"], read["target"]["most_probable"]) == ("logits per unit of length", True)


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
    definition = exported(replace(DEEP, method=method))["definition"]
    assert words in definition
    assert "the logit of `target` at `position`, minus that of `against`" in definition
