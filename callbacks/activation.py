"""Callback of the activations panel: computes the result for a selection and draws it."""

from functools import partial
from typing import Any

from dash import Dash, Input, Output

from analysis.activation import ActivationNeurons, ActivationQuantity, ActivationResult, compute_activation
from analysis.comparison.activation import compute_activation_difference
from analysis.comparison.pair import Comparison
from analysis.selection import Part, Selection
from analysis.trace import Prompt
from callbacks.panel import PanelCallback, Values, panel_callback
from callbacks.services import Services
from layouts import ids
from layouts.activation import NAME, NEURON_GRAPH, NEURONS, NEURONS_GRAPH, QUANTITY
from layouts.figures.activation import (
    activation_figure,
    activation_neuron_figure,
    activation_neurons_figure,
    activation_reading,
)
from layouts.figures.comparison.activation import activation_difference_reading
from layouts.figures.empty import empty_figure
from layouts.figures.tables.activation import activation_tables
from layouts.theme import THEMES, Theme

_NO_NEURONS = "This part has no neurons. Select a block."


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the panel for a prompt, a selection, a quantity and a listing of neurons."""
    return panel_callback(
        NAME,
        partial(draw_activation, services),
        tables=activation_tables,
        difference=partial(draw_activation_difference, services),
        outputs={
            "figure": Output(ids.graph(NAME), "figure"),
            "neuron": Output(NEURON_GRAPH, "figure"),
            "neurons": Output(NEURONS_GRAPH, "figure"),
        },
        choices={"quantity": Input(QUANTITY, "value"), "listing": Input(NEURONS, "value")},
    )


def draw_activation(
    services: Services,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    quantity: ActivationQuantity = "norm",
    listing: ActivationNeurons = "tile",
) -> Values:
    """Lines (`figure`), the bars of one neuron (`neuron`) and of many (`neurons`), title and reading."""
    look = THEMES[theme]
    trace = services.trace(prompt)
    position = services.position(trace, selection)
    result = compute_activation(trace, selection, position, quantity=quantity, listing=listing)
    return _figures(result, selection, trace.info.n_blocks, _NO_NEURONS, look) | {
        "title": f"Activations · {_shown(selection)}",
        "reading": activation_reading(result),
        "results": {NAME: result},
    }


def draw_activation_difference(
    services: Services,
    comparison: Comparison,
    selection: Selection,
    *,
    theme: str = "light",
    quantity: ActivationQuantity = "norm",
    listing: ActivationNeurons = "tile",
) -> Values:
    """As `draw_activation`, of A minus B; neurons that cannot be compared are a message in the place of their bars."""
    trace, block = comparison.a, selection.block
    position = services.position(trace, selection)
    result = compute_activation_difference(comparison, selection, position, quantity=quantity, listing=listing)
    reason = _NO_NEURONS
    if block is not None:
        reason = comparison.unequal("n_neurons", "Neurons") or comparison.missing_block(block)
    figures = _figures(result, selection, trace.info.n_blocks, reason, THEMES[theme])
    if result.values is not None and (missing := comparison.missing_position(position)):
        figures["neurons"] = empty_figure(missing, theme=THEMES[theme])
        if not result.chosen:  # which one differs most is not known
            figures["neuron"] = figures["neurons"]
    return figures | {
        "title": f"Activations · A − B · {_shown(selection)}",
        "reading": " ".join(filter(None, [activation_difference_reading(result), reason if block is not None else ""])),
        "results": {NAME: result},
    }


def _shown(selection: Selection) -> str:
    if selection.block is None:
        return selection.part.value
    return f"block {selection.block}" + ("" if selection.neuron is None else f", neuron {selection.neuron}")


def _figures(
    result: ActivationResult, selection: Selection, n_blocks: int, reason: str, theme: Theme
) -> dict[str, Any]:
    """reason: why there are no neurons, if there are none."""
    edge = None
    if selection.block is None:
        edge = 0 if selection.part is Part.EMBEDDING else n_blocks
    figures = {"figure": activation_figure(result, edge=edge, theme=theme)}
    if result.values is None:
        return figures | dict.fromkeys(("neuron", "neurons"), empty_figure(reason, theme=theme))
    return figures | {
        "neuron": activation_neuron_figure(result, theme=theme),
        "neurons": activation_neurons_figure(result, theme=theme),
    }
