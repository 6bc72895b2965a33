"""The explorer's pictures in a notebook: text in, figure out. No server, no page.

Words as in the original notebook; a layer is what the rest of the project calls a block. Every function takes `model`:
`"bundled"`, a folder as `save_pretrained` writes it, an id of the Hugging Face hub that is on this machine
(`"gpt2-medium"`), a pair (network, tokenizer) that is in memory, or what `analysis.models.open.open_model` makes of
these. A pair is left as it is, and read anew at each call, since it may be in training. Without `model` it is that of
`use`, else the environment's `LLM_MODEL`, else the bundled one. What cannot be drawn is an
`analysis.errors.AnalysisError`, whose message says why. Every number is one of `analysis`, where its definition is.
"""

from __future__ import annotations

import os
from operator import index
from typing import Any

import plotly.graph_objects as go

from analysis.activation import compute_activation
from analysis.architecture import compute_architecture
from analysis.attention import compute_attention
from analysis.errors import SelectionError, TextError
from analysis.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.models.open import ModelLike, open_model
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
from layouts.figures.attention import attention_figure, attention_place, attention_reading
from layouts.figures.embedding import embedding_figure, embedding_reading
from layouts.figures.saliency import saliency_depth_figure, saliency_figure, saliency_reading
from layouts.figures.saliency_numbers import saliency_numbers, saliency_warning
from layouts.figures.scene_alone import leave_alone
from layouts.figures.standalone import standalone
from layouts.figures.summary_table import SummaryTable

EXAMPLE = "Once upon a time there was a little girl who lived in a cottage near the great forest."
_LONGEST = 65  # characters of a title
_ROOM = {2: (700, 430), 3: (450, 450)}  # pixels for the labels of embeddings, by dimensions
_default: ModelLike | None = None


def use(model: ModelLike) -> None:
    """Let the functions show this model from now on.

    Raises: ModelError if it cannot be used.
    """
    global _default  # noqa: PLW0603
    _language_model(model)
    _default = model


def model_summary(*, model: ModelLike | None = None) -> SummaryTable:
    """How large the model and its parts are; each parameter is counted once.

    Raises: ModelError if the model cannot be used.
    """
    shown = _language_model(model)
    return SummaryTable(shown.name, shown.info.family, compute_summary(shown.network, shown.family))


def plot_token_activations(
    sentence: str,
    *,
    layer: int | None = None,
    position: int | None = None,
    neuron: int | None = None,
    model: ModelLike | None = None,
) -> go.Figure:
    """How large each token's vector is through the blocks, and the neurons of one layer (by default the last).

    The size is the L2 norm of the residual stream. (Not the mean over its dimensions, which every LayerNorm removes,
    so that no part of GPT-2 can read it.) position: the token that is marked, by default the last. neuron: one of the
    layer's MLP neurons, by default the strongest there; its values are those after the activation function.
    Raises: AnalysisError for a sentence, a number or a model that cannot be shown.
    """
    shown, trace, here = _ask(sentence, position, model)
    last = shown.info.n_blocks - 1
    block = last if layer is None else _number("layer", layer, shown.info.n_blocks)
    unit = None if neuron is None else _number("neuron", neuron, shown.info.n_neurons)
    result = compute_activation(trace, block, unit, here)
    figures = activation_figure(result), activation_neuron_figure(result), activation_neurons_figure(result)
    return standalone(
        figures,
        (280, 180, 180),
        title=_title(f"Activations · block {block}", sentence),
        sentences=[activation_reading(result)],
    )


def plot_attention(
    sentence: str,
    layer: int = 3,
    head: int | None = 4,
    *,
    position: int | None = None,
    view: str = "raw",
    model: ModelLike | None = None,
) -> go.Figure:
    """Which earlier tokens (across) each token (down) looks at, as shares of its attention.

    head: None for the mean over the layer's heads. position: the row that is marked, by default the last. view: "raw";
    "without_first", since about half of GPT-2's attention goes to the first token; or "rollout" through all layers.
    Raises: AnalysisError for a sentence, a number, a view or a model that cannot be shown.
    """
    shown, trace, here = _ask(sentence, position, model)
    block = _number("layer", layer, shown.info.n_blocks)
    one = None if head is None else _number("head", head, shown.info.n_heads)
    result = compute_attention(trace, block, one, here, view=view)
    return standalone(
        [attention_figure(result)],
        [560],
        title=_title(f"Attention · {attention_place(result)}", sentence),
        sentences=[attention_reading(result)],
    )


def enhanced_3d_visualization(
    sentence: str = EXAMPLE, *, position: int | None = None, color_by: str = "norm", model: ModelLike | None = None
) -> go.Figure:
    """The whole network in 3D, with the values of a sentence: heads above the residual stream, MLP neurons below it.

    color_by: "norm", what each part adds to the residual stream; "entropy" of the heads' attention; "first", the share
    of it on the first token; or "kind". position: the token whose values these are, by default the last.
    Raises: AnalysisError for a sentence, a number, a colouring or a model that cannot be shown.
    """
    shown, trace, here = _ask(sentence, position, model)
    output = Selection(Part.OUTPUT)
    result = compute_architecture(trace, output, here, color_by=color_by)
    figure = architecture_figure(result, predictions=compute_prediction(shown, trace, output, here, k=4).top)
    leave_alone(figure)
    return standalone(
        [figure],
        [420],
        title=_title(f"Architecture · {shown.name}", sentence),
        sentences=[architecture_reading(result, trace.tokens[here].label)],
    )


def plot_token_embeddings(
    sentence: str,
    *,
    layer: int | None = None,
    position: int | None = None,
    method: str = "pca",
    dimensions: int = 2,
    model: ModelLike | None = None,
) -> go.Figure:
    """Where the tokens lie: their vectors of unit length, projected to 2 or 3 dimensions.

    layer: after that layer; by default what enters the first one, the token's embedding with its position's. method:
    "pca", whose axes are the same for all layers, or "tsne". position: the token that is marked, by default the last.
    Raises: AnalysisError for a sentence, a number, a method or a model that cannot be shown.
    """
    from analysis.embedding import compute_embedding  # scikit-learn takes its time

    shown, trace, here = _ask(sentence, position, model)
    block = None if layer is None else _number("layer", layer, shown.info.n_blocks)
    place = Selection(Part.EMBEDDING) if block is None else Selection(Part.MLP, block=block)
    result = compute_embedding(trace, place, here, method=method, dimensions=str(dimensions))
    return standalone(
        [embedding_figure(result, paths="none", room=_ROOM[result.points.shape[1]])],
        [520],
        title=_title(f"Embeddings · {'before block 0' if block is None else f'after block {block}'}", sentence),
        sentences=[embedding_reading(result)],
    )


def plot_gradients(
    sentence: str,
    *,
    position: int | None = None,
    target: int | str | None = None,
    method: str = "integrated",
    baseline: str = "zero",
    model: ModelLike | None = None,
) -> go.Figure:
    """Which tokens made the model say what it says after `position` (by default the last): attributions of one logit.

    (Not the mean of the gradient, which is zero in GPT-2 whatever the text: LayerNorm ignores a vector's mean.)
    target: the token that is explained, by its id or its exact text (" dog" with its space); by default the most
    probable. method: "integrated" gradients, the same through "depth", "input_gradient", "gradient_norm" or
    "occlusion". baseline: what a token is compared with, "zero", "end" (the end-of-text token) or "mean".
    Raises: AnalysisError for a sentence, a number, a token, a choice or a model that cannot be shown.
    """
    from analysis.saliency import compute_saliency  # captum takes its time

    shown, trace, here = _ask(sentence, position, model)
    token_id = None if target is None else _token_id(target, shown)
    result = compute_saliency(shown, trace, here, target=token_id, method=method, baseline=baseline)
    figures, heights = [saliency_figure(result)], [280]
    if result.depth is not None:
        figures, heights = [*figures, saliency_depth_figure(result)], [*heights, 320]
    numbers = " · ".join(f"{name} {value}" for name, value in saliency_numbers(result))
    return standalone(
        figures,
        heights,
        title=_title(f"Saliency · logit of ‘{result.target.label}’ after position {here}", sentence),
        sentences=[saliency_reading(result), saliency_warning(result), numbers],
    )


def _ask(sentence: str, position: int | None, model: ModelLike | None) -> tuple[LanguageModel, Trace, int]:
    """The model, what it computes for the sentence, and the position."""
    shown = _language_model(model)
    if not isinstance(sentence, str):
        raise TextError(f"The sentence must be a text, in quotation marks; this is a {type(sentence).__name__}.")
    trace = compute_trace(shown, Prompt(shown.name, sentence))
    last = trace.n_positions - 1
    return shown, trace, last if position is None else _number("position", position, trace.n_positions)


def _language_model(model: ModelLike | None) -> LanguageModel:
    return open_model(next(filter(None, (model, _default, os.environ.get("LLM_MODEL"))), "bundled"))


def _number(what: str, number: Any, count: int) -> int:
    """The number, if it is one from 0 to `count` - 1."""
    try:
        if 0 <= index(number) < count:
            return index(number)
    except TypeError:
        pass  # not a whole number, and as such not one of them
    raise SelectionError(f"There is no {what} {number!r}: here they run from 0 to {count - 1}. Choose one of these.")


def _token_id(target: int | str, model: LanguageModel) -> int:
    if not isinstance(target, str):
        return _number("token id", target, model.info.n_vocab)
    found = model.vocabulary.ids(target)
    if len(found) == 1:
        return found[0]
    if found:
        raise SelectionError(
            f"{len(found)} tokens read {target!r}: ids {', '.join(map(str, found))}. Choose one by its id."
        )
    near = ", ".join(f"'{piece.label}' ({piece.id})" for piece in model.vocabulary.search(target.strip(), most=3))
    tip = f"These contain it: {near}" if near else "No token contains it"
    raise SelectionError(
        f"No single token of this model is {target!r}. {tip}. A token after a space has the space in it."
    )


def _title(what: str, sentence: str) -> str:
    """With as much of the sentence as the line has room for."""
    words, room = " ".join(sentence.split()), max(20, _LONGEST - len(what))
    return f"{what} · “{words if len(words) <= room else f'{words[: room - 1]}…'}”"
