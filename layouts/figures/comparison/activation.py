"""The sentence about the activations of A minus those of B, whose figures are those of the activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layouts.figures.activation import signed_digits
from layouts.figures.text import ALL_EQUAL, quoted

if TYPE_CHECKING:
    from analysis.activation import ActivationResult


def activation_difference_reading(result: ActivationResult) -> str:
    """One sentence on the selected token's stream and on the neuron shown, in A and in B."""
    assert result.compared is not None
    label = quoted(result.tokens[result.position].label)
    if not result.compared[result.position]:
        return f"B has no counterpart of {label}. Select another token to compare its activations."
    numbers = [result.stream, *(part for part in (result.values, result.listed_values) if part is not None)]
    if not any(np.nan_to_num(part).any() for part in numbers):
        return ALL_EQUAL
    return f"{_stream(result, label)}{_neuron(result)}."


def _stream(result: ActivationResult, label: str) -> str:
    here = result.stream[result.position]
    if not np.isfinite(here).any():
        return f"The vector of {label} is not finite in A or in B"
    if not np.nan_to_num(here).any():
        return f"The vector of {label} has the same {result.quantity} in A and in B at every depth"
    depth = int(np.nanargmax(np.abs(here)))
    where = f"after block {depth - 1}" if depth else "before block 0"
    what, unit = ("length", "L2 norm ") if result.quantity == "norm" else ("mean", "")
    return f"The {what} of the vector of {label} differs most {where} ({unit}{signed_digits(here[depth])}, A − B)"


def _neuron(result: ActivationResult) -> str:
    if result.values is None:
        return ""
    value = result.values[result.position]
    if result.strongest_value == 0:
        return "; no neuron of the block differs here"
    strongest = f"neuron {result.strongest} of block {result.block}"
    if not result.chosen or result.neuron == result.strongest:
        return f"; {strongest} differs most here ({signed_digits(result.strongest_value)})"
    most = f"{strongest} differs most ({signed_digits(result.strongest_value)})"
    return f"; neuron {result.neuron} differs by {signed_digits(value)} here, and {most}"
