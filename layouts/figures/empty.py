"""Empty state of a figure: a message instead of data."""

import plotly.graph_objects as go

from layouts.figures.drawing import Drawing
from layouts.theme import LIGHT, Theme, base_layout

NO_WEIGHTS = "No values without the weights."


def empty_figure(message: str, *, theme: Theme = LIGHT) -> go.Figure:
    """An empty figure with a message in its centre."""
    note = {"text": message, "showarrow": False, "x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper"}
    return Drawing(
        data=[],
        layout=base_layout(
            theme,
            xaxis={"visible": False},
            yaxis={"visible": False},
            annotations=[{**note, "font": {"size": 13, "color": theme.quiet}}],
        ),
    )
