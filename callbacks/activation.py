"""Callback of the activations panel: computes the result for a selection and draws it."""

from functools import partial

from dash import Dash, Input, Output

from analysis.activation import ActivationNeurons, ActivationQuantity, compute_activation
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
from layouts.figures.empty import empty_figure
from layouts.theme import THEMES


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the panel for a prompt, a selection, a quantity and a listing of neurons."""
    return panel_callback(
        NAME,
        partial(draw_activation, services),
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
    shown = selection.part.value
    if selection.block is not None:
        shown = f"block {selection.block}" + ("" if selection.neuron is None else f", neuron {selection.neuron}")
    texts = {"title": f"Activations · {shown}", "reading": activation_reading(result)}
    if selection.block is None:
        edge = 0 if selection.part is Part.EMBEDDING else trace.info.n_blocks
        none = empty_figure("This part has no neurons. Select a block.", theme=look)
        return {"figure": activation_figure(result, edge=edge, theme=look), "neuron": none, "neurons": none, **texts}
    return {
        "figure": activation_figure(result, theme=look),
        "neuron": activation_neuron_figure(result, theme=look),
        "neurons": activation_neurons_figure(result, theme=look),
        **texts,
    }
