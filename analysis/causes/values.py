"""Values: what attention's heads read from each position, before it is weighted by attention and written."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from analysis.causes.frozen_norm import FrozenNorm, frozen_norm
from analysis.models.hooks import last_map
from analysis.models.language_model import LanguageModel
from analysis.trace import Float, Trace


def head_values(model: LanguageModel, trace: Trace, block: int) -> Float:
    """The value vectors of every head, (n_positions, n_heads, d_head), computed from the trace's residual stream.

    Heads that share keys and values have equal ones. `Trace.head_outputs` are their means, weighted by attention.
    """
    stream = torch.from_numpy(np.array(trace.residual(block)))
    norm = attention_input_norm(model, block)
    with torch.inference_mode():
        mapped: Tensor = block_part(model, block, model.family.values)(stream if norm is None else norm(stream))
        clip = getattr(model.network.config, "clip_qkv", None)  # OLMo
        values: Float = _of_heads(model, mapped if clip is None else mapped.clamp(-clip, clip)).numpy()
    return values


def value_maps(model: LanguageModel, block: int) -> Float:
    """The weights of the value maps of every head, (d_model, n_heads, d_head)."""
    weights: Float = _of_heads(model, last_map(block_part(model, block, model.family.values))).numpy()
    return weights


def output_maps(model: LanguageModel, block: int) -> Float:
    """The weights of attention's last linear map, (n_heads, d_head, d_model), before a norm that may follow."""
    weight = last_map(block_part(model, block, model.family.attention_out))
    maps: Float = weight.unflatten(0, (model.info.n_heads, -1)).numpy()
    return maps


def attention_input_norm(model: LanguageModel, block: int) -> nn.Module | None:
    """The norm of the residual stream that attention reads; None in families that norm only what attention writes."""
    first = model.family.norms[0]
    return None if first == model.family.attention_norm else block_part(model, block, first)


def written_norm(model: LanguageModel, block: int, whole: NDArray[Any]) -> FrozenNorm | None:
    """The norm after attention, with its scale at one whole output, (d_model,); None if there is none."""
    name = model.family.attention_norm
    return None if name is None else frozen_norm(block_part(model, block, name), whole)


def _of_heads(model: LanguageModel, mapped: Tensor) -> Tensor:
    """(..., n_heads, d_head): the values in the outputs of the map that computes them, (..., n_outputs)."""
    n_heads, d_head = model.info.n_heads, model.info.d_head
    if model.family.values_by_head:
        by_head: Tensor = mapped.unflatten(-1, (n_heads, -1))[..., -d_head:]
        return by_head
    n_groups = getattr(model.network.config, "num_key_value_heads", None) or n_heads
    values: Tensor = mapped[..., -n_groups * d_head :].unflatten(-1, (n_groups, d_head))
    return values.repeat_interleave(n_heads // n_groups, dim=-2)


def block_part(model: LanguageModel, block: int, path: str) -> nn.Module:
    """The module at a path from a block, such as those in `Family`."""
    return model.blocks[block].get_submodule(path)
