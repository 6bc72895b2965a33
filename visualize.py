"""Notebook interface: text in, Plotly figure out, without a server.

Function names and the word "layer" (a block, elsewhere in this project) are those of the original notebook.

Every function takes `model`: `"bundled"`; a folder written by `save_pretrained`; a GGUF file; the id of a Hugging Face
model that has been downloaded (`"gpt2-medium"`); a pair (network, tokenizer) in memory; or a `LanguageModel`. A pair is
not changed, and is read again at each call, since it may be in training. The default is the model given to `use`, else
the environment variable `LLM_MODEL`, else the bundled model. The parts of GPT-2's sizes are known without the weights.

A request that cannot be met raises an `analysis.errors.AnalysisError`, whose message gives the reason. All numbers are
computed and defined in `analysis`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from operator import index
from typing import TYPE_CHECKING, Any, cast

import plotly.graph_objects as go

from analysis.activation import compute_activation
from analysis.architecture import architecture_without_values, compute_architecture
from analysis.attention import compute_attention
from analysis.causes.copying import compute_copying
from analysis.causes.head_scores import AnyScore, compute_head_scores, probe_trace
from analysis.errors import SelectionError, TextError, check_choice
from analysis.logit_lens import compute_lens_cells, compute_logit_lens
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.models.open import ModelLike, open_model, outline_without_weights
from analysis.numerics.nonfinite import warn_of_nonfinite
from analysis.overview import compute_overview
from analysis.prediction import compute_prediction
from analysis.selection import Part, Selection
from analysis.summary import compute_summary
from analysis.trace import Prompt, Trace
from layouts.figures.activation import (
    activation_figure,
    activation_neuron_figure,
    activation_neurons_figure,
    activation_reading,
)
from layouts.figures.architecture import architecture_figure, architecture_reading
from layouts.figures.attention import attention_figure, attention_label, attention_reading
from layouts.figures.embedding import embedding_figure, embedding_reading
from layouts.figures.head_scores import HeadScoreTable
from layouts.figures.logit_lens import logit_lens_depth_figure, logit_lens_figure, logit_lens_reading
from layouts.figures.overview import overview_figure, overview_reading
from layouts.figures.saliency import saliency_depth_figure, saliency_figure, saliency_reading
from layouts.figures.saliency_numbers import saliency_numbers, saliency_warning
from layouts.figures.saliency_path import saliency_path_figure
from layouts.figures.scene_alone import make_self_contained
from layouts.figures.standalone import standalone, titled
from layouts.figures.summary_table import SummaryTable
from layouts.figures.text import quoted

if TYPE_CHECKING:
    from analysis.architecture import ColorBy
    from analysis.attention import AttentionView
    from analysis.embedding import Dimensions, Projection
    from analysis.saliency import SaliencyMethod
    from analysis.saliency_methods.baselines import Baseline

EXAMPLE = "Once upon a time there was a little girl who lived in a cottage near the great forest."
_LABEL_AREAS = {2: (700, 430), 3: (450, 450)}  # of embeddings, in pixels, by dimensions
_default: ModelLike | None = None


def use(model: ModelLike) -> None:
    """Set the default model of all functions.

    Raises: ModelError if it cannot be used.
    """
    global _default  # noqa: PLW0603
    if outline_without_weights(model) is None:
        open_model(model)
    _default = model


def model_summary(*, model: ModelLike | None = None) -> SummaryTable:
    """Parameters of the model by part, each counted once, and its sizes. The sizes of GPT-2 need no weights.

    Raises: ModelError if the model cannot be used.
    """
    chosen = _chosen(model)
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
) -> go.Figure:
    """Length of each token's vector through the blocks, and the MLP neurons of one layer (by default the last).

    The length is the residual stream's L2 norm (not its mean over dimensions, which LayerNorm removes). position: the
    emphasised token, by default the last. neuron: by default the layer's strongest at that position. Neurons are shown
    after the activation function.
    Raises: AnalysisError for a sentence, a number or a model that cannot be shown.
    """
    shown, trace, here = _trace(sentence, position, model)
    last = shown.info.n_blocks - 1
    block = last if layer is None else _number("layer", layer, shown.info.n_blocks)
    unit = None if neuron is None else _number("neuron", neuron, shown.info.n_neurons)
    result = compute_activation(trace, Selection(Part.MLP, block=block, neuron=unit), here)
    figures = activation_figure(result), activation_neuron_figure(result), activation_neurons_figure(result)
    title = titled(f"Activations · block {block}", sentence)
    return standalone(figures, (280, 180, 180), title=title, sentences=[activation_reading(result)])


def plot_attention(
    sentence: str,
    layer: int = 3,
    head: int | None = 4,
    *,
    position: int | None = None,
    view: AttentionView = "raw",
    model: ModelLike | None = None,
) -> go.Figure:
    """Attention of each token (down) to itself and to earlier tokens (across), as shares from 0 to 1.

    head: None for the mean over the layer's heads. position: the emphasised row, by default the last. view: "raw";
    "without_first", which leaves out the first token's share (about half of all attention in GPT-2); or "rollout" over
    the layers up to this one.
    Raises: AnalysisError for a sentence, a number, a view or a model that cannot be shown.
    """
    shown, trace, here = _trace(sentence, position, model)
    block = _number("layer", layer, shown.info.n_blocks)
    one = None if head is None else _number("head", head, shown.info.n_heads)
    result = compute_attention(trace, Selection(Part.ATTENTION, block=block, head=one), here, view=view)
    return standalone(
        [attention_figure(result)],
        [560],
        title=titled(f"Attention · {attention_label(result)}", sentence),
        sentences=[attention_reading(result)],
    )


def enhanced_3d_visualization(
    sentence: str = EXAMPLE, *, position: int | None = None, color_by: ColorBy = "norm", model: ModelLike | None = None
) -> go.Figure:
    """The network as a 3D scene with the values of a sentence: heads above the residual stream, MLP tiles below.

    color_by: "norm", the L2 norm of what each part adds to the residual stream; "entropy" of each head's attention;
    "first", the share of that attention on the first token; or "kind" of part. position: the token whose values are
    shown, by default the last. A size of GPT-2 is shown without values if its weights are not on this machine.
    Raises: AnalysisError for a sentence, a number, a colouring or a model that cannot be shown.
    """
    output, chosen = Selection(Part.OUTPUT), _chosen(model)
    if (outline := outline_without_weights(chosen)) is not None:
        result, title, token = architecture_without_values(outline.info, output), f"Architecture · {chosen}", ""
        figure = architecture_figure(result)
    else:
        shown, trace, here = _trace(sentence, position, chosen)
        result = compute_architecture(trace, output, here, color_by=color_by)
        predictions = compute_prediction(shown, trace, output, here, k=4).top
        figure = architecture_figure(result, tokens=trace.tokens[: here + 1], predictions=predictions)
        title, token = titled(f"Architecture · {shown.name}", sentence), trace.tokens[here].label
    make_self_contained(figure, result.info)
    return standalone([figure], [460], title=title, sentences=[architecture_reading(result, token)])


def plot_overview(
    sentence: str, *, position: int | None = None, color_by: ColorBy = "norm", model: ModelLike | None = None
) -> go.Figure:
    """The numbers of the 3D scene in 2D: one cell for each head and each MLP tile of all blocks.

    color_by, position: as for `enhanced_3d_visualization`.
    Raises: AnalysisError for a sentence, a number, a colouring or a model that cannot be shown.
    """
    shown, trace, here = _trace(sentence, position, model)
    result = compute_overview(trace, Selection(Part.OUTPUT), here, color_by=color_by)
    title, token = titled(f"Overview · {shown.name}", sentence), trace.tokens[here].label
    return standalone([overview_figure(result)], [460], title=title, sentences=[overview_reading(result, token)])


def plot_token_embeddings(
    sentence: str,
    *,
    layer: int | None = None,
    position: int | None = None,
    method: Projection = "pca",
    dimensions: int = 2,
    model: ModelLike | None = None,
) -> go.Figure:
    """The tokens' vectors, scaled to equal length and projected to 2 or 3 dimensions.

    layer: the vectors after this layer; by default those that enter the first one. method: "pca", whose axes are the
    same for all layers, or "tsne". position: the emphasised token, by default the last.
    Raises: AnalysisError for a sentence, a number, a method or a model that cannot be shown.
    """
    from analysis.embedding import compute_embedding  # scikit-learn is slow to import

    shown, trace, here = _trace(sentence, position, model)
    block = None if layer is None else _number("layer", layer, shown.info.n_blocks)
    part = Selection(Part.EMBEDDING) if block is None else Selection(Part.MLP, block=block)
    result = compute_embedding(trace, part, here, method=method, dimensions=cast("Dimensions", str(dimensions)))
    return standalone(
        [embedding_figure(result, paths="none", label_area=_LABEL_AREAS[result.points.shape[1]])],
        [520],
        title=titled(f"Embeddings · {'before block 0' if block is None else f'after block {block}'}", sentence),
        sentences=[embedding_reading(result)],
    )


def plot_logit_lens(
    sentence: str,
    *,
    layer: int | None = None,
    position: int | None = None,
    pins: Sequence[int | str] = (),
    model: ModelLike | None = None,
) -> go.Figure:
    """The logit lens: the token that the model would predict after each layer, for every token of a sentence.

    layer: the marked row, by default the output. position: the token after which others are followed through the
    layers, by default the last. pins: up to three tokens to follow, by id or exact text; by default the prediction.
    Raises: AnalysisError for a sentence, a number, a token or a model that cannot be shown.
    """
    shown, trace, here = _trace(sentence, position, model)
    block = None if layer is None else _number("layer", layer, shown.info.n_blocks)
    part = Selection(Part.OUTPUT) if block is None else Selection(Part.ATTENTION, block=block)
    cells, followed = compute_lens_cells(shown, trace), tuple(_token_id(pin, shown) for pin in pins)
    result = compute_logit_lens(shown, trace, cells, part, here, pins=followed)
    lines = [logit_lens_depth_figure(result, quantity="probability"), logit_lens_depth_figure(result, quantity="rank")]
    return standalone(
        [logit_lens_figure(result, size=(720, 360)), *lines],
        (360, 180, 180),
        title=titled(f"Logit lens · position {here}, {quoted(trace.tokens[here].label)}", sentence),
        sentences=[logit_lens_reading(result)],
    )


def plot_gradients(
    sentence: str,
    *,
    position: int | None = None,
    target: int | str | None = None,
    method: SaliencyMethod = "integrated",
    baseline: Baseline = "mean",
    model: ModelLike | None = None,
) -> go.Figure:
    """Attributions of the logit of the next token after `position` (by default the last) to the tokens of the sentence.

    (Not the gradient's mean, which is zero in GPT-2, since LayerNorm ignores a vector's mean.) target: the explained
    token, by its id or exact text (" dog" with its space); by default the most probable. method: "integrated"
    (integrated gradients), "depth" (at every layer), "input_gradient", "gradient_norm" or "occlusion". baseline:
    "mean" (embedding), "end" (start token) or "zero" (not for models such as Llama). Doubtful values are hatched.
    Raises: AnalysisError for a sentence, a number, a token, a choice or a model that cannot be shown.
    """
    from analysis.saliency import compute_saliency  # captum is slow to import

    shown, trace, here = _trace(sentence, position, model)
    chosen = None if target is None else _token_id(target, shown)
    result = compute_saliency(shown, trace, here, target=chosen, method=method, baseline=baseline)
    figures = [(saliency_figure(result), 280)]
    figures += [] if result.depth is None else [(saliency_depth_figure(result), 320)]
    figures += [] if result.path is None else [(saliency_path_figure(result), 120)]
    numbers = " · ".join(f"{name} {value}" for name, value in saliency_numbers(result))
    return standalone(
        [figure for figure, _ in figures],
        [height for _, height in figures],
        title=titled(f"Saliency · logit of {quoted(result.target.label)} after position {here}", sentence),
        sentences=[saliency_reading(result), saliency_warning(result), numbers],
    )


def head_scores(
    sentence: str | None = None, *, sort: AnyScore = "induction", model: ModelLike | None = None
) -> HeadScoreTable:
    """How much of each head's attention follows a known pattern: induction, previous token and others.

    sentence: by default the standard probe, 50 random tokens that are repeated once, on which heads can be compared.
    sort: the score that orders the table. The result's `scores` are arrays of all heads, (layers, heads).
    Raises: AnalysisError for a sentence, a score or a model that cannot be shown.
    """
    check_choice(sort, AnyScore, "the score")
    if sentence is None:
        shown = open_model(_chosen(model))
        trace, about = probe_trace(shown), "random tokens, repeated once"
    else:
        shown, trace, _ = _trace(sentence, None, model)
        about = f"“{sentence}”"
    scores: dict[str, Any] = {**compute_head_scores(trace), "copying": compute_copying(shown)}
    return HeadScoreTable(f"Head scores · {shown.name} · {about}", scores, sort)


def _trace(sentence: str, position: int | None, model: ModelLike | None) -> tuple[LanguageModel, Trace, int]:
    """The model, the trace of the sentence, and the position."""
    shown = open_model(_chosen(model))
    if not isinstance(sentence, str):
        raise TextError(f"The sentence must be a text in quotation marks, not of type {type(sentence).__name__}.")
    trace = compute_trace(shown, Prompt(shown.name, sentence))
    warn_of_nonfinite(shown, trace)
    last = trace.n_positions - 1
    return shown, trace, last if position is None else _number("position", position, trace.n_positions)


def _chosen(model: ModelLike | None) -> ModelLike:
    return model or _default or os.environ.get("LLM_MODEL") or "bundled"


def _number(what: str, number: Any, count: int) -> int:
    """The number, checked to be an integer from 0 to `count` - 1."""
    with suppress(TypeError):  # not an integer
        if 0 <= index(number) < count:
            return index(number)
    raise SelectionError(f"There is no {what} {number!r}. Choose a {what} from 0 to {count - 1}.")


def _token_id(token: int | str, model: LanguageModel) -> int:
    return model.vocabulary.only_id(token) if isinstance(token, str) else _number("token id", token, model.info.n_vocab)
