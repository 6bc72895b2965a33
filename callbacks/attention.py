"""The attention panel: fetch, guard, draw."""

from functools import partial
from typing import Any

from dash import Dash, Input, Output

from analysis.attention import AttentionView, compute_attention
from analysis.selection import Part, Selection
from analysis.trace import Prompt
from layouts import ids
from layouts.attention import HEADS_GRAPH, NAME, VIEW
from layouts.figures.attention import attention_figure, attention_heads_figure, attention_label, attention_reading
from layouts.figures.empty import empty_figure
from layouts.theme import THEMES


def register(app: Dash, services: Any) -> None:
    """Redraw the panel when the prompt, the selection, the theme or the view changes."""

    @app.callback(
        Output(ids.graph(NAME), "figure"),
        Output(HEADS_GRAPH, "figure"),
        Output(ids.title(NAME), "children"),
        Output(ids.reading(NAME), "children"),
        Output(ids.panel(NAME), "data-selection"),
        Input(ids.PROMPT, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.THEME, "data"),
        Input(VIEW, "value"),
        running=[(Output(ids.panel(NAME), "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    def draw(prompt: Any, selection: Any, theme: str, view: AttentionView) -> tuple[Any, ...]:
        asked, selected = services.question(prompt, selection)
        return draw_attention(services, asked, selected, theme=theme, view=view)


def draw_attention(
    services: Any, prompt: Prompt, selection: Selection, *, theme: str = "light", view: AttentionView = "raw"
) -> tuple[Any, ...]:
    """Heat map, small multiples, title, reading and the selection that they show."""
    look = THEMES[theme]
    if selection.block is None:
        empty = empty_figure("This part has no attention. Select a block.", theme=look)
        return empty, empty_figure("", theme=look), "Attention", "", str(selection)
    trace = services.trace(prompt)
    position = services.position(trace, selection)
    head = selection.head if selection.part is Part.ATTENTION else None
    derived = partial(services.derived, trace)
    result = compute_attention(trace, selection.block, head, position, view=view, derived=derived)
    return (
        attention_figure(result, theme=look),
        attention_heads_figure(result, theme=look),
        f"Attention · {attention_label(result)}",
        attention_reading(result),
        str(selection),
    )
