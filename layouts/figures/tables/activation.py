"""Tables of the activations panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layouts.figures.tables.table import Table, tidy, token_columns

if TYPE_CHECKING:
    from analysis.activation import ActivationResult

_QUANTITIES = {"norm": "L2 norm", "mean": "mean"}


def activation_tables(activation: ActivationResult) -> list[Table]:
    """The residual stream at every depth; one neuron at every position, and several at the selected one."""
    minus = "" if activation.compared is None else ", A minus B"
    quantity = f"{_QUANTITIES[activation.quantity]}{minus}"
    rows = tidy(("position", "blocks passed"), {quantity: activation.stream})
    tables = [
        Table(
            "residual stream",
            f"{quantity} of the residual stream at each position, as it enters block 0 and after each block.",
            {**token_columns(activation.tokens, rows["position"]), **rows},
        )
    ]
    if activation.values is None or activation.listed is None or activation.listed_values is None:
        return tables
    block, value = activation.block, f"value{minus}"
    return [
        *tables,
        Table(
            "neuron",
            f"Neuron {activation.neuron} of block {block} at each position, after the activation function{minus}.",
            {
                "block": np.full(len(activation.values), block),
                "neuron": np.full(len(activation.values), activation.neuron),
                **token_columns(activation.tokens),
                value: activation.values,
            },
        ),
        Table(
            "neurons",
            f"Neurons of block {block} at position {activation.position}, after the activation function{minus}.",
            {
                "block": np.full(len(activation.listed), block),
                "neuron": activation.listed,
                "position": np.full(len(activation.listed), activation.position),
                value: activation.listed_values,
            },
        ),
    ]
