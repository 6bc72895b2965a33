"""The 3D picture where no page is around it: in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from layouts.figures.architecture import ENDS, FRAME, HEADS, MARK, TILES
from layouts.figures.scene import VERTICES

if TYPE_CHECKING:
    from analysis.model_info import ModelInfo

_END_NAMES = ("Token embedding", "Final norm", "Output")


def leave_alone(figure: go.Figure, info: ModelInfo) -> None:
    """Let an architecture figure do by itself what the page does for it; what is selected there is not marked here.

    Below the mouse it shows name, number and unit of a box, as the page's own label does. The page is not sent these
    texts: each stands at every corner of its box, which is most of such a figure.
    """
    for mark in (MARK, FRAME):
        figure.data[mark].visible = False
    heads = [f"Block {block} · head {head}" for block in range(info.n_blocks) for head in range(info.n_heads)]
    for trace, names in ((HEADS, heads), (TILES, figure.data[TILES].hovertext), (ENDS, _END_NAMES)):
        mesh = figure.data[trace]
        values = [*mesh.meta["values"], *[None] * len(names)]
        texts = [
            name if value is None else f"{name}<br>{value} {mesh.meta['unit']}"
            for name, value in zip(names, values, strict=False)
        ]
        mesh.update(hovertext=[text for text in texts for _ in range(VERTICES)], hoverinfo="text")
