"""How large things are inside: the residual stream of each token through the blocks, and the neurons of one block."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.choices import check_choice
from analysis.selection import Selection
from analysis.tokens import Token
from analysis.trace import Float, Trace

ActivationQuantity = Literal["norm", "mean"]
ActivationNeurons = Literal["tile", "strongest"]
N_STRONGEST = 16


@dataclass(frozen=True, eq=False)
class ActivationResult:
    """The residual stream at all places, and neurons of one block.

    tokens: those of the text. block, position, quantity: what was asked.
    stream: (n_positions, n_blocks + 1), the L2 norm of the residual stream, or the mean over its dimensions, as it
    enters block 0 and as it leaves each block.
    chosen: whether a neuron was asked for. neuron: that one, else the strongest; None without a block, as are those
    that follow. values: (n_positions,), the neuron after its activation function, of either sign.
    strongest: the neuron with the largest absolute value at the position; strongest_value: that value, with its sign.
    listed: (n_listed,), neuron numbers: by listing, those of the neuron's tile in their order, or the strongest of the
    block, largest absolute value first. listed_values: (n_listed,), their values at the position.
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


def compute_activation(
    trace: Trace,
    selection: Selection,
    position: int,
    *,
    quantity: ActivationQuantity = "norm",
    listing: ActivationNeurons = "tile",
) -> ActivationResult:
    """The residual stream's size for every token through all blocks, and neurons of a block at a position.

    A neuron is a unit of the MLP after its activation function, one input of its last linear map; a tile is the
    contiguous neurons that are drawn as one. Where no neuron is asked for, the strongest of the block are listed.
    Raises: SelectionError for a quantity or a listing that does not exist.
    """
    check_choice(quantity, ActivationQuantity, "the quantity of the residual stream")
    check_choice(listing, ActivationNeurons, "the listing of neurons")
    block, neuron = selection.block, selection.neuron
    stream = _stream(trace, quantity)
    if block is None:
        return ActivationResult(trace.tokens, None, position, quantity, listing, stream)
    here = trace.neurons(block, at=position)
    order = np.argsort(-np.abs(here), kind="stable")
    strongest = int(order[0])
    shown = strongest if neuron is None else neuron
    if neuron is None:
        listing = "strongest"
    if listing == "tile":
        start = shown - shown % trace.info.tile_width
        listed = np.arange(start, min(start + trace.info.tile_width, len(here)))
    else:
        listed = order[:N_STRONGEST]
    return ActivationResult(
        tokens=trace.tokens,
        block=block,
        position=position,
        quantity=quantity,
        listing=listing,
        stream=stream,
        chosen=neuron is not None,
        neuron=shown,
        values=trace.neurons(block, at=np.s_[:, shown]),
        strongest=strongest,
        strongest_value=float(here[strongest]),
        listed=listed,
        listed_values=here[listed],
    )


def _stream(trace: Trace, quantity: ActivationQuantity) -> Float:
    residuals = (trace.residual(i) for i in range(trace.info.n_blocks + 1))
    if quantity == "mean":
        columns = [residual.mean(axis=1) for residual in residuals]
    else:
        columns = [np.linalg.norm(residual, axis=1) for residual in residuals]
    return np.stack(columns, axis=1)
