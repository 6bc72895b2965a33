"""The path of integrated gradients: the explained logit between the baseline and the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from layouts.figures.drawing import Drawing
from layouts.theme import LIGHT, Theme, axis, base_layout

if TYPE_CHECKING:
    from analysis.saliency import SaliencyResult


def saliency_path_figure(result: SaliencyResult, *, theme: Theme = LIGHT) -> go.Figure:
    """The logit by the share of the path, with a mark at every point at which it was computed.

    Marks are dense where the logit changes abruptly. Only for methods that have a path.
    """
    assert result.path is not None
    shares, values = result.path.astype(np.float32)
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": shares,
        "y": values,
        "line": {"color": theme.accent, "width": 1.5},
        "marker": {"color": theme.accent, "size": 3},
        "hovertemplate": "%{x:.2%} of the path<br>logit %{y:.2f}<extra></extra>",
    }
    ends = {"tickmode": "array", "tickvals": [0, 0.5, 1], "ticktext": ["baseline", "halfway", "text"]}
    top_left = {"x": 0, "xanchor": "left", "y": 1, "yanchor": "top", "pad": {"t": 2, "l": 2}}
    layout = base_layout(
        theme,
        title={"text": "Logit on the path", "font": {"size": 12, "color": theme.quiet}, **top_left},
        margin={"l": 8, "r": 16, "t": 24, "b": 4},
        xaxis=axis(theme, range=[-0.02, 1.02], zeroline=False, **ends),
        yaxis=axis(theme, nticks=4),
    )
    return Drawing(data=[line], layout=layout)
