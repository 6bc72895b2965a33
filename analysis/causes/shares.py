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


# The scene, the overview and the panel ask the same after a click, and most clicks stay at one position.
_LAST: WeakKeyDictionary[Trace, tuple[Question, Arrays]] = WeakKeyDictionary()


def direct_shares(model: LanguageModel, trace: Trace, question: Question) -> Arrays:
    """The share of every part in the explained logit; float64, in logits.

    "embedding", (); "positions", (), of learned positions; "heads", (n_blocks, n_heads); "tiles", (n_blocks, n_tiles);
    "attention_biases" and "mlp_biases", (n_blocks,); "norm_bias" and "head_bias", (). What a family does not have is
    left out. "value", (), is the logit itself, before a cap.
    """
    known, arrays = _LAST.get(trace, (None, {}))
    if known != question:
        with np.errstate(invalid="ignore", over="ignore"):
            arrays = _direct_shares(model, trace, question)
        _LAST[trace] = question, arrays
    return arrays


def neuron_shares(model: LanguageModel, trace: Trace, question: Question, block: int) -> Logits:
    """The share of each MLP neuron of a block, in its order, (n_neurons,), in logits."""
    with np.errstate(invalid="ignore", over="ignore"):
        direction = frozen_final_norm(model, trace, question.position).pulled_back(_read_by(model, question))
        return _mlp(model, trace, block, question.position, direction)[0]


def _direct_shares(model: LanguageModel, trace: Trace, question: Question) -> Arrays:
    info, position = trace.info, question.position
    read = _read_by(model, question)
    norm = frozen_final_norm(model, trace, position)
    direction = norm.pulled_back(read)
    attentions = [_attention(model, trace, block, position, direction) for block in range(info.n_blocks)]
    mlps = [_mlp(model, trace, block, position, direction) for block in range(info.n_blocks)]
    missing = info.n_tiles * info.tile_width - info.n_neurons
    neurons = np.pad(np.stack([shares for shares, _ in mlps]), [(0, 0), (0, missing)])
    arrays: Arrays = {
        **_entering(model, trace, position, direction),
        "heads": np.stack([shares.reshape(info.n_heads, -1).sum(axis=1) for shares, _ in attentions]),
        "tiles": neurons.reshape(info.n_blocks, info.n_tiles, -1).sum(axis=2),
        "value": _value(model, trace, question, read),
    }
    for name, parts in (("attention_biases", attentions), ("mlp_biases", mlps)):
        if any(bias is not None for _, bias in parts):
            arrays[name] = np.array([0 if bias is None else bias for _, bias in parts], dtype=np.float64)
    if getattr(model.network.get_submodule(model.family.final_norm), "bias", None) is not None:
        arrays["norm_bias"] = _product(norm.bias, read)
    if (head_bias := _output_head(model).bias) is not None:
        arrays["head_bias"] = _difference(head_bias.numpy(), question)
    return arrays


def _entering(model: LanguageModel, trace: Trace, position: int, direction: NDArray[Any]) -> Arrays:
    """The shares of the token's embedding and, where they are learned, of its position."""
    whole = trace.residual(0)[position]
    if model.family.positions is None:
        return {"embedding": _product(whole, direction)}
    table: nn.Module = model.network.get_submodule(model.family.embedding)
    with torch.inference_mode():
        token: NDArray[Any] = table(torch.tensor(trace.tokens[position].id)).numpy()
    return {"embedding": _product(token, direction), "positions": _product(whole - token, direction)}


def _attention(
    model: LanguageModel, trace: Trace, block: int, position: int, direction: NDArray[Any]
) -> tuple[Logits, Logits | None]:
    """The share of every input of attention's last linear map, and that of its bias."""
    inputs = trace.head_outputs(block)[position].ravel()
    return _written(_block(model, block), model.family.attention_out, model.family.attention_norm, inputs, direction)


def _mlp(
    model: LanguageModel, trace: Trace, block: int, position: int, direction: NDArray[Any]
) -> tuple[Logits, Logits | None]:
    inputs = trace.neurons(block, at=position)
    return _written(_block(model, block), model.family.mlp_out, model.family.mlp_norm, inputs, direction)


def _written(
    block: nn.Module, last: str, norm: str | None, inputs: NDArray[Any], direction: NDArray[Any]
) -> tuple[Logits, Logits | None]:
    """The share of each input of a part's last linear map, and of its bias. norm: that after the map, if any."""
    module = block.get_submodule(last)
    weight = last_map(module)
    bias = None if module.bias is None else module.bias.numpy()  # type: ignore[operator]
    # In torch, as NumPy would run a product this small on all cores where nobody has forbidden it.
    with torch.inference_mode():
        if norm is not None:
            whole = (torch.tensor(inputs) @ weight).numpy() + (0 if bias is None else bias)
            direction = frozen_norm(block.get_submodule(norm), whole).pulled_back(direction)
        each: NDArray[Any] = torch.mv(weight, torch.from_numpy(direction)).numpy()
    shares = inputs.astype(np.float64) * each
    return shares, None if bias is None else _product(bias, direction)


def _read_by(model: LanguageModel, question: Question) -> NDArray[Any]:
    """The direction in the normed stream that the explained logit reads, (d_model,)."""
    rows: NDArray[Any] = _output_head(model).weight.numpy()
    target: NDArray[Any] = rows[question.target]
    return target if question.against is None else target - rows[question.against]


def _value(model: LanguageModel, trace: Trace, question: Question, read: NDArray[Any]) -> Logits:
    """The logit, or the difference, that the network computed. A cap is not undone, but left out."""
    if logit_cap(model.network.config, model.family) is None:
        return _difference(model.logits(trace, question.position), question)
    last = np.array(trace.residual(trace.info.n_blocks)[question.position])
    with torch.inference_mode():
        normed: NDArray[Any] = model.final_norm(torch.from_numpy(last)).numpy()
    bias = _output_head(model).bias
    return _product(normed, read) + (0 if bias is None else _difference(bias.numpy(), question))


def _difference(row: NDArray[Any], question: Question) -> Logits:
    """The target's entry in a row of the vocabulary, minus that of `against`."""
    return np.asarray(float(row[question.target]) - (0 if question.against is None else float(row[question.against])))


def _product(one: NDArray[Any], other: NDArray[Any]) -> Logits:
    return np.asarray(one.astype(np.float64) @ other.astype(np.float64))


def _block(model: LanguageModel, block: int) -> nn.Module:
    found: nn.Module = model.network.get_submodule(model.family.blocks)[block]  # type: ignore[index]
    return found


def _output_head(model: LanguageModel) -> nn.Linear:
    head: nn.Linear = model.network.get_output_embeddings()  # type: ignore[operator]
    return head
