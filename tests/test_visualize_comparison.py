"""The notebook's A − B, with the numbers of `analysis.comparison`, which are the page's too."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import visualize
from analysis.attribution import compute_attribution
from analysis.causes.intervention import read_interventions
from analysis.causes.sweep import compute_sweep
from analysis.comparison.activation import compute_activation_difference
from analysis.comparison.attention import compute_attention_difference
from analysis.comparison.attribution import compute_attribution_difference
from analysis.comparison.effect import compute_effect_difference, compute_sweep_difference
from analysis.comparison.embedding import compute_embedding_difference
from analysis.comparison.logit_lens import compute_lens_cells_difference
from analysis.comparison.pair import Comparison
from analysis.models.language_model import LanguageModel
from analysis.saliency import compute_saliency
from analysis.selection import Selection
from analysis.trace import Trace
from layouts.figures.architecture import HEADS
from layouts.figures.image import difference_levels
from tests.analysis.comparison.pairs import ONE, OTHER, compared, without_head
from tests.test_visualize import title, words

pytestmark = pytest.mark.usefixtures("no_model_chosen")


@pytest.fixture
def comparison(tiny_gpt2: LanguageModel) -> Comparison:
    return compared(tiny_gpt2)


def shared_position(comparison: Comparison) -> int:
    """The last position of A that B has."""
    return int(np.flatnonzero(comparison.aligned >= 0)[-1])


@pytest.mark.parametrize("view", ["raw", "without_first", "rollout", "value_weighted"])
def test_attention(tiny_gpt2: LanguageModel, comparison: Comparison, view: Any):
    figure = visualize.plot_attention(ONE, 1, 2, view=view, model=tiny_gpt2, compare=OTHER)
    part = Selection.parse("block.1.attention.head.2")
    result = compute_attention_difference(
        (tiny_gpt2, tiny_gpt2), comparison, part, comparison.a.n_positions - 1, view=view
    )
    most = float(np.nanmax(np.abs(result.grid))) if view == "value_weighted" else 1.0
    z, both = np.asarray(figure.data[0].z), comparison.aligned >= 0
    finite = np.tri(len(z), dtype=bool) & ~(np.isnan(result.grid) & np.outer(both, both))
    assert_array_equal(np.isnan(z), ~finite)
    assert_array_equal(z[finite], difference_levels(result.grid, most)[finite])
    where = "rollout up to block 1" if view == "rollout" else "block 1, head 2"
    assert title(figure).startswith(f"Attention · A − B · {where}")
    assert f"B is “{OTHER}”." in words(figure)


def test_activations(tiny_gpt2: LanguageModel, comparison: Comparison):
    here = shared_position(comparison)
    figure = visualize.plot_token_activations(ONE, layer=1, position=here, neuron=5, model=tiny_gpt2, compare=OTHER)
    result = compute_activation_difference(comparison, Selection.parse("block.1.mlp.neuron.5"), here)
    _others, line, neuron, listed = figure.data
    assert_array_equal(line.y[:-1], result.stream[here])
    assert result.values is not None
    assert_array_equal(neuron.y, result.values)
    assert_array_equal(listed.y, result.listed_values)
    assert title(figure).startswith("Activations · A − B · block 1 · “")


def test_neurons_at_a_token_without_a_counterpart_are_left_out(tiny_gpt2: LanguageModel, comparison: Comparison):
    alone = int(np.flatnonzero(comparison.aligned < 0)[0])
    given = {"position": alone, "model": tiny_gpt2, "compare": OTHER}
    for neuron, n_traces in ((None, 2), (5, 3)):
        figure = visualize.plot_token_activations(ONE, neuron=neuron, **given)
        assert len(figure.data) == n_traces
        assert "B has no counterpart of" in words(figure)
    assert "B has no counterpart of" in words(visualize.plot_attention(ONE, 1, 2, **given))


@pytest.mark.long
@pytest.mark.parametrize(("method", "dimensions", "layer"), [("pca", 2, None), ("pca", 3, 1), ("tsne", 2, 1)])
def test_embeddings(tiny_gpt2: LanguageModel, comparison: Comparison, method: Any, dimensions: int, layer: int | None):
    figure = visualize.plot_token_embeddings(
        ONE, layer=layer, method=method, dimensions=dimensions, model=tiny_gpt2, compare=OTHER
    )
    part = Selection.parse("embedding" if layer is None else f"block.{layer}.mlp")
    result = compute_embedding_difference(
        comparison, part, comparison.a.n_positions - 1, method=method, dimensions=str(dimensions)
    )  # type: ignore[call-overload]
    drawn = {trace.name: trace for trace in figure.data[:3]}
    for name, points in (("A", result.a.points), ("B", result.b.points)):
        assert_allclose(np.stack([drawn[name][axis] for axis in "xyz"[:dimensions]], axis=1), points, atol=1e-5)
    where = "before block 0" if layer is None else f"after block {layer}"
    assert title(figure).startswith(f"Embeddings · A − B · {where} · “")


def test_logit_lens(tiny_gpt2: LanguageModel, comparison: Comparison):
    here = shared_position(comparison)
    figure = visualize.plot_logit_lens(ONE, position=here, pins=[7, 11], model=tiny_gpt2, compare=OTHER)
    cells = compute_lens_cells_difference(comparison, tiny_gpt2, tiny_gpt2)
    (heat,) = [trace for trace in figure.data if trace.name is None and trace.colorbar.title.text]
    most = np.nanmax(cells.divergences[1:])
    assert_allclose(np.asarray(heat.z) ** 2 * most, cells.divergences, rtol=1e-5, atol=1e-7)
    lines = [trace for trace in figure.data if trace.type == "scatter"]
    logits = comparison.a.logits()[here], comparison.b.logits()[comparison.aligned[here]]
    for line, (token, side) in zip(lines[:4], [(7, 0), (7, 1), (11, 0), (11, 1)], strict=True):
        shares = np.exp(logits[side] - logits[side].max())
        assert line.y[-1] == pytest.approx(shares[token] / shares.sum(), rel=1e-4)
    assert title(figure).startswith(f"Logit lens · A − B · position {here}, ‘")


@pytest.mark.long
@pytest.mark.parametrize("method", ["integrated", "depth", "input_gradient", "gradient_norm", "occlusion"])
def test_gradients(tiny_gpt2: LanguageModel, comparison: Comparison, method: Any):
    here = shared_position(comparison)
    there = comparison.counterpart(here)
    figure = visualize.plot_gradients(ONE, position=here, method=method, model=tiny_gpt2, compare=OTHER)
    target = int(comparison.a.logits()[here].argmax())
    a = compute_saliency(tiny_gpt2, comparison.a, here, target=target, method=method)
    b = compute_saliency(tiny_gpt2, comparison.b, there, target=target, method=method)
    bars = {trace.name: np.asarray(trace.y) for trace in figure.data if trace.type == "bar"}
    assert_array_equal(bars["A"], a.attributions)
    for position, other in enumerate(comparison.aligned.tolist()):
        difference = a.attributions[position] - b.attributions[other] if other >= 0 else np.nan
        assert_array_equal(bars["A − B"][position], difference)
    if method == "depth":
        assert a.depth is not None
        assert b.depth is not None
        for position, other in enumerate(comparison.aligned.tolist()):
            if other >= 0:
                assert_allclose(
                    np.asarray(figure.data[-1].z)[:, position], a.depth[:, position] - b.depth[:, other], atol=1e-6
                )
    assert title(figure).startswith("Saliency · A − B · logit of ‘")


def test_attribution(tiny_gpt2: LanguageModel, comparison: Comparison):
    here = shared_position(comparison)
    figure = visualize.plot_logit_attribution(ONE, position=here, target=7, against=11, model=tiny_gpt2, compare=OTHER)
    result = compute_attribution_difference(
        comparison, tiny_gpt2, tiny_gpt2, Selection.parse("output~7"), here, against=11
    )
    line = figure.data[-1]
    assert_allclose(line.y[:-1], result.cumulated, atol=1e-6)
    a, b = comparison.a.logits()[here], comparison.b.logits()[comparison.aligned[here]]
    assert_allclose(line.y[-1], (a[7] - a[11]) - (b[7] - b[11]), atol=1e-4)
    heat = next(trace for trace in figure.data if trace.type == "heatmap" and trace.colorbar.title.text)
    signs = np.sign(np.asarray(heat.z)[:, : result.heads.shape[1]])
    assert_array_equal(signs, np.sign(result.heads))
    assert "logits, A − B" in heat.colorbar.title.text


def test_each_part_removed(tiny_gpt2: LanguageModel, comparison: Comparison):
    here = shared_position(comparison)
    figure = visualize.plot_ablation(ONE, replacement="zero", position=here, model=tiny_gpt2, compare=OTHER)
    choices: dict[str, Any] = {"replacement": "zero", "target": int(comparison.a.logits()[here].argmax())}
    a = compute_sweep(tiny_gpt2, comparison.a, here, **choices)
    b = compute_sweep(tiny_gpt2, comparison.b, comparison.counterpart(here), **choices)
    expected = compute_sweep_difference(comparison, a, b).effects
    n_heads = expected.shape[1] - 1
    assert_array_equal(np.asarray(figure.data[-1].z)[:, :n_heads], expected[:, :n_heads])
    assert_array_equal(np.asarray(figure.data[-1].z)[:, -1], expected[:, -1])
    assert_allclose(expected, a.effects - b.effects)
    assert "replaced by zero" in words(figure)


def test_removals_side_by_side(tiny_gpt2: LanguageModel, comparison: Comparison):
    here, removed = shared_position(comparison), "block.1.attention.head.2=zero,block.0.mlp@2=mean"
    figure = visualize.plot_ablation(ONE, removed, position=here, target=7, against=11, model=tiny_gpt2, compare=OTHER)
    a, b = compute_effect_difference(
        comparison, tiny_gpt2, tiny_gpt2, position=here, interventions=read_interventions(removed), target=7, against=11
    )
    names = {bars.name: sorted(bars.x) for bars in figure.data}
    assert list(names) == ["A before", "A after", "B before", "B after"]
    for name, outcome in zip(names, (a.before, a.after, b.before, b.after), strict=True):
        shares = [share for _, share in outcome.top]
        assert all(np.isclose(share, shares, atol=1e-6).any() for share in names[name])
    assert "With 2 parts removed" in words(figure)
    assert "effect, A − B" in words(figure)


@pytest.mark.long
def test_b_is_explained_by_its_own_model(tiny_gpt2: LanguageModel):
    other = without_head(tiny_gpt2, 1, 2)
    pair = compared(tiny_gpt2, ONE, ONE, other)
    last, target = pair.a.n_positions - 1, int(pair.a.logits()[-1].argmax())
    given: dict[str, Any] = {"model": tiny_gpt2, "compare_model": other}
    heat = np.asarray(visualize.plot_ablation(ONE, **given).data[-1].z)
    a, b = (
        compute_sweep(model, trace, last, target=target).effects
        for model, trace in ((tiny_gpt2, pair.a), (other, pair.b))
    )
    assert_array_equal(heat[:, -1], (a - b)[:, -1])
    assert heat[1, 2] == a[1, 2]  # it does nothing in B
    bars = visualize.plot_gradients(ONE, method="input_gradient", **given).data
    expected = compute_saliency(other, pair.b, last, target=target, method="input_gradient").attributions
    assert_array_equal(bars[1].y, expected)


@pytest.mark.long
@pytest.mark.parametrize("color_by", ["norm", "attribution", "effect", "entropy", "first"])
def test_scene_and_overview_are_those_of_a_minus_those_of_b(
    tiny_gpt2: LanguageModel, comparison: Comparison, color_by: Any
):
    here = shared_position(comparison)
    there, target = comparison.counterpart(here), int(comparison.a.logits()[here].argmax())
    scene = visualize.enhanced_3d_visualization(ONE, position=here, color_by=color_by, model=tiny_gpt2, compare=OTHER)
    a, b = (
        numbers(tiny_gpt2, trace, at, color_by, target) for trace, at in ((comparison.a, here), (comparison.b, there))
    )
    expected = (a - b).ravel()
    assert np.abs(expected).max() > 0
    assert_allclose(scene.data[HEADS].meta["values"], expected, rtol=0.01, atol=1e-6)
    overview = visualize.plot_overview(ONE, position=here, color_by=color_by, model=tiny_gpt2, compare=OTHER)
    assert_array_equal(overview.data[0].meta["values"], scene.data[HEADS].meta["values"])
    assert title(scene).startswith("Architecture · A − B · tiny gpt2 · “The fox")
    assert title(overview).startswith("Overview · A − B · tiny gpt2 · “The fox")


def numbers(model: LanguageModel, trace: Trace, position: int, color_by: str, target: int) -> Any:
    """The number of each head, (n_blocks, n_heads)."""
    if color_by == "attribution":
        return compute_attribution(model, trace, Selection.parse(f"output~{target}"), position).heads
    if color_by == "effect":
        return compute_sweep(model, trace, position, target=target).effects[:, :-1]
    if color_by == "norm":
        return np.stack([trace.head_norms(block)[position] for block in range(trace.info.n_blocks)])
    rows = np.stack([trace.attention(block)[:, position] for block in range(trace.info.n_blocks)])
    if color_by == "first":
        return rows[..., 0]
    return -(rows * np.log2(rows, where=rows > 0, out=np.zeros_like(rows))).sum(axis=-1)
