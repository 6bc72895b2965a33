"""The activations panel: fetch, guard, draw."""

from typing import Any

from dash import Dash, Input, Output

from analysis.activation import ActivationNeurons, ActivationQuantity, compute_activation
from analysis.selection import Part, Selection
from analysis.trace import Prompt
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


def register(app: Dash, services: Any) -> None:
    """Redraw the panel when the prompt, the selection, the theme or a choice changes."""

    @app.callback(
        Output(ids.graph(NAME), "figure"),
        Output(NEURON_GRAPH, "figure"),
        Output(NEURONS_GRAPH, "figure"),
        Output(ids.title(NAME), "children"),
        Output(ids.reading(NAME), "children"),
        Output(ids.panel(NAME), "data-selection"),
        Input(ids.PROMPT, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.THEME, "data"),
        Input(QUANTITY, "value"),
        Input(NEURONS, "value"),
        running=[(Output(ids.panel(NAME), "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    def draw(
        prompt: Any, selection: Any, theme: str, quantity: ActivationQuantity, listing: ActivationNeurons
    ) -> tuple[Any, ...]:
        asked, selected = services.question(prompt, selection)
        return draw_activation(services, asked, selected, theme=theme, quantity=quantity, listing=listing)


def draw_activation(
    services: Any,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    quantity: ActivationQuantity = "norm",
    listing: ActivationNeurons = "tile",
) -> tuple[Any, ...]:
    """Lines, the bars of one neuron and of many, title, reading and the selection that they show."""
    look = THEMES[theme]
    trace = services.trace(prompt)
    position = services.position(trace, selection)
    result = compute_activation(trace, selection, position, quantity=quantity, listing=listing)
    if selection.block is None:
        edge = 0 if selection.part is Part.EMBEDDING else trace.info.n_blocks
        none = empty_figure("This part has no neurons. Select a block.", theme=look)
        figures = activation_figure(result, edge=edge, theme=look), none, none
        place = selection.part.value
    else:
        figures = (
            activation_figure(result, theme=look),
            activation_neuron_figure(result, theme=look),
            activation_neurons_figure(result, theme=look),
        )
        place = f"block {selection.block}" + ("" if selection.neuron is None else f", neuron {selection.neuron}")
    return *figures, f"Activations · {place}", activation_reading(result), str(selection)
