"""Callback of the attention panel: computes the result for a selection and draws it."""

from functools import partial
from typing import Any

from dash import Dash, Input, Output

from analysis.attention import ShownView, compute_attention
from analysis.causes.value_weighted import compute_value_weighted
from analysis.comparison.attention import compute_attention_difference
from analysis.comparison.pair import Comparison
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.panel import PanelCallback, Values, panel_callback
from callbacks.services import Services
from layouts import ids
from layouts.attention import HEADS_GRAPH, NAME, VIEW
from layouts.figures.attention import attention_figure, attention_heads_figure, attention_label, attention_reading
from layouts.figures.comparison.attention import (
    attention_difference_figure,
    attention_difference_heads_figure,
    attention_difference_reading,
)
from layouts.figures.empty import empty_figure
from layouts.figures.tables.attention import attention_tables
from layouts.theme import THEMES, Theme

_NO_ATTENTION = "This part has no attention. Select a block."


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the panel for a prompt, a selection and a view."""
    return panel_callback(
        NAME,
        partial(draw_attention, services),
        tables=attention_tables,
        difference=partial(draw_attention_difference, services),
        outputs={"figure": Output(ids.graph(NAME), "figure"), "heads": Output(HEADS_GRAPH, "figure")},
        choices={"view": Input(VIEW, "value")},
    )


def draw_attention(
    services: Services, prompt: Prompt, selection: Selection, *, theme: str = "light", view: ShownView = "raw"
) -> Values:
    """Heat map (`figure`), small multiples (`heads`), title and reading."""
    look = THEMES[theme]
    if selection.block is None:
        return _nothing(_NO_ATTENTION, theme=look) | {"title": "Attention", "reading": ""}
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
        "results": {NAME: result},
    }


def draw_attention_difference(
    services: Services, comparison: Comparison, selection: Selection, *, theme: str = "light", view: ShownView = "raw"
) -> Values:
    """As `draw_attention`, of A minus B; what cannot be compared is a message in the place of the heat map."""
    look, block = THEMES[theme], selection.block
    if block is None:
        return _nothing(_NO_ATTENTION, theme=look) | {"title": "Attention · A − B", "reading": ""}
    reason = comparison.unequal("n_heads", "Heads") or comparison.missing_block(block)
    if reason:
        return _nothing(reason, theme=look) | {"title": f"Attention · A − B · block {block}", "reading": reason}
    a, b = comparison.a, comparison.b
    result = compute_attention_difference(
        (services.model(a.prompt), services.model(b.prompt)),
        comparison,
        selection,
        services.position(a, selection),
        view=view,
        derived=(partial(services.derived, a), partial(services.derived, b)),
    )
    return {
        "figure": attention_difference_figure(result, theme=look),
        "heads": attention_difference_heads_figure(result, theme=look),
        "title": f"Attention · A − B · {attention_label(result)}",
        "reading": attention_difference_reading(result),
        "results": {"difference": result},
    }


def _nothing(reason: str, *, theme: Theme) -> dict[str, Any]:
    return {"figure": empty_figure(reason, theme=theme), "heads": empty_figure("", theme=theme)}
