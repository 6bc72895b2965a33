"""Callback of the activations panel: computes the result for a selection and draws it."""

from functools import partial
from typing import Any

from dash import Dash, Input, Output, Patch, State

from analysis.activation import ActivationNeurons, ActivationQuantity, ActivationResult, compute_activation
from analysis.comparison.activation import compute_activation_difference
from analysis.comparison.pair import Comparison
from analysis.selection import Part, Selection
from analysis.trace import Prompt
from callbacks.panel import PanelCallback, Values, digest, panel_callback
from callbacks.services import Services
from layouts import ids
from layouts.activation import NAME, NEURON_GRAPH, NEURONS, NEURONS_GRAPH, QUANTITY
from layouts.figures.activation import (
    activation_changes,
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
            "lines": Output(ids.panel(NAME), "data-lines"),
        },
        choices={"quantity": Input(QUANTITY, "value"), "listing": Input(NEURONS, "value")},
        state={"lines": State(ids.panel(NAME), "data-lines")},
    )


def draw_activation(
    services: Services,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    quantity: ActivationQuantity = "norm",
    listing: ActivationNeurons = "tile",
    lines: str = "",
) -> Values:
    """Lines (`figure`), the bars of one neuron (`neuron`) and of many (`neurons`), title, reading, and a digest of what
    the lines of all tokens are drawn from (`lines`).

    lines: the digest of those that the page shows. If it is the same, only the rest of the figure is sent.
    """
    look = THEMES[theme]
    trace = services.trace(prompt)
    position = services.position(trace, selection)
    result = compute_activation(trace, selection, position, quantity=quantity, listing=listing)
    edge = _edge(selection, trace.info.n_blocks)
    drawn_from = digest(trace.info.fingerprint, prompt, quantity, theme, edge is None)
    return (
        _figures(result, _NO_NEURONS, look)
        | _stream(result, edge, lines, drawn_from, look)
        | {
            "title": f"Activations · {_shown(selection)}",
            "reading": activation_reading(result),
            "results": {NAME: result},
        }
    )


def draw_activation_difference(
    services: Services,
    comparison: Comparison,
    selection: Selection,
    *,
    theme: str = "light",
    quantity: ActivationQuantity = "norm",
    listing: ActivationNeurons = "tile",
    lines: str = "",
) -> Values:
    """As `draw_activation`, of A minus B; neurons that cannot be compared are a message in the place of their bars."""
    trace, block = comparison.a, selection.block
    position = services.position(trace, selection)
    result = compute_activation_difference(comparison, selection, position, quantity=quantity, listing=listing)
    reason = _NO_NEURONS
    if block is not None:
        reason = comparison.unequal("n_neurons", "Neurons") or comparison.missing_block(block)
    look, edge = THEMES[theme], _edge(selection, trace.info.n_blocks)
    drawn_from = digest(trace.info.fingerprint, trace.prompt, comparison.digest, quantity, theme, edge is None)
    figures = _figures(result, reason, look)
    if result.values is not None and (missing := comparison.missing_position(position)):
        figures["neurons"] = empty_figure(missing, theme=look)
        if not result.chosen:  # which one differs most is not known
            figures["neuron"] = figures["neurons"]
    return (
        figures
        | _stream(result, edge, lines, drawn_from, look)
        | {
            "title": f"Activations · A − B · {_shown(selection)}",
            "reading": " ".join(
                filter(None, [activation_difference_reading(result), reason if block is not None else ""])
            ),
            "results": {NAME: result},
        }
    )


def _shown(selection: Selection) -> str:
    if selection.block is None:
        return selection.part.value
    return f"block {selection.block}" + ("" if selection.neuron is None else f", neuron {selection.neuron}")


def _edge(selection: Selection, n_blocks: int) -> int | None:
    """The number of blocks before a part outside of them; None for a part of a block."""
    if selection.block is not None:
        return None
    return 0 if selection.part is Part.EMBEDDING else n_blocks


def _stream(result: ActivationResult, edge: int | None, shown: str, drawn_from: str, theme: Theme) -> dict[str, Any]:
    """The lines of the residual stream, or all but those of all tokens if the page shows them already; their digest."""
    if shown != drawn_from:
        return {"figure": activation_figure(result, edge=edge, theme=theme), "lines": drawn_from}
    figure: Any = Patch()
    traces, layout = activation_changes(result, edge=edge, theme=theme)
    for index, trace in enumerate(traces, start=1):
        figure["data"][index] = trace
    figure["layout"] = layout
    return {"figure": figure, "lines": drawn_from}


def _figures(result: ActivationResult, reason: str, theme: Theme) -> dict[str, Any]:
    """The bars of neurons. reason: why there are none, if there are none."""
    if result.values is None:
        return dict.fromkeys(("neuron", "neurons"), empty_figure(reason, theme=theme))
    return {
        "neuron": activation_neuron_figure(result, theme=theme),
        "neurons": activation_neurons_figure(result, theme=theme),
    }
