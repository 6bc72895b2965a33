"""The 3D picture of a network: all its heads and MLP tiles as boxes, coloured by one number each.

What a click or another theme changes (colours, marks, texts) is made by `architecture_changes`, apart from the
geometry, so that the page is sent only that, and the view that a person chose stays.
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
from layouts.figures.text import percent
from layouts.theme import LIGHT, MONOSPACE, Theme, base_layout

if TYPE_CHECKING:
    from analysis.architecture import ArchitectureResult
    from analysis.model_info import ModelInfo
    from analysis.selection import Selection
    from analysis.tokens import Piece

HEADS, TILES, ENDS, STREAM, MARK, FRAME, BAR = range(7)  # the traces, in this order
_UNITS = {"norm": "added to the residual stream (L2 norm)", "entropy": "bits of entropy", "first": "on the first token"}
_CAMERA = {  # low, from the front left, and without perspective: all walls are seen at the same slant
    "eye": {"x": -0.85, "y": -1.5, "z": 0.38},
    "center": {"x": 0.13, "y": 0, "z": 0},
    "projection": {"type": "orthographic"},
}
_LENGTH = 3.65  # of the scene, in units of the camera's distance; fills a picture twice as wide as high


def architecture_figure(
    result: ArchitectureResult, *, predictions: Sequence[tuple[Piece, float]] = (), theme: Theme = LIGHT
) -> go.Figure:
    """The whole picture. predictions: most probable next tokens with their probabilities, written at the output."""
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
            meta={"camera": _CAMERA, "aspectratio": aspect},  # for the page's "reset view"
            scene={
                "xaxis": hidden,
                "yaxis": hidden,
                "zaxis": hidden,
                "aspectmode": "manual",
                "aspectratio": aspect,
                "dragmode": "turntable",
                "camera": _CAMERA,
                "annotations": annotations,
            },
        ),
    )


def architecture_changes(
    result: ArchitectureResult, *, predictions: Sequence[tuple[Piece, float]] = (), theme: Theme = LIGHT
) -> tuple[dict[int, dict[str, Any]], list[dict[str, Any]]]:
    """What depends on values, selection and theme: properties by trace, and the texts that stand in the scene."""
    scene = make_scene(result.info)
    unit = _UNITS.get(result.color_by, "")
    heads, tiles, bar = box_colors(result, theme)
    strongest = [
        f"block.{block}.mlp.neuron.{neuron}" for block, row in enumerate(result.strongest.tolist()) for neuron in row
    ]
    norms = result.residual_norms
    stream = {  # the output reads the normed stream, so it has no number here
        "values": [] if norms is None else [*_sent(norms[[0, -1]]), None],
        "unit": "L2 norm of the residual stream here",
    }
    traces = {
        HEADS: heads | {"meta": {"values": _sent(result.heads), "unit": unit}},
        TILES: tiles | {"meta": {"values": _sent(result.tiles), "unit": unit}, "customdata": strongest},
        ENDS: _flat(neutral(theme), len(scene.ends)) | {"meta": stream},
        STREAM: {"line": {"color": theme.quiet, "width": 6}},
        MARK: _mark(result, scene) | {"line": {"color": theme.accent2, "width": 5}},
        FRAME: _frame(result.selection, scene) | {"line": {"color": theme.accent, "width": 3}},
        BAR: {"marker": bar},
    }
    return traces, _labels(result.info, scene, predictions, theme)


def architecture_reading(result: ArchitectureResult, token: str) -> str:
    """One sentence with the numbers of what is seen. token: the label of the token at the position."""
    if result.heads is None:
        info = result.info
        without = " No values: the weights are not in memory." if result.residual_norms is None else ""
        return (
            f"{info.n_blocks} blocks, each with {info.n_heads} attention heads (above the line) and "
            f"{info.n_neurons:,} MLP neurons (below, {info.tile_width} a tile).{without}"
        )
    assert result.residual_norms is not None
    block, head = np.unravel_index(int(result.heads.argmax()), result.heads.shape)
    most = float(result.heads[block, head])
    if result.color_by == "entropy":
        return f"At ‘{token}’ the widest look is block {block}, head {head}’s: {most:.2f} bits."
    if result.color_by == "first":
        mean = float(result.heads.mean())
        return (
            f"At ‘{token}’ the heads put {percent(mean)} of their attention on the first token on average; "
            f"most does block {block}, head {head} ({percent(most)})."
        )
    assert result.tiles is not None
    tile_block, tile = np.unravel_index(int(result.tiles.argmax()), result.tiles.shape)
    start = int(tile) * result.info.tile_width
    end = min(start + result.info.tile_width, result.info.n_neurons) - 1
    tile_most = float(result.tiles[tile_block, tile])
    return (
        f"At ‘{token}’ the head that adds most is block {block}, head {head} ({most:.3g}); "
        f"the MLP tile that adds most is block {tile_block}, neurons {start}–{end} ({tile_most:.3g}); "
        f"the stream’s norm goes from {result.residual_norms[0]:.3g} to {result.residual_norms[-1]:.3g}."
    )


def _geometry(info: ModelInfo, scene: Scene) -> list[dict[str, Any]]:
    """The traces without what `architecture_changes` adds."""
    heads = [f"block.{block}.attention.head.{head}" for block in range(info.n_blocks) for head in range(info.n_heads)]
    unseen = {"hoverinfo": "skip", "type": "scatter3d"}
    stream = {"x": scene.ends[[0, -1], 0], "y": np.zeros(2), "z": np.zeros(2)}
    return [
        _mesh(boxes(scene.heads, scene.head_half)) | {"customdata": heads},
        _mesh(boxes(scene.tiles, scene.tile_half)) | {"hovertext": _tile_names(info)},
        _mesh(boxes(scene.ends, scene.ends_half)) | {"customdata": ["embedding", "norm", "output"]},
        {**unseen, **stream, "mode": "lines"},
        {**unseen, "mode": "lines"},
        {**unseen, "mode": "lines"},
        {**unseen, "mode": "markers", "x": [None], "y": [None], "z": [None]},  # only its colour bar is seen
    ]


def _labels(
    info: ModelInfo, scene: Scene, predictions: Sequence[tuple[Piece, float]], theme: Theme
) -> list[dict[str, Any]]:
    """Texts that stand at places of the scene; the first are the predictions."""
    width = max((len(piece.label) for piece, _ in predictions), default=0) + 1
    next_tokens = "<br>".join(
        piece.markup + "\u00a0" * (width - len(piece.label)) + percent(probability)
        for piece, probability in predictions
    )
    shown = range(0, info.n_blocks, max(1, info.n_blocks // 12))
    away = scene.ends_half[:, 2] + 0.2 * scene.width
    ends = zip(scene.ends[:, 0], away * (-1, 1, -1), ("embedding", "norm", "output"), strict=True)
    low = scene.bottom - 0.4 * scene.width
    places = [*ends, *((scene.block_x[block], low, str(block) if block else "block 0") for block in shown)]
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
        *({**plain, **below, "x": float(x), "z": float(z), "text": text} for x, z, text in places),
    ]


def _mesh(shape: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "mesh3d",
        **shape,
        "hoverinfo": "none",  # the page's own label shows what it is
        "flatshading": True,
        "showscale": False,
        # Mostly ambient light, so that a colour means the same on every side.
        "lighting": {"ambient": 0.86, "diffuse": 0.22, "specular": 0.0, "roughness": 1.0, "fresnel": 0.0},
        "lightposition": {"x": -2000, "y": -4000, "z": 3000},
    }


def _flat(color: str, count: int) -> dict[str, Any]:
    return {"intensity": np.zeros(count * VERTICES), "cmin": 0, "cmax": 1, "colorscale": [[0, color], [1, color]]}


def _mark(result: ArchitectureResult, scene: Scene) -> dict[str, Any]:
    """The outline of the selected box, or of the wall where a whole layer is selected."""
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
    return [] if values is None else [float(f"{value:.3g}") for value in values.ravel().tolist()]


def _tile_names(info: ModelInfo) -> list[str]:
    last = info.n_neurons - 1
    ranges = [f"{n * info.tile_width}–{min((n + 1) * info.tile_width - 1, last)}" for n in range(info.n_tiles)]
    return [f"Block {block} · neurons {words}" for block in range(info.n_blocks) for words in ranges]
