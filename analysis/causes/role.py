"""The role of a head or a neuron at a position: what it reads there, and which tokens' logits it moves most."""

from dataclasses import dataclass
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from analysis.causes.frozen_norm import frozen_final_norm, frozen_norm
from analysis.causes.head_scores import Pattern, ScoreName, attention_patterns, attention_scores
from analysis.causes.values import block_part, output_maps, written_norm
from analysis.models.hooks import last_map
from analysis.models.language_model import LanguageModel
from analysis.prediction import (
    N_PREDICTIONS,
    PredictionResult,
    compute_prediction,
    largest,
    lens_input,
    prediction_of,
)
from analysis.selection import Selection
from analysis.tokens import Piece, Token
from analysis.trace import Float, Trace

_N_KEYS = 3
_N_TOKENS = 3
_PATTERNS: WeakKeyDictionary[Trace, dict[ScoreName, Pattern]] = WeakKeyDictionary()  # the same for all heads


@dataclass(frozen=True, eq=False)
class RoleResult:
    """What a head or a neuron does at one position.

    Attributes
    ----------
    token : Token
        The token at the position.
    keys : tuple of (Token, float)
        Of a head, the keys with the largest attention, at most 3, largest first, with that attention, 0 to 1; none if
        it is not finite.
    value : float or None
        Of a neuron, its value after the activation function; None for a head.
    raised, lowered : tuple of (Piece, float)
        The tokens whose logits its output raises or lowers most, at most 3 each, strongest first, with the change in
        logits; none if it is not finite.
    scores : dict of float
        Of a head, its scores on this text, as `attention_scores` defines them; empty for a neuron.
    """

    token: Token
    keys: tuple[tuple[Token, float], ...]
    value: float | None
    raised: tuple[tuple[Piece, float], ...]
    lowered: tuple[tuple[Piece, float], ...]
    scores: dict[ScoreName, float]


def compute_role(model: LanguageModel, trace: Trace, selection: Selection, position: int) -> RoleResult | None:
    """What the selected head or neuron does at a position; None if neither is selected.

    The change in logits is its direct attribution to every token: what it writes, through the final norm and the output
    head, with the scales of all norms held as they are at the position. A cap of the logits is left out.
    """
    direction = _direction(model, trace, selection, position)
    if direction is None:
        return None
    with torch.inference_mode():
        changes = model.products(direction).numpy()
    return _role(model, trace, selection, position, changes)


def compute_prediction_and_role(
    model: LanguageModel, trace: Trace, selection: Selection, position: int
) -> tuple[PredictionResult, RoleResult | None]:
    """`compute_prediction` and `compute_role`, which read the output head, most of the cost of either, only once."""
    direction = _direction(model, trace, selection, position)
    if direction is None:
        return compute_prediction(model, trace, selection, position), None
    with torch.inference_mode():
        products = model.products(torch.stack([lens_input(model, trace, selection, position), direction]))
        logits = model.logits_of(products[0]).numpy()
    prediction = prediction_of(model, trace, selection, position, logits=logits, k=N_PREDICTIONS)
    return prediction, _role(model, trace, selection, position, products[1].numpy())


def _direction(model: LanguageModel, trace: Trace, selection: Selection, position: int) -> Tensor | None:
    """What the selected head or neuron writes, (d_model,), through the final norm; None if neither is selected."""
    block, head, neuron = selection.block, selection.head, selection.neuron
    if block is None or (head is None and neuron is None):
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        if head is not None:
            written = _written_by_head(model, trace, block, head, position)
        else:
            written = _written_by_neuron(model, trace, block, neuron or 0, position)
        return torch.from_numpy(frozen_final_norm(model, trace).at(position).applied(written))


def _role(model: LanguageModel, trace: Trace, selection: Selection, position: int, changes: Float) -> RoleResult:
    """The role, given the changes in all logits, (n_vocab,)."""
    block, head, neuron = selection.block or 0, selection.head, selection.neuron
    raised, lowered = _extremes(model, changes)
    attention = None if head is None else trace.attention(block, at=head)
    return RoleResult(
        token=trace.tokens[position],
        keys=() if attention is None else _strongest(trace, attention[position]),
        value=None if neuron is None else float(trace.neurons(block, at=(position, neuron))),
        raised=raised,
        lowered=lowered,
        scores={} if attention is None else attention_scores(attention, _patterns(trace)),
    )


def _written_by_head(model: LanguageModel, trace: Trace, block: int, head: int, position: int) -> Float:
    """What the head adds to the residual stream, (d_model,), without the bias that all heads share."""
    outputs, maps = trace.head_outputs(block)[position], output_maps(model, block)
    written: Float = outputs[head] @ maps[head]
    if model.family.attention_norm is None:
        return written
    out = block_part(model, block, model.family.attention_out)
    norm = written_norm(model, block, outputs.ravel() @ maps.reshape(-1, maps.shape[-1]) + _bias(out))
    return written if norm is None else norm.applied(written)


def _written_by_neuron(model: LanguageModel, trace: Trace, block: int, neuron: int, position: int) -> Float:
    """What the neuron adds to the residual stream, (d_model,)."""
    out = block_part(model, block, model.family.mlp_out)
    weight: Float = last_map(out).numpy()
    neurons = trace.neurons(block, at=position)
    written: Float = neurons[neuron] * weight[neuron]
    if model.family.mlp_norm is None:
        return written
    whole = neurons @ weight + _bias(out)
    return frozen_norm(block_part(model, block, model.family.mlp_norm), whole).applied(written)


def _patterns(trace: Trace) -> dict[ScoreName, Pattern]:
    found = _PATTERNS.get(trace)
    if found is None:
        found = _PATTERNS[trace] = attention_patterns(trace.token_ids)
    return found


def _bias(module: nn.Module) -> Float | Literal[0]:
    bias = module.bias
    return bias.numpy() if isinstance(bias, Tensor) else 0


def _strongest(trace: Trace, row: Float) -> tuple[tuple[Token, float], ...]:
    if not np.isfinite(row).all():
        return ()
    keys = np.argsort(-row, kind="stable")[:_N_KEYS].tolist()
    return tuple((trace.tokens[key], float(row[key])) for key in keys if row[key] > 0)


def _extremes(
    model: LanguageModel, logits: Float
) -> tuple[tuple[tuple[Piece, float], ...], tuple[tuple[Piece, float], ...]]:
    """The largest changes above zero, and below."""
    if not np.isfinite(logits).all():
        return (), ()
    highest, lowest = largest(logits, _N_TOKENS).tolist(), largest(-logits, _N_TOKENS).tolist()

    def named(ids: list[int]) -> tuple[tuple[Piece, float], ...]:
        return tuple((model.vocabulary.piece(n), float(logits[n])) for n in ids)

    return named([n for n in highest if logits[n] > 0]), named([n for n in lowest if logits[n] < 0])
