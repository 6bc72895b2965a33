"""Forward hooks that record a pass or change it: installed once per network, and inactive unless they are asked for.

Recorder and edits are held in ContextVars, so concurrent passes in other threads are neither recorded nor changed. (A
hook that is registered around a call is active in every thread.)
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from analysis.families import Family
from analysis.model_info import tile_width


class Recorder(Protocol):
    """Receives arrays by name, as a dictionary does. An array that it does not keep is freed as the pass goes on."""

    def __setitem__(self, name: str, array: Tensor, /) -> None: ...


AnyRecorder = TypeVar("AnyRecorder", bound=Recorder)
Edit = Callable[[Tensor], Tensor]  # from the values of a site to those that the pass goes on with, of the same shape
_RECORDER: ContextVar[Recorder | None] = ContextVar("recorder", default=None)
_EDITS: ContextVar[Mapping[str, Edit] | None] = ContextVar("edits", default=None)


@contextmanager
def recording(recorder: AnyRecorder) -> Iterator[AnyRecorder]:
    """A context in which a forward pass of this thread gives the recorder the arrays that `Trace` describes."""
    token = _RECORDER.set(recorder)
    try:
        yield recorder
    finally:
        _RECORDER.reset(token)


@contextmanager
def editing(edits: Mapping[str, Edit]) -> Iterator[None]:
    """A context in which forward passes of this thread go on with edited values; a recorder is given these, too.

    The sites, by the names of the edits, for block B:

    - `residual.B`: the residual stream that enters the block, (..., d_model).
    - `head_outputs.B`, `neurons.B`: the input of the last linear map of attention, with the heads beside each other,
      and of the MLP.
    - `attention.B`, `mlp.B`: what attention and MLP add to the residual stream, after a norm of their own if there is
      one. Without the stream itself, which a block's output contains.

    The leading axes are batch and position; OPT's MLP has flattened them into one.
    """
    token = _EDITS.set(edits)
    try:
        yield
    finally:
        _EDITS.reset(token)


def install_hooks(network: nn.Module, family: Family, n_heads: int) -> None:
    """Register the hooks of a network. Call it once, when the network is loaded."""
    blocks = network.get_submodule(family.blocks)
    assert isinstance(blocks, nn.ModuleList)
    for index, block in enumerate(blocks):
        block.register_forward_pre_hook(_edit_stream(f"residual.{index}"), with_kwargs=True)
        block.register_forward_pre_hook(_residual(index), with_kwargs=True)
        block.get_submodule(family.attention).register_forward_hook(_attention(index))
        attention_out, mlp_out = block.get_submodule(family.attention_out), block.get_submodule(family.mlp_out)
        attention_norm = block.get_submodule(family.attention_norm) if family.attention_norm else None
        mlp_norm = block.get_submodule(family.mlp_norm) if family.mlp_norm else None
        attention_out.register_forward_pre_hook(_edit_input(f"head_outputs.{index}"))
        mlp_out.register_forward_pre_hook(_edit_input(f"neurons.{index}"))
        attention_out.register_forward_hook(_heads(index, attention_out, attention_norm, n_heads))
        mlp_out.register_forward_hook(_neurons(index, mlp_out, mlp_norm))
        (attention_norm or attention_out).register_forward_hook(_edit_output(f"attention.{index}"))
        (mlp_norm or mlp_out).register_forward_hook(_edit_output(f"mlp.{index}"))
    blocks[-1].register_forward_hook(_last_residual(len(blocks)))  # not the final norm, which nanochat runs twice


def last_map(module: nn.Module) -> Tensor:
    """The weight of a linear map, (inputs, d_model). GPT-2's Conv1D stores it like this, `Linear` transposed."""
    weight = module.weight
    assert isinstance(weight, Tensor)
    return weight.T if isinstance(module, nn.Linear) else weight


def _edit_of(site: str) -> Edit | None:
    edits = _EDITS.get()
    return None if edits is None else edits.get(site)


def _edit_stream(site: str) -> Callable[..., Any]:
    def hook(_block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if (edit := _edit_of(site)) is None:
            return None
        if args:
            return (edit(args[0]), *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": edit(kwargs["hidden_states"])}

    return hook


def _edit_input(site: str) -> Callable[..., Any]:
    def hook(_module: nn.Module, args: tuple[Tensor, ...]) -> Any:
        return None if (edit := _edit_of(site)) is None else (edit(args[0]), *args[1:])

    return hook


def _edit_output(site: str) -> Callable[..., Any]:
    def hook(_module: nn.Module, _args: tuple[Any, ...], output: Tensor) -> Any:
        return None if (edit := _edit_of(site)) is None else edit(output)

    return hook


def _residual(index: int) -> Callable[..., None]:
    def hook(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if (recorder := _RECORDER.get()) is not None:
            recorder[f"residual.{index}"] = (args[0] if args else kwargs["hidden_states"])[0]

    return hook


def _last_residual(index: int) -> Callable[..., None]:
    def hook(_block: nn.Module, _args: tuple[Any, ...], output: Any) -> None:
        if (recorder := _RECORDER.get()) is not None:
            recorder[f"residual.{index}"] = (output[0] if isinstance(output, tuple) else output)[0]

    return hook


def _attention(index: int) -> Callable[..., None]:
    def hook(_module: nn.Module, _args: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        if (recorder := _RECORDER.get()) is not None:
            recorder[f"attention.{index}"] = output[1][0]

    return hook


def _heads(index: int, last: nn.Module, norm: nn.Module | None, n_heads: int) -> Callable[..., None]:
    n_inputs = last_map(last).shape[0]
    width = n_inputs // n_heads
    norms = _written_norms_of(last, norm, width)

    def hook(_module: nn.Module, args: tuple[Tensor], output: Tensor) -> None:
        if (recorder := _RECORDER.get()) is not None:
            inputs = args[0].reshape(-1, n_inputs)
            recorder[f"head_outputs.{index}"] = inputs.reshape(-1, n_heads, width)
            recorder[f"head_norms.{index}"] = norms(inputs, output)

    return hook


def _neurons(index: int, last: nn.Module, norm: nn.Module | None) -> Callable[..., None]:
    n_neurons = last_map(last).shape[0]
    norms = _written_norms_of(last, norm, tile_width(n_neurons))

    def hook(_module: nn.Module, args: tuple[Tensor], output: Tensor) -> None:
        if (recorder := _RECORDER.get()) is not None:
            neurons = args[0].reshape(-1, n_neurons)  # OPT flattens batch and positions
            recorder[f"neurons.{index}"] = neurons
            recorder[f"tile_norms.{index}"] = norms(neurons, output)

    return hook


def _written_norms_of(last: nn.Module, norm: nn.Module | None, width: int) -> Callable[[Tensor, Tensor], Tensor]:
    """A function of a last linear map's inputs and output: the L2 norm of what each group of `width` inputs adds to
    the residual stream.

    An RMSNorm that follows multiplies everything that is written at a position by one number, and each dimension by a
    gain. With these held constant it is linear, so the groups still sum to what their part adds.
    """
    weight = last_map(last)
    if norm is None:
        gram = _gram(weight, width)
        return lambda inputs, _output: _written_norms(inputs, gram)
    eps = norm.eps if hasattr(norm, "eps") else norm.variance_epsilon
    assert isinstance(eps, float)
    even = weight.new_full((1, weight.shape[1]), 1e3)
    with torch.no_grad():
        gram = _gram(
            weight * norm(even), width
        )  # a norm of equal numbers gives its gains, in whatever form it stores them

    def norms(inputs: Tensor, output: Tensor) -> Tensor:
        size = output.reshape(-1, weight.shape[1]).square().mean(-1, keepdim=True).add(eps).sqrt()
        return _written_norms(inputs, gram) / size

    return norms


def _gram(weight: Tensor, width: int) -> Tensor:
    """W_g W_gᵀ for each group of `width` inputs, (groups, width, width); the last group is padded with zeros.

    It gives the norm of what a group writes, ‖x_g W_g‖, without a d_model-wide product for each token.
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
