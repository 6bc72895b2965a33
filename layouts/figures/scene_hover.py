"""What the 3D picture says of each box where no page does: in a notebook."""

from __future__ import annotations

import re

import plotly.graph_objects as go

from layouts.figures.scene import VERTICES

_ENDS = {"embedding": "Token embedding", "norm": "Final norm", "output": "Output"}
_HEAD = re.compile(r"block\.(\d+)\.attention\.head\.(\d+)")


def hover_boxes(figure: go.Figure) -> None:
    """Let an architecture figure show name, number and unit of the box below the mouse, as the page's own label does.

    The page is not sent these texts: each stands at every corner of its box, which is most of such a figure.
    """
    for mesh in figure.select_traces({"type": "mesh3d"}):
        names = mesh.hovertext or [
            _ENDS.get(place) or _HEAD.sub(r"Block \1 · head \2", place) for place in mesh.customdata
        ]
        values = [*mesh.meta["values"], *[None] * len(names)]
        texts = [
            name if value is None else f"{name}<br>{value} {mesh.meta['unit']}"
            for name, value in zip(names, values, strict=False)
        ]
        mesh.update(hovertext=[text for text in texts for _ in range(VERTICES)], hoverinfo="text")
