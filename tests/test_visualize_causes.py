"""The notebook's functions for causes, with `analysis`' numbers: direct attribution, removals, patches, head scores."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import visualize
from analysis.attribution import compute_attribution
from analysis.causes.copying import compute_copying
from analysis.causes.head_scores import compute_head_scores, probe_trace
from analysis.causes.intervention import read_interventions
from analysis.causes.patching import Carried, compute_patching
from analysis.causes.sweep import compute_sweep
from analysis.effect import compute_effect
from analysis.errors import AnalysisError, SelectionError
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.trace import Prompt, Trace
from layouts.figures.architecture import HEADS
from layouts.figures.text import number

pytestmark = pytest.mark.usefixtures("no_model_chosen")
FOX, WOLF = "The fox met a crow. The crow had a <b>", "The wolf met a crow. The crow had a <b>"


@pytest.fixture(params=["tiny", "bundled"])
def model(request: pytest.FixtureRequest, tiny_gpt2: LanguageModel, bundled_model: LanguageModel) -> LanguageModel:
    return tiny_gpt2 if request.param == "tiny" else bundled_model


@pytest.fixture
def trace(model: LanguageModel) -> Trace:
    return compute_trace(model, Prompt("any", FOX))


def title(figure: go.Figure) -> str:
    return str(figure.layout.title.text).split("</b>", maxsplit=1)[0].removeprefix("<b>")


def words(figure: go.Figure) -> str:
    return str(figure.layout.title.text).split("</b>", maxsplit=1)[1]


@pytest.mark.long
def test_head_scores_are_those_of_the_text_or_the_probe(model: LanguageModel, trace: Trace):
    here, probe = visualize.head_scores(FOX, sort="previous", model=model), visualize.head_scores(model=model)
    for table, read in ((here, trace), (probe, probe_trace(model))):
        expected = {**compute_head_scores(read), "copying": compute_copying(model)}
        assert set(table.scores) == set(expected)
        for name, scores in table.scores.items():
            assert_array_equal(scores, expected[name])
    assert "“The fox met" in str(here)
    assert "crow had a &lt;b&gt;”" in here._repr_html_()
    with pytest.raises(SelectionError, match="There is no ‘magic’ for the score"):
        visualize.head_scores(sort="magic", model=model)  # type: ignore[arg-type]


def test_direct_attribution_is_that_of_the_target_minus_the_other(model: LanguageModel, trace: Trace):
    figure = visualize.plot_logit_attribution(FOX, position=3, target=7, against=11, model=model)
    result = compute_attribution(model, trace, Selection.parse("output~7"), 3, against=11)
    heat, _outside, _labels, bars, line = figure.data
    sizes = np.abs(heat.z[:, : trace.info.n_heads])
    assert np.unravel_index(sizes.argmax(), sizes.shape) == np.unravel_index(
        np.abs(result.heads).argmax(), result.heads.shape
    )
    expected = trace.logits()[3, 7] - trace.logits()[3, 11]
    assert_allclose(line.y[-1], expected, atol=1e-4)
    assert len(bars.x) == 12
    assert title(figure).startswith("Direct attribution · position 3, ‘")
    assert "The parts sum to" in words(figure)


def test_the_scene_by_direct_attribution(model: LanguageModel, trace: Trace):
    figure = visualize.enhanced_3d_visualization(FOX, color_by="attribution", model=model)
    result = compute_attribution(model, trace, Selection.parse("output"), trace.n_positions - 1)
    assert_allclose(figure.data[HEADS].meta["values"], result.heads.ravel(), rtol=0.01, atol=1e-6)


@pytest.mark.parametrize("draw", [visualize.enhanced_3d_visualization, visualize.plot_overview])
def test_scene_and_overview_by_the_effect_of_removing(tiny_gpt2: LanguageModel, draw: Any):
    trace = compute_trace(tiny_gpt2, Prompt("any", FOX))
    effects = compute_sweep(tiny_gpt2, trace, trace.n_positions - 1).effects
    block, unit = np.unravel_index(np.abs(effects).argmax(), effects.shape)
    part = "the MLP" if unit == trace.info.n_heads else f"head {unit}"
    figure = draw(FOX, color_by="effect", model=tiny_gpt2)
    assert f"removing {part} of block {block} changes the logit" in words(figure)


def test_a_removal_shows_the_prediction_without_the_part(model: LanguageModel, trace: Trace):
    removed = "block.1.attention.head.2=zero,block.0.mlp@2=mean"
    figure = visualize.plot_ablation(FOX, removed, position=5, target=7, against=11, model=model)
    result = compute_effect(model, trace, 5, interventions=read_interventions(removed), target=7, against=11)
    assert result.effect != 0
    for bars, outcome in zip(figure.data, (result.before, result.after), strict=True):
        assert_allclose(sorted(bars.x, reverse=True), [probability for _, probability in outcome.top], atol=1e-6)
    assert title(figure).startswith("What if · position 5")
    assert figure.layout.showlegend
    assert "With 2 parts removed" in words(figure)
    assert f"({number(result.effect, '+')})" in words(figure)
    assert "Removed: head 2 of block 1; the MLP of block 0 at position 2." in words(figure)
    assert f"The KL divergence is {number(result.divergence)} bits." in words(figure)


@pytest.mark.long
def test_each_part_is_removed_alone(model: LanguageModel, trace: Trace):
    figure = visualize.plot_ablation(FOX, replacement="zero", target=7, against=11, model=model)
    expected = compute_sweep(model, trace, trace.n_positions - 1, replacement="zero", target=7, against=11).effects
    n_heads = trace.info.n_heads
    assert_allclose(figure.data[-1].z[:, :n_heads], expected[:, :n_heads], atol=1e-5)
    assert_allclose(figure.data[-1].z[:, -1], expected[:, -1], atol=1e-5)
    assert "replaced by zero" in words(figure)


@pytest.mark.long
@pytest.mark.parametrize("carried", ["stream", "heads"])
def test_patches_are_on_the_scale_from_one_sentence_to_the_other(model: LanguageModel, trace: Trace, carried: Carried):
    figure = visualize.plot_patching(FOX, WOLF, carried=carried, target=7, against=11, model=model)
    other = compute_trace(model, Prompt("any", WOLF))
    expected = compute_patching(model, trace, other, carried=carried, target=7, against=11).normalized
    assert_allclose(figure.data[-1].z, expected, atol=1e-4)
    assert "The wolf met" in words(figure)
    assert title(figure).startswith("What if · patched with values of A")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: visualize.plot_ablation(FOX, "block.99.mlp=zero", model=model), "There is no block 99"),
        (lambda model: visualize.plot_ablation(FOX, "magic", model=model), "does not say what to remove"),
        (lambda model: visualize.plot_ablation(FOX, replacement="magic", model=model), "There is no ‘magic’"),
        (lambda model: visualize.plot_patching(FOX, WOLF, carried="magic", model=model), "There is no ‘magic’"),
        (lambda model: visualize.plot_patching(FOX, "", model=model), "Type a sentence"),
    ],
)
def test_what_there_is_not_is_refused(tiny_gpt2: LanguageModel, call: Any, message: str):
    with pytest.raises(AnalysisError, match=message):
        call(tiny_gpt2)
