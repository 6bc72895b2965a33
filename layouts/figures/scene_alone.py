"""The 3D scene outside the page, as in a notebook."""

from __future__ import annotations

import re

import plotly.graph_objects as go

from layouts.figures.architecture import FRAME, MARK
from layouts.figures.scene import VERTICES

_ENDS = {"embedding": "Token embedding", "norm": "Final norm", "output": "Output"}
_HEAD = re.compile(r"block\.(\d+)\.attention\.head\.(\d+)")


def add_hover_texts(figure: go.Figure) -> None:
    """Give an architecture figure the hover texts that the page's script shows, and remove the selection marks.

    A text has the name, the number and the unit of a box. The page's own figure has none, because Plotly needs a text
    for every corner of a box, which would be most of the figure's size.
    """
    for mark in (MARK, FRAME):
        figure.data[mark].visible = False
    for mesh in figure.select_traces({"type": "mesh3d"}):
        names = mesh.hovertext or [
            _ENDS.get(part) or _HEAD.sub(r"Block \1 · head \2", part) for part in mesh.customdata
        ]
        values = [*mesh.meta["values"], *[None] * len(names)]
        texts = [
            name if value is None else f"{name}<br>{value} {mesh.meta['unit']}"
            for name, value in zip(names, values, strict=False)
        ]
        mesh.update(hovertext=[text for text in texts for _ in range(VERTICES)], hoverinfo="text")
