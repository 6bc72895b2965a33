"""3D scene for a notebook: what the page's scripts and styles do otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
    """
    figure.layout.scene.dragmode = "turntable"
    for mark in (MARK, FRAME):
        figure.data[mark].visible = False
    for trace, texts in box_texts([mesh.to_plotly_json() for mesh in figure.data], info).items():
        figure.data[trace].update(hovertext=[text for text in texts for _ in range(VERTICES)], hoverinfo="text")
    figure.layout.scene.domain.y = (_BAR, 1)


def box_texts(data: Sequence[Mapping[str, Any]], info: ModelInfo) -> dict[int, list[str]]:
    """The hover text of each box of an architecture figure, by trace: the name, the number and the unit.

    The page's own figure has none, because Plotly needs a text for every corner of a box, which would be most of the
    figure's size. data: the figure's traces.
    """
    heads = [f"Block {block} · head {head}" for block in range(info.n_blocks) for head in range(info.n_heads)]
    found = {}
    for trace, names in (
        (HEADS, heads),
        (TILES, data[TILES]["hovertext"]),
        (ENDS, _END_NAMES),
        (STREAM, data[STREAM]["hovertext"]),
    ):
        meta = data[trace]["meta"]
        unit = meta["unit"]
        values = [*meta["values"], *[None] * len(names)]
        found[trace] = [
            name if value is None else f"{name}<br>{value if isinstance(value, str) else f'{value} {unit}'}"
            for name, value in zip(names, values, strict=False)
        ]
    return found
