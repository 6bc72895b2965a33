"""Activations: the residual stream of each token through the blocks, and the MLP neurons of one block."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from analysis.errors import check_choice
from analysis.model_info import ModelInfo
from analysis.selection import Selection
from analysis.tokens import Token
from analysis.trace import Float, Trace

ActivationQuantity = Literal["norm", "mean"]
ActivationNeurons = Literal["tile", "strongest"]
N_STRONGEST = 16


@dataclass(frozen=True, eq=False)
class ActivationResult:
    """The residual stream at every depth, and MLP neurons of one block.

    Attributes
    ----------
    tokens : tuple of Token
        The tokens of the text.
    block, position, quantity : int or None, int, "norm" or "mean"
        As requested. Without a block, all attributes from `neuron` on are None.
    listing : "tile" or "strongest"
        What `listed` holds.
    stream : float32 array (n_positions, n_blocks + 1)
        L2 norm of the residual stream (0 or more), or mean over its dimensions (any sign): first as it enters block 0,
        then as it leaves each block. NaN where it is not finite, as in the values of neurons.
    chosen : bool
        Whether a neuron was requested.
    neuron : int
        The requested neuron, else the strongest one.
    values : float32 array (n_positions,)
        That neuron at every position, after the activation function, of any sign.
    strongest, strongest_value : int, float
        The neuron with the largest absolute value at the position, and its value with its sign.
    listed : int64 array (n_listed,)
        Neuron numbers: the neuron's tile in order, or the strongest of the block by absolute value, largest first.
    listed_values : float32 array (n_listed,)
        Values of the listed neurons at the position.
    compared : bool array (n_positions,) or None
        For A minus B, the positions of A that have a counterpart in B; all values are then differences, NaN where B has
        no counterpart, and "strongest" means the largest in size. None for the values of one text.
    """

    tokens: tuple[Token, ...]
    block: int | None
    position: int
    quantity: ActivationQuantity
    listing: ActivationNeurons
    stream: Float
    chosen: bool = False
    neuron: int | None = None
    values: Float | None = None
    strongest: int | None = None
    strongest_value: float | None = None
    listed: NDArray[np.int64] | None = None
    listed_values: Float | None = None
    compared: NDArray[np.bool_] | None = None


def compute_activation(
    trace: Trace,
    selection: Selection,
    position: int,
    *,
    quantity: ActivationQuantity = "norm",
    listing: ActivationNeurons = "tile",
) -> ActivationResult:
    """Size of every token's residual stream through all blocks, and MLP neurons of one block at a position.

    A neuron is one input of the MLP's last linear map, after the activation function. A tile is the contiguous neurons
    that the 3D scene draws as one box. If no neuron is selected, the strongest of the block is shown.

    Raises: SelectionError for a quantity or a listing that does not exist.
    """
    check_choice(quantity, ActivationQuantity, "the quantity of the residual stream")
    check_choice(listing, ActivationNeurons, "the listing of neurons")
    block, neuron = selection.block, selection.neuron
    stream = stream_sizes(trace, quantity)
    if block is None:
        return ActivationResult(trace.tokens, None, position, quantity, listing, stream)
    here = finite(trace.neurons(block, at=position))
    whole = ActivationResult(trace.tokens, block, position, quantity, listing, stream)
    return with_neurons(whole, here, neuron, trace.info, lambda shown: finite(trace.neurons(block, at=np.s_[:, shown])))


def with_neurons(
    result: ActivationResult,
    here: Float,
    neuron: int | None,
    info: ModelInfo,
    values: Callable[[int], Float],
) -> ActivationResult:
    """The result with neurons. here: (n_neurons,), the values at the position. neuron: the requested one. values: reads
    a neuron at every position.
    """
    sizes = np.where(np.isnan(here), -1, np.abs(here))
    strongest = int(sizes.argmax())
    shown = strongest if neuron is None else neuron
    if result.listing == "tile":
        start = shown - shown % info.tile_width
        listed = np.arange(start, min(start + info.tile_width, len(here)))
    else:
        listed = np.argsort(-sizes, kind="stable")[:N_STRONGEST]
    return replace(
        result,
        chosen=neuron is not None,
        neuron=shown,
        values=values(shown),
        strongest=strongest,
        strongest_value=float(here[strongest]),
        listed=listed,
        listed_values=here[listed],
    )


# The same for all selections.
_SIZES: WeakKeyDictionary[Trace, dict[ActivationQuantity, Float]] = WeakKeyDictionary()


def stream_sizes(trace: Trace, quantity: ActivationQuantity) -> Float:
    """The norm or the mean of the residual stream, (n_positions, n_blocks + 1)."""
    known = _SIZES.setdefault(trace, {})
    if quantity not in known:
        known[quantity] = _stream_sizes(trace, quantity)
        known[quantity].flags.writeable = False
    return known[quantity]


def _stream_sizes(trace: Trace, quantity: ActivationQuantity) -> Float:
    residuals = (trace.residual(i) for i in range(trace.info.n_blocks + 1))
    if quantity == "mean":
        columns = [residual.mean(axis=1) for residual in residuals]
    else:
        columns = [np.linalg.norm(residual, axis=1) for residual in residuals]
    return finite(np.stack(columns, axis=1))


def finite(values: Float) -> Float:
    """The values with NaN for each that is infinite."""
    return np.where(np.isfinite(values), values, np.float32(np.nan))
