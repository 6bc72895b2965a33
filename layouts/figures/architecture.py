"""The 3D scene of a network: all its heads and MLP tiles as boxes, each coloured by one number.

`architecture_changes` makes what a click or a change of theme alters (colours, marks, texts) apart from the geometry.
The page is sent only these changes, so that the camera stays where the reader put it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from layouts.figures.drawing import Drawing
from layouts.figures.scene import VERTICES, Scene, boxes, make_scene, outline
from layouts.figures.scene_colors import box_colors, neutral
from layouts.figures.text import counted, neuron_range, percent
from layouts.theme import LIGHT, MONOSPACE, Theme, base_layout

if TYPE_CHECKING:
    from analysis.architecture import ArchitectureResult
    from analysis.model_info import ModelInfo
    from analysis.selection import Selection
    from analysis.tokens import Piece

HEADS, TILES, ENDS, STREAM, MARK, FRAME, BAR = range(7)  # the traces, in this order
_UNITS = {  # written after the number
    "norm": "(L2 norm of what it adds to the residual stream)",
    "entropy": "bits of attention entropy",
    "first": "of its attention is on the first token",
}
_CAMERA = {  # low, from the front left, and without perspective: all walls have the same slant
    "eye": {"x": -0.85, "y": -1.5, "z": 0.38},
    "center": {"x": 0.13, "y": 0, "z": 0},
    "projection": {"type": "orthographic"},
}
_TILE = "block.{block}.mlp.neuron.{neuron}"  # what a click on a tile selects; the page fills in the two numbers
_LENGTH = 3.65  # of the scene, in Plotly's camera units; fills a figure twice as wide as high


def architecture_figure(
    result: ArchitectureResult, *, predictions: Sequence[tuple[Piece, float]] = (), theme: Theme = LIGHT
) -> go.Figure:
    """The whole scene. predictions: the most probable next tokens with their probabilities, written at the output."""
    scene = make_scene(result.info)
    data = _geometry(result.info, scene)
    traces, annotations = architecture_changes(result, predictions=predictions, theme=theme)
    for index, changes in traces.items():
        data[index] |= changes
    size = np.array([scene.ends[-1, 0], scene.width, scene.top - scene.bottom])
    aspect = dict(zip("xyz", (_LENGTH * size / size[0]).round(3).tolist(), strict=True))
    hidden = {"visible": False, "showspikes": False}
    return Drawing(
        data=data,
        layout=base_layout(
            theme,
            margin={"l": 0, "r": 0, "t": 0, "b": 0},
            meta={"camera": _CAMERA, "aspectratio": aspect},  # the page fits its view to them
            scene={
                "xaxis": hidden,
                "yaxis": hidden,
                "zaxis": hidden,
                "aspectmode": "manual",
                "aspectratio": aspect,
                "dragmode": False,  # the page turns it itself
                "camera": _CAMERA,
                "annotations": annotations,
            },
        ),
    )


def architecture_changes(
    result: ArchitectureResult, *, predictions: Sequence[tuple[Piece, float]] = (), theme: Theme = LIGHT
) -> tuple[dict[int, dict[str, Any]], list[dict[str, Any]]]:
    """All that depends on values, selection and theme: properties by trace index, and the scene's annotations."""
    scene = make_scene(result.info)
    unit = _UNITS.get(result.color_by, "")
    heads, tiles, bar = box_colors(result, theme)
    norms = result.residual_norms
    stream = {  # the output has no number: it reads the normed stream
        "values": [] if norms is None else [*_sent(norms[[0, -1]]), None],
        "unit": "(L2 norm of the residual stream here)",
    }
    traces = {
        HEADS: heads | {"meta": {"values": _sent(result.heads), "unit": unit}},
        TILES: tiles
        | {
            "meta": {"values": _sent(result.tiles), "unit": unit, "select": _TILE, "per_block": result.info.n_tiles},
            "customdata": result.strongest.ravel().tolist(),
        },
        ENDS: _flat(neutral(theme), len(scene.ends)) | {"meta": stream},
        STREAM: {"line": {"color": theme.quiet, "width": 6}},
        MARK: _mark(result, scene) | {"line": {"color": theme.accent2, "width": 5}},
        FRAME: _frame(result.selection, scene) | {"line": {"color": theme.accent, "width": 3}},
        BAR: {"marker": bar},
    }
    return traces, _labels(result.info, scene, predictions, theme)


def architecture_reading(result: ArchitectureResult, token: str) -> str:
    """One sentence on the largest values shown. token: the label of the token at the selected position."""
    if result.heads is None:
        info = result.info
        without = " No values are shown: the weights are not in memory." if result.residual_norms is None else ""
        return (
            f"{counted(info.n_blocks, 'block')}, each with {counted(info.n_heads, 'attention head')} (above the line) "
            f"and {counted(info.n_neurons, 'MLP neuron')} (below the line, {info.tile_width} per tile).{without}"
        )
    assert result.residual_norms is not None
    block, head = np.unravel_index(int(result.heads.argmax()), result.heads.shape)
    most = float(result.heads[block, head])
    if result.color_by == "entropy":
        return f"At ‘{token}’, block {block} head {head} spreads its attention most ({most:.3g} bits)."
    if result.color_by == "first":
        mean = float(result.heads.mean())
        return (
            f"At ‘{token}’, the heads put {percent(mean)} of their attention on the first token on average; "
            f"block {block} head {head} puts the most there ({percent(most)})."
        )
    assert result.tiles is not None
    tile_block, tile = np.unravel_index(int(result.tiles.argmax()), result.tiles.shape)
    start = int(tile) * result.info.tile_width
    end = min(start + result.info.tile_width, result.info.n_neurons) - 1
    tile_most = float(result.tiles[tile_block, tile])
    return (
        f"At ‘{token}’, block {block} head {head} adds the longest vector of all heads (L2 norm {most:.3g}) and "
        f"block {tile_block} {neuron_range(start, end)} that of all MLP tiles ({tile_most:.3g}); the residual stream’s "
        f"length goes from {result.residual_norms[0]:.3g} to {result.residual_norms[-1]:.3g}."
    )


def _geometry(info: ModelInfo, scene: Scene) -> list[dict[str, Any]]:
    """The traces' geometry, without the properties that `architecture_changes` adds."""
    heads = [f"block.{block}.attention.head.{head}" for block in range(info.n_blocks) for head in range(info.n_heads)]
    line = {"hoverinfo": "skip", "type": "scatter3d"}
    stream = {"x": scene.ends[[0, -1], 0], "y": np.zeros(2), "z": np.zeros(2)}
    return [
        _mesh(boxes(scene.heads, scene.head_half)) | {"customdata": heads},
        _mesh(boxes(scene.tiles, scene.tile_half)) | {"hovertext": _tile_names(info)},
        _mesh(boxes(scene.ends, scene.ends_half)) | {"customdata": ["embedding", "norm", "output"]},
        {**line, **stream, "mode": "lines"},
        {**line, "mode": "lines"},
        {**line, "mode": "lines"},
        {**line, "mode": "markers", "x": [None], "y": [None], "z": [None]},  # visible only by its colour bar
    ]


def _labels(
    info: ModelInfo, scene: Scene, predictions: Sequence[tuple[Piece, float]], theme: Theme
) -> list[dict[str, Any]]:
    """The texts in the scene; the first one holds the predictions."""
    width = max((len(piece.label) for piece, _ in predictions), default=0) + 1
    next_tokens = "<br>".join(
        piece.markup + "\u00a0" * (width - len(piece.label)) + percent(probability)
        for piece, probability in predictions
    )
    shown = range(0, info.n_blocks, max(1, info.n_blocks // 12))
    away = scene.ends_half[:, 2] + 0.2 * scene.width
    ends = zip(scene.ends[:, 0], away * (-1, 1, -1), ("embedding", "norm", "output"), strict=True)
    low = scene.bottom - 0.4 * scene.width
    labels = [*ends, *((scene.block_x[block], low, str(block) if block else "block 0") for block in shown)]
    plain = {"showarrow": False, "y": 0}
    below = {"font": {"color": theme.quiet, "size": 12}}
    beside = {
        "x": float(scene.ends[-1, 0]) + 0.25 * scene.width,
        "z": 0,
        "xanchor": "left",
        "yanchor": "bottom",
        "align": "left",
        "font": {"color": theme.text, "size": 13, "family": MONOSPACE},
    }
    return [
        {**plain, **beside, "text": next_tokens},
        *({**plain, **below, "x": float(x), "z": float(z), "text": text} for x, z, text in labels),
    ]


def _mesh(shape: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "mesh3d",
        **shape,
        "hoverinfo": "none",  # the page shows its own label
        "flatshading": True,
        "showscale": False,
        # Mostly ambient light, so that a colour means the same on every side.
        "lighting": {"ambient": 0.86, "diffuse": 0.22, "specular": 0.0, "roughness": 1.0, "fresnel": 0.0},
        "lightposition": {"x": -2000, "y": -4000, "z": 3000},
    }


def _flat(color: str, count: int) -> dict[str, Any]:
    return {"intensity": np.zeros(count * VERTICES), "cmin": 0, "cmax": 1, "colorscale": [[0, color], [1, color]]}


def _mark(result: ArchitectureResult, scene: Scene) -> dict[str, Any]:
    """The outline of the selected box, or of the wall if a whole layer is selected."""
    selection, info = result.selection, result.info
    if selection.block is None:
        end = ("embedding", "norm", "output").index(selection.part)
        return outline(scene.ends[end], scene.ends_half[end], grow=0.15)
    if selection.head is not None:
        return outline(scene.heads[selection.block * info.n_heads + selection.head], scene.head_half, grow=0.12)
    if selection.neuron is not None:
        tile = selection.neuron // info.tile_width
        return outline(scene.tiles[selection.block * info.n_tiles + tile], scene.tile_half, grow=0.12)
    z = (1.4, scene.top + 0.2) if selection.part == "attention" else (scene.bottom - 0.2, -1.4)
    return _wall_outline(scene, selection.block, *z)


def _frame(selection: Selection, scene: Scene) -> dict[str, Any]:
    """A thin frame around the selected block."""
    if selection.block is None:
        return {"x": [], "y": [], "z": []}
    return _wall_outline(scene, selection.block, scene.bottom - 0.5, scene.top + 0.5)


def _wall_outline(scene: Scene, block: int, low: float, high: float) -> dict[str, Any]:
    center = np.array([scene.block_x[block], 0, (low + high) / 2], dtype=np.float32)
    return outline(center, np.array([0.6, scene.width / 2 + 0.3, (high - low) / 2], dtype=np.float32))


def _sent(values: NDArray[np.float32] | None) -> list[float]:
    """Values with three significant digits, row by row."""
    if values is None:
        return []
    flat = values.ravel().astype(np.float64)
    digits = 2 - np.floor(np.log10(np.abs(flat, where=flat != 0, out=np.ones_like(flat))))
    scale = 10.0**digits
    rounded: list[float] = (np.round(flat * scale) / scale).tolist()
    return rounded


def _tile_names(info: ModelInfo) -> list[str]:
    starts = range(0, info.n_neurons, info.tile_width)
    ranges = [neuron_range(start, min(start + info.tile_width, info.n_neurons) - 1) for start in starts]
    return [f"Block {block} · {neurons}" for block in range(info.n_blocks) for neurons in ranges]
