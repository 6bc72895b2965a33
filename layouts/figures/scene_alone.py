"""The 3D picture where no page is around it: in a notebook."""

from __future__ import annotations

import re

import plotly.graph_objects as go

from layouts.figures.architecture import FRAME, MARK
from layouts.figures.scene import VERTICES

_ENDS = {"embedding": "Token embedding", "norm": "Final norm", "output": "Output"}
_HEAD = re.compile(r"block\.(\d+)\.attention\.head\.(\d+)")


def leave_alone(figure: go.Figure) -> None:
    """Let an architecture figure do by itself what the page does for it; what is selected there is not marked here.

    Below the mouse it shows name, number and unit of a box, as the page's own label does. The page is not sent these
    texts: each stands at every corner of its box, which is most of such a figure.
    """
    for mark in (MARK, FRAME):
        figure.data[mark].visible = False
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
