"""Notebook interface: text in, Plotly figure out, without a server.

Function names and the word "layer" (a block, elsewhere in this project) are those of the original notebook.

Every function takes `model`: `"bundled"`; a folder written by `save_pretrained`; a GGUF file; the id of a Hugging Face
model that has been downloaded (`"gpt2-medium"`); a pair (network, tokenizer) in memory; or a `LanguageModel`. A pair is
not changed, and is read again at each call, since it may be in training. The default is the model given to `use`, else
the environment variable `LLM_MODEL`, else the bundled model. The parts of GPT-2's sizes are known without the weights.

Many functions take `compare`, a second sentence, and `compare_model`, its model (by default the same; `compare` is then
the same sentence). With either, the figure is that of A − B, as on the page: `sentence` is A, and the other is B. The
numbers are those of A minus those of B at tokens that stand for each other; `position`, `layer` and `target` are A's.

A request that cannot be met raises an `analysis.errors.AnalysisError`, whose message gives the reason. All numbers are
computed and defined in `analysis`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import plotly.graph_objects as go

from analysis.activation import compute_activation
from analysis.attention import compute_attention
from analysis.causes.value_weighted import compute_value_weighted
from analysis.embedding import compute_embedding
from analysis.logit_lens import compute_lens_cells, compute_logit_lens
from analysis.models.open import ModelLike, chosen_model, open_model, outline_without_weights, set_default_model
from analysis.models.sentence import checked_number, checked_token, read_sentence
from analysis.saliency import compute_saliency
from analysis.selection import Part, Selection
from analysis.summary import compute_summary
from layouts.figures import activation, embedding, logit_lens
from layouts.figures.attention import attention_figure, attention_label, attention_reading
from layouts.figures.explained import explained_by_tokens
from layouts.figures.standalone import standalone, titled
from layouts.figures.summary_table import SummaryTable
from layouts.figures.text import quoted
from visualize_causes import head_scores, plot_ablation, plot_logit_attribution, plot_patching
from visualize_comparison import (
    activation_difference,
    attention_difference,
    compared,
    embedding_difference,
    logit_lens_difference,
    saliency_difference,
)
from visualize_generation import continue_text
from visualize_scene import enhanced_3d_visualization, plot_overview

if TYPE_CHECKING:
    from analysis.attention import ShownView
    from analysis.embedding import Dimensions, Projection
    from analysis.saliency import SaliencyMethod
    from analysis.saliency_methods.baselines import Baseline

__all__ = [
    "continue_text",
    "enhanced_3d_visualization",
    "head_scores",
    "model_summary",
    "plot_ablation",
    "plot_attention",
    "plot_gradients",
    "plot_logit_attribution",
    "plot_logit_lens",
    "plot_overview",
    "plot_patching",
    "plot_token_activations",
    "plot_token_embeddings",
    "use",
]


def use(model: ModelLike) -> None:
    """Set the default model of all functions.

    Raises: ModelError if it cannot be used.
    """
    set_default_model(model)


def model_summary(*, model: ModelLike | None = None) -> SummaryTable:
    """Parameters of the model by part, each counted once, and its sizes. The sizes of GPT-2 need no weights.

    Raises: ModelError if the model cannot be used.
    """
    chosen = chosen_model(model)
    if (outline := outline_without_weights(chosen)) is not None:
        return SummaryTable(str(chosen), outline.info.family, outline.summary)
    shown = open_model(chosen)
    summary = compute_summary(shown.network, shown.family)
    return SummaryTable(shown.name, shown.info.family, summary, shown.info.weights_note)


def plot_token_activations(
    sentence: str,
    *,
    layer: int | None = None,
    position: int | None = None,
    neuron: int | None = None,
    model: ModelLike | None = None,
    compare: str | None = None,
    compare_model: ModelLike | None = None,
) -> go.Figure:
    """Length of each token's vector through the blocks, and the MLP neurons of one layer (by default the last).

    The length is the residual stream's L2 norm (not its mean over dimensions, which LayerNorm removes). position: the
    emphasised token, by default the last. neuron: by default the layer's strongest at that position. Neurons are shown
    after the activation function.
    compare, compare_model: shows A − B (see the module).
    Raises: AnalysisError for a sentence, a number or a model that cannot be shown or compared.
    """
    shown, trace, here = read_sentence(chosen_model(model), sentence, position)
    last = shown.info.n_blocks - 1
    block = last if layer is None else checked_number("layer", layer, shown.info.n_blocks)
    unit = None if neuron is None else checked_number("neuron", neuron, shown.info.n_neurons)
    part = Selection(Part.MLP, block=block, neuron=unit)
    if pair := compared(shown, trace, here, compare, compare_model):
        return activation_difference(pair, part)
    result = compute_activation(trace, part, here)
    figures = (
        activation.activation_figure(result),
        activation.activation_neuron_figure(result),
        activation.activation_neurons_figure(result),
    )
    title = titled(f"Activations · block {block}", sentence)
    return standalone(figures, (280, 180, 180), title=title, sentences=[activation.activation_reading(result)])


def plot_attention(
    sentence: str,
    layer: int = 3,
    head: int | None = 4,
    *,
    position: int | None = None,
    view: ShownView = "raw",
    model: ModelLike | None = None,
    compare: str | None = None,
    compare_model: ModelLike | None = None,
) -> go.Figure:
    """Attention of each token (down) to itself and to earlier tokens (across), as shares from 0 to 1.

    head: None for the mean over the layer's heads. position: the emphasised row, by default the last. view: "raw";
    "without_first", which leaves out the first token's share (about half of all attention in GPT-2); "value_weighted",
    the norm of what is really moved; or "rollout" over the layers up to this one.
    compare, compare_model: shows A − B (see the module).
    Raises: AnalysisError for a sentence, a number, a view or a model that cannot be shown or compared.
    """
    shown, trace, here = read_sentence(chosen_model(model), sentence, position)
    block = checked_number("layer", layer, shown.info.n_blocks)
    one = None if head is None else checked_number("head", head, shown.info.n_heads)
    part = Selection(Part.ATTENTION, block=block, head=one)
    if pair := compared(shown, trace, here, compare, compare_model):
        return attention_difference(pair, part, view)
    if view == "value_weighted":
        result = compute_value_weighted(shown, trace, part, here)
    else:
        result = compute_attention(trace, part, here, view=view)
    title = titled(f"Attention · {attention_label(result)}", sentence)
    return standalone([attention_figure(result)], [560], title=title, sentences=[attention_reading(result)])


def plot_token_embeddings(
    sentence: str,
    *,
    layer: int | None = None,
    position: int | None = None,
    method: Projection = "pca",
    dimensions: int = 2,
    model: ModelLike | None = None,
    compare: str | None = None,
    compare_model: ModelLike | None = None,
) -> go.Figure:
    """The tokens' vectors, scaled to equal length and projected to 2 or 3 dimensions.

    layer: the vectors after this layer; by default those that enter the first one. method: "pca", whose axes are the
    same for all layers, or "tsne". position: the emphasised token, by default the last.
    compare, compare_model: shows A − B (see the module).
    Raises: AnalysisError for a sentence, a number, a method or a model that cannot be shown or compared.
    """
    shown, trace, here = read_sentence(chosen_model(model), sentence, position)
    block = None if layer is None else checked_number("layer", layer, shown.info.n_blocks)
    part = Selection(Part.EMBEDDING) if block is None else Selection(Part.MLP, block=block)
    width = cast("Dimensions", str(dimensions))
    areas = (700, 430) if dimensions == 2 else (450, 450)  # of labels, in pixels
    if pair := compared(shown, trace, here, compare, compare_model):
        return embedding_difference(pair, part, method, width, areas)
    result = compute_embedding(trace, part, here, method=method, dimensions=width)
    figure = embedding.embedding_figure(result, paths="none", label_area=areas)
    title = titled(f"Embeddings · {'before block 0' if block is None else f'after block {block}'}", sentence)
    return standalone([figure], [520], title=title, sentences=[embedding.embedding_reading(result)])


def plot_logit_lens(
    sentence: str,
    *,
    layer: int | None = None,
    position: int | None = None,
    pins: Sequence[int | str] = (),
    model: ModelLike | None = None,
    compare: str | None = None,
    compare_model: ModelLike | None = None,
) -> go.Figure:
    """The logit lens: the token that the model would predict after each layer, for every token of a sentence.

    layer: the marked row, by default the output. position: the token after which others are followed through the
    layers, by default the last. pins: up to three tokens to follow, by id or exact text; by default the prediction.
    compare, compare_model: shows A − B (see the module).
    Raises: AnalysisError for a sentence, a number, a token or a model that cannot be shown or compared.
    """
    shown, trace, here = read_sentence(chosen_model(model), sentence, position)
    block = None if layer is None else checked_number("layer", layer, shown.info.n_blocks)
    part = Selection(Part.OUTPUT) if block is None else Selection(Part.ATTENTION, block=block)
    followed = tuple(checked_token(pin, shown) for pin in pins)
    if pair := compared(shown, trace, here, compare, compare_model):
        return logit_lens_difference(pair, part, followed)
    cells = compute_lens_cells(shown, trace)
    result = compute_logit_lens(shown, trace, cells, part, here, pins=followed)
    draw = logit_lens.logit_lens_depth_figure
    lines = [draw(result, quantity="probability"), draw(result, quantity="rank")]
    return standalone(
        [logit_lens.logit_lens_figure(result, size=(720, 360)), *lines],
        (360, 180, 180),
        title=titled(f"Logit lens · position {here}, {quoted(trace.tokens[here].label)}", sentence),
        sentences=[logit_lens.logit_lens_reading(result)],
    )


def plot_gradients(
    sentence: str,
    *,
    position: int | None = None,
    target: int | str | None = None,
    method: SaliencyMethod = "integrated",
    baseline: Baseline = "mean",
    model: ModelLike | None = None,
    compare: str | None = None,
    compare_model: ModelLike | None = None,
) -> go.Figure:
    """Attributions of the logit of the next token after `position` (by default the last) to the tokens of the sentence.

    (Not the gradient's mean, which is zero in GPT-2, since LayerNorm ignores a vector's mean.) target: the explained
    token, by its id or exact text (" dog" with its space); by default the most probable. method: "integrated"
    (integrated gradients), "depth" (at every layer), "input_gradient", "gradient_norm" or "occlusion". baseline:
    "mean" (embedding), "end" (start token) or "zero" (not for models such as Llama). Doubtful values are hatched.
    compare, compare_model: shows A − B (see the module).
    Raises: AnalysisError for a sentence, a number, a token, a choice or a model that cannot be shown or compared.
    """
    shown, trace, here = read_sentence(chosen_model(model), sentence, position)
    chosen = None if target is None else checked_token(target, shown)
    if pair := compared(shown, trace, here, compare, compare_model):
        return saliency_difference(pair, chosen, method, baseline)
    result = compute_saliency(shown, trace, here, target=chosen, method=method, baseline=baseline)
    return explained_by_tokens(result, sentence)
