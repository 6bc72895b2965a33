"""Direct attribution: the product of what each part adds to the residual stream with the direction that a logit reads.

The final norm's scale is held as it was, and so are those of norms after attention and MLP; then the logit is a linear
function of what the parts add.
"""

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from analysis.causes.frozen_norm import frozen_final_norm, frozen_norm
from analysis.families import logit_cap
from analysis.models.hooks import last_map
from analysis.models.language_model import LanguageModel
from analysis.task import Arrays
from analysis.trace import Trace

Logits = NDArray[np.float64]


class Question(NamedTuple):
    """What is explained: the logit of `target` after a position, minus that of `against` (None: nothing)."""

    position: int
    target: int
    against: int | None


# In a narrow model, all else takes longer than the products, so the neighbouring positions come along.
_TOGETHER = 8  # positions
_NARROW = 512  # d_model
_MOST_KEPT = 64  # questions for each trace
_KEPT: WeakKeyDictionary[Trace, dict[Question, Arrays]] = WeakKeyDictionary()


def direct_shares(model: LanguageModel, trace: Trace, question: Question) -> Arrays:
    """The share of every part in the explained logit; float64, in logits.

    "embedding", (); "positions", (), of learned positions; "heads", (n_blocks, n_heads); "tiles", (n_blocks, n_tiles);
    "attention_biases" and "mlp_biases", (n_blocks,); "norm_bias" and "head_bias", (). What a family does not have is
    left out. "value", (), is the logit itself, before a cap.
    """
    kept = _KEPT.get(trace, {})
    if question not in kept:
        questions = _neighbours(trace, question)
        with np.errstate(invalid="ignore", over="ignore"):
            arrays = _direct_shares(model, trace, questions)
        found = {one: {name: array[n, ...] for name, array in arrays.items()} for n, one in enumerate(questions)}
        newest = list(kept.items())[len(found) - _MOST_KEPT :]
        _KEPT[trace] = kept = dict(newest) | found  # a new one: other threads read the old
    return kept[question]


def neuron_shares(model: LanguageModel, trace: Trace, question: Question, block: int) -> Logits:
    """The share of each MLP neuron of a block, in its order, (n_neurons,), in logits."""
    with np.errstate(invalid="ignore", over="ignore"):
        direction = frozen_final_norm(model, trace).at([question.position]).pulled_back(_read_by(model, [question]))
        shares, _ = _mlp(model, trace, block, [question.position], direction)
    return np.asarray(shares[0])


def _neighbours(trace: Trace, question: Question) -> list[Question]:
    """The same question at neighbouring positions, where the next clicks are: about the most probable token of each,
    or about the same token everywhere. The question alone in a wide model, and if the trace does not keep the logits.
    """
    if trace.info.d_model > _NARROW or not trace.keeps_logits:
        return [question]
    first = question.position - question.position % _TOGETHER
    most_probable = trace.logits()[first : first + _TOGETHER].argmax(axis=-1).tolist()
    each = question.target == most_probable[question.position - first]
    return [
        Question(first + n, target if each else question.target, question.against)
        for n, target in enumerate(most_probable)
    ]


def _direct_shares(model: LanguageModel, trace: Trace, questions: list[Question]) -> Arrays:
    """As `direct_shares` gives them, with the questions as first axis."""
    info, positions = trace.info, [question.position for question in questions]
    read = _read_by(model, questions)
    norm = frozen_final_norm(model, trace).at(positions)
    directions = norm.pulled_back(read)
    attentions = [_attention(model, trace, block, positions, directions) for block in range(info.n_blocks)]
    mlps = [_mlp(model, trace, block, positions, directions) for block in range(info.n_blocks)]
    missing = info.n_tiles * info.tile_width - info.n_neurons
    neurons = np.pad(np.stack([shares for shares, _ in mlps], axis=1), [(0, 0), (0, 0), (0, missing)])
    inputs = np.stack([shares for shares, _ in attentions], axis=1)
    arrays: Arrays = {
        **_entering(model, trace, positions, directions),
        "heads": inputs.reshape(*inputs.shape[:2], info.n_heads, -1).sum(axis=-1),
        "tiles": neurons.reshape(*neurons.shape[:2], info.n_tiles, -1).sum(axis=-1),
        "value": _values(model, trace, questions, read),
    }
    for name, parts in (("attention_biases", attentions), ("mlp_biases", mlps)):
        if any(bias is not None for _, bias in parts):
            none = np.zeros(len(questions))
            arrays[name] = np.stack([none if bias is None else bias for _, bias in parts], axis=1)
    if getattr(model.network.get_submodule(model.family.final_norm), "bias", None) is not None:
        arrays["norm_bias"] = _products(norm.bias, read)
    if (head_bias := model.output_head.bias) is not None:
        arrays["head_bias"] = np.array([_difference(head_bias.numpy(), question) for question in questions])
    return arrays


def _entering(model: LanguageModel, trace: Trace, positions: list[int], directions: NDArray[Any]) -> Arrays:
    """The shares of the tokens' embeddings and, where they are learned, of their positions."""
    whole = trace.residual(0)[positions]
    if model.family.positions is None:
        return {"embedding": _products(whole, directions)}
    table: nn.Module = model.network.get_submodule(model.family.embedding)
    with torch.inference_mode():
        tokens: NDArray[Any] = table(torch.tensor([trace.tokens[position].id for position in positions])).numpy()
    return {"embedding": _products(tokens, directions), "positions": _products(whole - tokens, directions)}


def _attention(
    model: LanguageModel, trace: Trace, block: int, positions: list[int], directions: NDArray[Any]
) -> tuple[Logits, Logits | None]:
    """The share of every input of attention's last linear map, and that of its bias."""
    inputs = trace.head_outputs(block)[positions].reshape(len(positions), -1)
    return _written(model.blocks[block], model.family.attention_out, model.family.attention_norm, inputs, directions)


def _mlp(
    model: LanguageModel, trace: Trace, block: int, positions: list[int], directions: NDArray[Any]
) -> tuple[Logits, Logits | None]:
    inputs = trace.neurons(block, at=positions)
    return _written(model.blocks[block], model.family.mlp_out, model.family.mlp_norm, inputs, directions)


def _written(
    block: nn.Module, last: str, norm: str | None, inputs: NDArray[Any], directions: NDArray[Any]
) -> tuple[Logits, Logits | None]:
    """The share of each input of a part's last linear map, (n_positions, n_inputs), and of its bias, (n_positions,).

    norm: that after the map, if any.
    """
    module = block.get_submodule(last)
    weight = last_map(module)
    bias = None if module.bias is None else module.bias.numpy()  # type: ignore[operator]
    # In torch, as NumPy would run a product this small on all cores where nobody has forbidden it.
    with torch.inference_mode():
        if norm is not None:
            whole = (torch.tensor(inputs) @ weight).numpy() + (0 if bias is None else bias)
            directions = frozen_norm(block.get_submodule(norm), whole).pulled_back(directions)
        each: NDArray[Any] = (torch.from_numpy(directions) @ weight.T).numpy()
    shares = inputs.astype(np.float64) * each
    return shares, None if bias is None else _products(bias, directions)


def _read_by(model: LanguageModel, questions: list[Question]) -> NDArray[Any]:
    """The directions in the normed stream that the explained logits read, (n_questions, d_model)."""
    rows: NDArray[Any] = model.output_head.weight.numpy()
    return np.stack([rows[one.target] - (0 if one.against is None else rows[one.against]) for one in questions])


def _values(model: LanguageModel, trace: Trace, questions: list[Question], read: NDArray[Any]) -> Logits:
    """The logits, or the differences, that the network computed. A cap is not undone, but left out."""
    if logit_cap(model.network.config, model.family) is None:
        return np.array([_difference(model.logits(trace, one.position), one) for one in questions])
    last = trace.residual(trace.info.n_blocks)[[question.position for question in questions]]
    with torch.inference_mode():
        normed: NDArray[Any] = model.final_norm(torch.from_numpy(last)).numpy()
    bias = model.output_head.bias
    return _products(normed, read) + [0 if bias is None else _difference(bias.numpy(), one) for one in questions]


def _difference(row: NDArray[Any], question: Question) -> float:
    """The target's entry in a row of the vocabulary, minus that of `against`."""
    return float(row[question.target]) - (0 if question.against is None else float(row[question.against]))


def _products(some: NDArray[Any], others: NDArray[Any]) -> Logits:
    """Products of vectors, (..., d_model)."""
    return np.asarray((some.astype(np.float64) * others.astype(np.float64)).sum(axis=-1))
