"""Callback of the attention panel: computes the result for a selection and draws it."""

from functools import partial

from dash import Dash, Input, Output

from analysis.attention import ShownView, compute_attention
from analysis.causes.value_weighted import compute_value_weighted
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.panel import PanelCallback, Values, panel_callback
from callbacks.services import Services
from layouts import ids
from layouts.attention import HEADS_GRAPH, NAME, VIEW
from layouts.figures.attention import attention_figure, attention_heads_figure, attention_label, attention_reading
from layouts.figures.empty import empty_figure
from layouts.theme import THEMES


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the panel for a prompt, a selection and a view."""
    return panel_callback(
        NAME,
        partial(draw_attention, services),
        outputs={"figure": Output(ids.graph(NAME), "figure"), "heads": Output(HEADS_GRAPH, "figure")},
        choices={"view": Input(VIEW, "value")},
    )


def draw_attention(
    services: Services, prompt: Prompt, selection: Selection, *, theme: str = "light", view: ShownView = "raw"
) -> Values:
    """Heat map (`figure`), small multiples (`heads`), title and reading."""
    look = THEMES[theme]
    if selection.block is None:
        none = empty_figure("This part has no attention. Select a block.", theme=look)
        return {"figure": none, "heads": empty_figure("", theme=look), "title": "Attention", "reading": ""}
    trace = services.trace(prompt)
    position = services.position(trace, selection)
    if view == "value_weighted":
        result = compute_value_weighted(services.model(prompt), trace, selection, position)
    else:
        derived = partial(services.derived, trace)
        result = compute_attention(trace, selection, position, view=view, derived=derived)
    return {
        "figure": attention_figure(result, theme=look),
        "heads": attention_heads_figure(result, theme=look),
        "title": f"Attention · {attention_label(result)}",
        "reading": attention_reading(result),
    }
