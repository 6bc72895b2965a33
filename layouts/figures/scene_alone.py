"""3D scene for a notebook: what the page's scripts and styles do otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from layouts.figures.architecture import ENDS, FRAME, HEADS, MARK, STREAM, TILES
from layouts.figures.scene import VERTICES

if TYPE_CHECKING:
    from analysis.model_info import ModelInfo

_END_NAMES = ("Token embedding", "Final norm", "Output")
_BAR = 0.13  # share of the height below the scene, for the colour bar


def make_self_contained(figure: go.Figure, info: ModelInfo) -> None:
    """Give an architecture figure hover texts and room for its colour bar, let the mouse turn it, and remove the
    selection marks.

    A text has the name, the number and the unit of a box. The page's own figure has none, because Plotly needs a text
    for every corner of a box, which would be most of the figure's size.
    """
    figure.layout.scene.dragmode = "turntable"
    for mark in (MARK, FRAME):
        figure.data[mark].visible = False
    heads = [f"Block {block} · head {head}" for block in range(info.n_blocks) for head in range(info.n_heads)]
    for trace, names in (
        (HEADS, heads),
        (TILES, figure.data[TILES].hovertext),
        (ENDS, _END_NAMES),
        (STREAM, figure.data[STREAM].hovertext),
    ):
        mesh = figure.data[trace]
        unit = mesh.meta["unit"]
        values = [*mesh.meta["values"], *[None] * len(names)]
        texts = [
            name if value is None else f"{name}<br>{value if isinstance(value, str) else f'{value} {unit}'}"
            for name, value in zip(names, values, strict=False)
        ]
        mesh.update(hovertext=[text for text in texts for _ in range(VERTICES)], hoverinfo="text")
    figure.layout.scene.domain.y = (_BAR, 1)
