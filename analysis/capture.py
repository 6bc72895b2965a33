"""What one forward pass computes, recorded by hooks that are installed once and do nothing unless asked.

The recorder travels in a ContextVar, so passes that run at the same time in other threads cannot write into it. (Hooks
registered around each call are seen by every thread.)
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from analysis.families import Family

MAX_TILES = 64


class Record(Protocol):
    """What takes arrays by name, such as a dictionary; what it does not keep is gone when the pass goes on."""

    def __setitem__(self, name: str, array: Tensor, /) -> None: ...


AnyRecord = TypeVar("AnyRecord", bound=Record)
_RECORDER: ContextVar[Record | None] = ContextVar("recorder", default=None)


@contextmanager
def recording(record: AnyRecord) -> Iterator[AnyRecord]:
    """Within it, a forward pass of this thread gives the record the arrays that `Trace` describes."""
    token = _RECORDER.set(record)
    try:
        yield record
    finally:
        _RECORDER.reset(token)


def install_hooks(network: nn.Module, family: Family, n_heads: int) -> None:
    """Let every later forward pass of the network be recorded. To be called once, when it is loaded."""
    blocks = network.get_submodule(family.blocks)
    assert isinstance(blocks, nn.ModuleList)
    for index, block in enumerate(blocks):
        block.register_forward_pre_hook(_residual(index), with_kwargs=True)
        block.get_submodule(family.attention).register_forward_hook(_attention(index))
        attention_out, mlp_out = block.get_submodule(family.attention_out), block.get_submodule(family.mlp_out)
        attention_out.register_forward_pre_hook(_head_norms(index, last_map(attention_out), n_heads))
        mlp_out.register_forward_pre_hook(_neurons(index, last_map(mlp_out)))
    network.get_submodule(family.final_norm).register_forward_pre_hook(_residual(len(blocks)), with_kwargs=True)


def last_map(module: nn.Module) -> Tensor:
    """The weight of a part's last linear map, (inputs, d_model). GPT-2's Conv1D stores it so, Linear transposed."""
    weight = module.weight
    assert isinstance(weight, Tensor)
    return weight.T if isinstance(module, nn.Linear) else weight


def tile_width(n_neurons: int) -> int:
    """Neurons in one tile of the picture: as few as give at most 64 tiles a block. The last tile may be narrower."""
    return -(-n_neurons // MAX_TILES)


def _residual(index: int) -> Callable[..., None]:
    def hook(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if (record := _RECORDER.get()) is not None:
            record[f"residual.{index}"] = (args[0] if args else kwargs["hidden_states"])[0]

    return hook


def _attention(index: int) -> Callable[..., None]:
    def hook(_module: nn.Module, _args: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        if (record := _RECORDER.get()) is not None:
            record[f"attention.{index}"] = output[1][0]

    return hook


def _head_norms(index: int, weight: Tensor, n_heads: int) -> Callable[..., None]:
    gram = _gram(weight, weight.shape[0] // n_heads)

    def hook(_module: nn.Module, args: tuple[Tensor]) -> None:
        if (record := _RECORDER.get()) is not None:
            record[f"head_norms.{index}"] = _written_norms(args[0].reshape(-1, weight.shape[0]), gram)

    return hook


def _neurons(index: int, weight: Tensor) -> Callable[..., None]:
    gram = _gram(weight, tile_width(weight.shape[0]))

    def hook(_module: nn.Module, args: tuple[Tensor]) -> None:
        if (record := _RECORDER.get()) is not None:
            neurons = args[0].reshape(-1, weight.shape[0])  # OPT flattens batch and positions
            record[f"neurons.{index}"] = neurons
            record[f"tile_norms.{index}"] = _written_norms(neurons, gram)

    return hook


def _gram(weight: Tensor, width: int) -> Tensor:
    """W_g W_gᵀ for each group of `width` inputs, (groups, width, width); the last group is padded with zeros.

    With it the norm of what a group writes, ‖x_g W_g‖, needs no d_model-wide product for each token.
    """
    missing = -weight.shape[0] % width
    grouped = torch.cat([weight, weight.new_zeros(missing, weight.shape[1])]).reshape(-1, width, weight.shape[1])
    return grouped @ grouped.mT


def _written_norms(inputs: Tensor, gram: Tensor) -> Tensor:
    """The L2 norm of what each group of inputs adds to the residual stream, (n_positions, groups)."""
    groups, width, _ = gram.shape
    padded = nn.functional.pad(inputs, (0, groups * width - inputs.shape[1]))
    x = padded.reshape(-1, groups, width).transpose(0, 1)
    squares = ((x @ gram) * x).sum(-1).T
    return squares.clamp(min=0).sqrt()
