"""Activations of A minus those of B: the residual stream through the blocks, and MLP neurons of one block."""

from dataclasses import replace

import numpy as np

from analysis.activation import (
    ActivationNeurons,
    ActivationQuantity,
    ActivationResult,
    compute_activation,
    finite,
    stream_sizes,
    with_neurons,
)
from analysis.comparison.pair import Comparison
from analysis.selection import Part, Selection
from analysis.trace import Float


def compute_activation_difference(
    comparison: Comparison,
    selection: Selection,
    position: int,
    *,
    quantity: ActivationQuantity = "norm",
    listing: ActivationNeurons = "tile",
) -> ActivationResult:
    """A's activations minus B's, at the positions of A; `compared` of the result says which of these B has.

    `stream` is NaN at positions and depths that B does not have. Without a selected neuron, the one with the largest
    difference in size at the position is shown, and these are what "strongest" lists. If B has no counterpart of the
    position, `listed_values` is NaN; if the models' neurons cannot be compared, or B has no such block, all attributes
    from `neuron` on are None.

    Raises: SelectionError for a quantity or a listing that does not exist.
    """
    a, b, block = comparison.a, comparison.b, selection.block
    # Checks the choices, too. Neurons are added below.
    whole = compute_activation(a, Selection(Part.OUTPUT), position, quantity=quantity, listing=listing)
    stream = np.full_like(whole.stream, np.nan)
    shared = comparison.on_a(stream_sizes(b, quantity), 0)[:, : stream.shape[1]]
    stream[:, : shared.shape[1]] = whole.stream[:, : shared.shape[1]] - shared
    result = replace(whole, block=block, stream=stream, compared=comparison.aligned >= 0)
    if block is None or comparison.unequal("n_neurons", "Neurons") or comparison.missing_block(block):
        return result
    here: Float = finite(a.neurons(block, at=position))
    there = int(comparison.aligned[position])
    values = here - finite(b.neurons(block, at=there)) if there >= 0 else np.full_like(here, np.nan)

    def by_position(neuron: int) -> Float:
        column = np.s_[:, neuron]
        return finite(a.neurons(block, at=column)) - comparison.on_a(finite(b.neurons(block, at=column)), 0)

    return with_neurons(result, values, selection.neuron, a.info, by_position)
