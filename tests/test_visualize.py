"""The notebook interface: the figures have the numbers of `analysis`, and titles that say what is shown."""

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import visualize
from analysis.attention import compute_attention
from analysis.embedding import compute_embedding
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.saliency import compute_saliency
from analysis.selection import Part, Selection
from analysis.trace import Prompt, Trace
from layouts.figures.architecture import HEADS, TILES
from layouts.theme import LIGHT

pytestmark = pytest.mark.usefixtures("no_model_chosen")
ROOT = Path(__file__).parent.parent
PARTS = ("visualize", "visualize_causes", "visualize_generation", "visualize_scene")
FOX = "The fox met a crow. The crow had a <b>"
KING = "When the king and the queen went to the garden, the king gave a rose to the queen"


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


# The original project's calls.


@pytest.mark.long
def test_the_calls_of_the_original_project():
    assert "5,853,184" in str(visualize.model_summary())
    figures = [
        visualize.plot_token_activations(KING),
        visualize.plot_attention(KING),
        visualize.plot_attention(KING, 2, 1),
        visualize.plot_attention(KING, layer=2, head=1),
        visualize.enhanced_3d_visualization(),
        visualize.plot_token_embeddings(KING),
        visualize.plot_gradients(KING),
    ]
    assert [title(figure).rpartition(" · ")[0] for figure in figures] == [
        "Activations · block 5",
        "Attention · block 3, head 4",
        "Attention · block 2, head 1",
        "Attention · block 2, head 1",
        "Architecture · bundled",
        "Embeddings · before block 0",
        "Saliency · logit of ‘,’ after position 18",
    ]
    for figure in figures:
        assert isinstance(figure, go.Figure)
        assert figure.results
        assert figure.layout.width == 900
        assert 350 < figure.layout.height < 1000
        figure.to_json()


def test_new_parameters_are_keyword_only():
    positional = {
        name: [p.name for p in inspect.signature(function).parameters.values() if p.kind is not p.KEYWORD_ONLY]
        for name, function in vars(visualize).items()
        if inspect.isfunction(function) and function.__module__ in PARTS and not name.startswith("_")
    }
    assert set(positional) == set(visualize.__all__) - {"Sentence"}  # a class
    assert positional == {
        "use": ["model"],
        "model_summary": [],
        "plot_token_activations": ["sentence"],
        "plot_attention": ["sentence", "layer", "head"],
        "enhanced_3d_visualization": ["sentence"],
        "plot_overview": ["sentence"],
        "plot_token_embeddings": ["sentence"],
        "plot_logit_lens": ["sentence"],
        "plot_logit_attribution": ["sentence"],
        "plot_gradients": ["sentence"],
        "plot_ablation": ["sentence", "remove"],
        "plot_patching": ["sentence", "other"],
        "head_scores": ["sentence"],
        "continue_text": ["sentence", "n_tokens"],
        "plot_prediction": ["sentence"],
    }


@pytest.mark.long
def test_importing_loads_no_server_and_no_slow_library():
    unwanted = (
        "dash",
        "flask",
        "dash_bootstrap_components",
        "captum",
        "scipy",
        "sklearn",
        "layouts.shell",
        "dashboard",
    )
    code = f"import sys, visualize; print([name for name in {unwanted} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


# Numbers.


def test_the_summary_counts_each_parameter_once(model: LanguageModel):
    table = visualize.model_summary(model=model)
    assert table.sizes.n_parameters == sum(weight.numel() for weight in model.network.parameters())
    assert f"{table.sizes.n_parameters:,} parameters" in table._repr_html_()
    assert table.name == model.name


def test_activations_are_norms_and_neurons(model: LanguageModel, trace: Trace):
    figure = visualize.plot_token_activations(FOX, layer=1, position=3, neuron=5, model=model)
    _others, line, neuron, neurons = figure.data
    norms = [np.linalg.norm(trace.residual(i)[3]) for i in range(trace.info.n_blocks + 1)]
    assert_allclose(line.y[:-1], norms, rtol=1e-5)
    assert_array_equal(neuron.y, trace.neurons(1)[:, 5])
    first = 5 - 5 % trace.info.tile_width
    assert_array_equal(neurons.y, trace.neurons(1)[3, first : first + trace.info.tile_width])
    assert neuron.marker.color[3] == LIGHT.accent2


def test_activations_show_the_strongest_neuron_of_the_last_layer(model: LanguageModel, trace: Trace):
    figure = visualize.plot_token_activations(FOX, model=model)
    last = trace.neurons(trace.info.n_blocks - 1)
    strongest = np.abs(last[-1]).argmax()
    assert_array_equal(figure.data[2].y, last[:, strongest])
    assert f"neuron {strongest} of block {trace.info.n_blocks - 1} is strongest here" in words(figure)


@pytest.mark.parametrize("head", [0, 3, None])
def test_attention_is_the_heads(model: LanguageModel, trace: Trace, head: int | None):
    figure = visualize.plot_attention(FOX, 1, head, position=4, model=model)
    expected = trace.attention(1).mean(axis=0) if head is None else trace.attention(1)[head]
    below = np.tri(trace.n_positions, dtype=bool)
    assert_array_equal(figure.data[0].z[below], expected[below])
    assert np.isnan(figure.data[0].z[~below]).all()
    assert (figure.layout.shapes[0].y0, figure.layout.shapes[0].y1) == (3.5, 4.5)


@pytest.mark.parametrize("view", ["without_first", "rollout"])
def test_other_views_of_attention(model: LanguageModel, trace: Trace, view: str):
    figure = visualize.plot_attention(FOX, 1, 2, view=view, model=model)
    expected = compute_attention(
        trace, Selection.parse("block.1.attention.head.2"), trace.n_positions - 1, view=view
    ).grid
    below = np.tri(trace.n_positions, dtype=bool)
    assert_array_equal(figure.data[0].z[below], expected[below])


def test_the_scene_has_the_values_of_the_sentence(model: LanguageModel, trace: Trace):
    figure = visualize.enhanced_3d_visualization(FOX, position=2, model=model)
    norms = np.concatenate([trace.head_norms(block)[2] for block in range(trace.info.n_blocks)])
    assert_allclose(figure.data[HEADS].meta["values"], norms, rtol=0.01)
    tiles = np.concatenate([trace.tile_norms(block)[2] for block in range(trace.info.n_blocks)])
    full = max(norms.max(), tiles.max())
    assert_allclose(figure.data[TILES].intensity[::8] / figure.data[TILES].cmax, np.sqrt(tiles / full), atol=2e-3)
    assert figure.data[HEADS].hovertext[8].startswith("Block 0 · head 1<br>")
    most = int(trace.logits()[2].argmax())
    predictions, tokens = figure.layout.scene.annotations[:2]
    assert model.vocabulary.piece(most).markup in predictions.text.split("<br>")[0]
    assert trace.tokens[2].markup in tokens.text.split("<br>")[-1]


def test_the_scene_in_other_colours(model: LanguageModel, trace: Trace):
    figure = visualize.enhanced_3d_visualization(FOX, color_by="first", model=model)
    first = np.concatenate([trace.attention(block)[:, -1, 0] for block in range(trace.info.n_blocks)])
    assert_allclose(figure.data[HEADS].meta["values"], first, rtol=0.01)
    assert "first token" in figure.data[HEADS].colorbar.title.text


def test_the_overview_names_the_values_of_the_sentence(model: LanguageModel, trace: Trace):
    figure = visualize.plot_overview(FOX, position=2, model=model)
    names = [name for name in np.ravel(figure.data[0].text) if name]
    assert len(names) == trace.info.n_blocks * trace.info.n_heads
    (name,) = [name for name in names if name.startswith("Block 1 · head 2: ")]
    assert_allclose(float(name.split(": ")[1].split()[0]), trace.head_norms(1)[2, 2], rtol=0.01)
    assert title(figure).startswith("Overview · ")
    assert trace.tokens[2].label in words(figure)


@pytest.mark.long
@pytest.mark.parametrize(("layer", "after"), [(None, 0), (0, 1), (2, 3)])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_embeddings_are_projected(model: LanguageModel, trace: Trace, layer: int | None, after: int, dimensions: int):
    figure = visualize.plot_token_embeddings(FOX, layer=layer, dimensions=dimensions, model=model)
    place = Selection(Part.EMBEDDING) if layer is None else Selection(Part.ATTENTION, block=layer)
    result = compute_embedding(trace, place, trace.n_positions - 1, dimensions=str(dimensions))
    assert result is not None
    assert result.after == after
    dots = figure.data[0]
    assert_array_equal(np.stack([dots[axis] for axis in "xyz"[:dimensions]], axis=1), result.points)
    assert ("scene" in figure.layout.to_plotly_json()) == (dimensions == 3)


def test_embeddings_by_tsne(model: LanguageModel):
    figure = visualize.plot_token_embeddings(FOX, method="tsne", model=model)
    assert "t-SNE" in words(figure)


@pytest.mark.parametrize("layer", [None, 1])
def test_the_logit_lens_is_head_of_norm_of_the_residual(model: LanguageModel, trace: Trace, layer: int | None):
    figure = visualize.plot_logit_lens(FOX, layer=layer, position=3, pins=[7, 250], model=model)
    heat, *lines = figure.data
    for depth in range(trace.info.n_blocks + 1):
        with torch.no_grad():
            logits = model.head(model.final_norm(torch.tensor(trace.residual(depth)))).double()
        probabilities = torch.softmax(logits, -1).numpy()
        assert_allclose(heat.z[depth], probabilities.max(-1), rtol=1e-4)
        assert_allclose([line.y[depth] for line in lines[:2]], probabilities[3, [7, 250]], rtol=1e-4)
        assert [line.y[depth] for line in lines[2:]] == [1 + (logits[3] > logits[3, pin]).sum() for pin in (7, 250)]
    frame = figure.layout.shapes[0]
    assert (frame.x0, frame.y0) == (2.5, (trace.info.n_blocks if layer is None else 2) - 1.5)
    assert title(figure).startswith("Logit lens · position 3, ‘")
    assert ("Between the attention and the MLP of block 1, the lens reads" in words(figure)) == (layer == 1)


@pytest.mark.long
def test_the_logit_lens_follows_a_token_by_its_text(bundled_model: LanguageModel):
    (rose,) = bundled_model.vocabulary.ids(" rose")
    by_text, by_id, usual = (visualize.plot_logit_lens(KING, pins=pins) for pins in ([" rose"], [rose], []))
    assert_array_equal(by_text.data[-1].y, by_id.data[-1].y)
    assert "<b>·rose</b>" in by_text.data[-1].text
    assert usual.data[-1].y[-1] == 1, "the model's prediction"


@pytest.mark.long
def test_gradients_add_up_to_the_logit(model: LanguageModel, trace: Trace):
    figure = visualize.plot_gradients(FOX, model=model)
    result = compute_saliency(model, trace, trace.n_positions - 1)
    assert result is not None
    assert_array_equal(figure.data[0].y, result.attributions)
    assert result.value == pytest.approx(float(trace.logits()[-1].max()), rel=1e-5)
    assert abs(figure.data[0].y.sum() - (result.value - result.base)) <= 0.01 * abs(result.value - result.base)
    assert f"F(x) {result.value:.4f}".replace("-", "−") in words(figure)


@pytest.mark.long
@pytest.mark.parametrize("method", ["depth", "input_gradient", "gradient_norm", "occlusion"])
@pytest.mark.parametrize("baseline", ["zero", "mean"])
def test_gradients_by_other_methods(tiny_gpt2: LanguageModel, method: str, baseline: str):
    trace = compute_trace(tiny_gpt2, Prompt("any", FOX))
    figure = visualize.plot_gradients(FOX, position=5, target=40, method=method, baseline=baseline, model=tiny_gpt2)
    result = compute_saliency(tiny_gpt2, trace, 5, target=40, method=method, baseline=baseline)
    assert result is not None
    assert_array_equal(figure.data[0].y, result.attributions)
    if result.depth is not None:
        assert_array_equal(figure.data[1].z, result.depth)
    if result.path is not None:
        assert_array_equal(figure.data[-1].y, np.float32(result.path[1]))
    assert len(figure.data) == 1 + (result.depth is not None) + (result.path is not None)


@pytest.mark.long
def test_a_target_is_an_id_or_an_exact_text(bundled_model: LanguageModel):
    (rose,) = bundled_model.vocabulary.ids(" rose")
    by_text, shown, by_id = (visualize.plot_gradients(KING, target=target) for target in (" rose", "·rose", rose))
    assert title(by_text).startswith("Saliency · logit of ‘·rose’ after position 18")
    assert_array_equal(by_text.data[0].y, by_id.data[0].y)
    assert_array_equal(by_text.data[0].y, shown.data[0].y)
