"""Notebook interface: text in, Plotly figure out, without a server.

Function names and the word "layer" (a block, elsewhere in this project) are those of the original notebook.

Every function takes `model`: `"bundled"`; a folder written by `save_pretrained`; a GGUF file; the id of a Hugging Face
model that has been downloaded (`"gpt2-medium"`); a pair (network, tokenizer) in memory; or a `LanguageModel`. A pair is
not changed, and is read again at each call, since it may be in training. The default is the model given to `use`, else
the environment variable `LLM_MODEL`, else the bundled model. The parts of GPT-2's sizes are known without the weights.

Many functions take `compare`, a second sentence, and `compare_model`, its model (by default the same; `compare` is then
the same sentence). With either, the figure is that of A − B, as on the page: `sentence` is A, and the other is B. The
numbers are those of A minus those of B at tokens that stand for each other; `position`, `layer` and `target` are A's.

Every figure has `results`: the dataclasses of numpy arrays that it was drawn from, by name. Where a function takes
`select`, that is a part in the form of the page's address, such as "block.3.attention.head.5@4": the part is marked,
and its position and target are used unless others are given. A `Sentence` is a text with a start token, a chat
template, or written tokens.

A request that cannot be met raises an `analysis.errors.AnalysisError`, whose message gives the reason. All numbers are
computed and defined in `analysis`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from analysis.activation import compute_activation
from analysis.attention import compute_attention
from analysis.causes.value_weighted import compute_value_weighted
from analysis.embedding import compute_embedding
from analysis.logit_lens import compute_lens_cells, compute_logit_lens
from analysis.models.open import ModelLike, chosen_model, open_model, outline_without_weights, set_default_model
from analysis.models.sentence import Sentence, checked_number, checked_token, read_part, read_sentence
from analysis.saliency import compute_saliency
from analysis.selection import Part, Selection
from analysis.summary import compute_summary
from layouts.figures import activation, embedding, logit_lens
from layouts.figures.attention import attention_figure, attention_label, attention_reading
from layouts.figures.explained import explained_by_tokens
from layouts.figures.standalone import FigureOfResults, standalone, titled
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
from visualize_generation import continue_text, plot_prediction
from visualize_scene import enhanced_3d_visualization, plot_overview

if TYPE_CHECKING:
    from analysis.activation import ActivationNeurons, ActivationQuantity
    from analysis.attention import ShownView
    from analysis.embedding import Dimensions, Projection, Scale
    from analysis.saliency import SaliencyMethod
    from analysis.saliency_methods.baselines import Baseline
    from layouts.figures.embedding import Paths

__all__ = [
    "Sentence",
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
    "plot_prediction",
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
    layer: int | str | None = None,
    position: int | None = None,
    neuron: int | None = None,
    quantity: ActivationQuantity = "norm",
    neurons: ActivationNeurons = "tile",
    model: ModelLike | None = None,
    compare: str | None = None,
    compare_model: ModelLike | None = None,
) -> FigureOfResults:
    """Length of each token's vector through the blocks, and the MLP neurons of one layer (by default the last).

    The length is the residual stream's L2 norm; with quantity="mean", its mean over dimensions is shown, which
    LayerNorm removes. layer: "embedding", "norm" or "output" show no neurons. position: the emphasised token, by
    default the last. neuron: by default the layer's strongest at that position. neurons: the listed ones, those of its
    "tile" or the "strongest" ones. They are shown after the activation function.
    compare, compare_model: shows A − B (see the module).
    Raises: AnalysisError for a sentence, a number or a model that cannot be shown or compared.
    """
    shown, trace, here = read_sentence(chosen_model(model), sentence, position)
    last = shown.info.n_blocks - 1
    if isinstance(layer, str):
        part, _ = read_part(trace, layer, None)
    else:
        block = last if layer is None else checked_number("layer", layer, shown.info.n_blocks)
        unit = None if neuron is None else checked_number("neuron", neuron, shown.info.n_neurons)
        part = Selection(Part.MLP, block=block, neuron=unit)
    if pair := compared(shown, trace, here, compare, compare_model):
        return activation_difference(pair, part, quantity, neurons)
    result = compute_activation(trace, part, here, quantity=quantity, listing=neurons)
    figures = [activation.activation_figure(result)]
    if result.values is not None:
        figures += [activation.activation_neuron_figure(result), activation.activation_neurons_figure(result)]
    return standalone(
        figures,
        (280, 180, 180)[: len(figures)],
        title=titled(f"Activations · {part.part if part.block is None else f'block {part.block}'}", sentence),
        sentences=[activation.activation_reading(result)],
        results={"activation": result},
    )


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
) -> FigureOfResults:
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
    reading, results = attention_reading(result), {"attention": result}
    return standalone([attention_figure(result)], [560], title=title, sentences=[reading], results=results)


def plot_token_embeddings(
    sentence: str,
    *,
    layer: int | None = None,
    position: int | None = None,
    method: Projection = "pca",
    dimensions: int = 2,
    scale: Scale = "equal",
    paths: Paths = "none",
    model: ModelLike | None = None,
    compare: str | None = None,
    compare_model: ModelLike | None = None,
) -> FigureOfResults:
    """The tokens' vectors, projected to 2 or 3 dimensions, and scaled to equal length before unless scale="raw".

    layer: the vectors after this layer; by default those that enter the first one. method: "pca", whose axes are the
    same for all layers, or "tsne". position: the emphasised token, by default the last. paths: the tokens whose way
    through the layers is drawn, with "pca": "none", "selected" or "all".
    compare, compare_model: shows A − B (see the module).
    Raises: AnalysisError for a sentence, a number, a method or a model that cannot be shown or compared.
    """
    shown, trace, here = read_sentence(chosen_model(model), sentence, position)
    block = None if layer is None else checked_number("layer", layer, shown.info.n_blocks)
    part = Selection(Part.EMBEDDING) if block is None else Selection(Part.MLP, block=block)
    width = cast("Dimensions", str(dimensions))
    areas = (700, 430) if dimensions == 2 else (450, 450)  # of labels, in pixels
    if pair := compared(shown, trace, here, compare, compare_model):
        return embedding_difference(pair, part, method, width, scale, paths=paths, areas=areas)
    result = compute_embedding(trace, part, here, method=method, dimensions=width, scale=scale)
    figure = embedding.embedding_figure(result, paths=paths, label_area=areas)
    title = titled(f"Embeddings · {'before block 0' if block is None else f'after block {block}'}", sentence)
    reading, results = embedding.embedding_reading(result), {"embedding": result}
    return standalone([figure], [520], title=title, sentences=[reading], results=results)


def plot_logit_lens(
    sentence: str,
    *,
    layer: int | None = None,
    position: int | None = None,
    select: str | None = None,
    pins: Sequence[int | str] = (),
    model: ModelLike | None = None,
    compare: str | None = None,
    compare_model: ModelLike | None = None,
) -> FigureOfResults:
    """The logit lens: the token that the model would predict after each layer, for every token of a sentence.

    layer: the marked row, by default the output. position: the token after which others are followed through the
    layers, by default the last. select: the marked part (see above), in the place of both. pins: up to three tokens to
    follow, by id or exact text; by default the prediction.
    compare, compare_model: shows A − B (see the module).
    Raises: AnalysisError for a sentence, a number, a token or a model that cannot be shown or compared.
    """
    shown, trace, _ = read_sentence(chosen_model(model), sentence, position)
    part, here = read_part(trace, select, position)
    if layer is not None:
        part = Selection(Part.ATTENTION, block=checked_number("layer", layer, shown.info.n_blocks))
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
        results={"logit_lens": result},
    )


def plot_gradients(
    sentence: str,
    *,
    position: int | None = None,
    target: int | str | None = None,
    against: int | str | None = None,
    method: SaliencyMethod = "integrated",
    baseline: Baseline = "mean",
    model: ModelLike | None = None,
    compare: str | None = None,
    compare_model: ModelLike | None = None,
) -> FigureOfResults:
    """Attributions of the logit of the next token after `position` (by default the last) to the tokens of the sentence.

    (Not the gradient's mean, which is zero in GPT-2, since LayerNorm ignores a vector's mean.) target: the explained
    token, by its id or exact text (" dog" with its space); by default the most probable. against: a token whose logit
    is subtracted. method: "integrated" (integrated gradients), "depth" (at every layer), "input_gradient",
    "gradient_norm" or "occlusion". baseline: "mean" (embedding), "end" (start token) or "zero" (not for models such as
    Llama). Doubtful values are hatched.
    compare, compare_model: shows A − B (see the module).
    Raises: AnalysisError for a sentence, a number, a token, a choice or a model that cannot be shown or compared.
    """
    shown, trace, here = read_sentence(chosen_model(model), sentence, position)
    chosen, minus = (None if token is None else checked_token(token, shown) for token in (target, against))
    if pair := compared(shown, trace, here, compare, compare_model):
        return saliency_difference(pair, chosen, minus, method, baseline)
    result = compute_saliency(shown, trace, here, target=chosen, against=minus, method=method, baseline=baseline)
    return explained_by_tokens(result, sentence)
