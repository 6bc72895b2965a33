"""The 3D scene of a network: all its heads and MLP tiles as boxes, each coloured by one number.

`architecture_changes` makes what a click or a change of theme alters (colours, marks, texts) apart from the geometry.
The page is sent only these changes, so that the camera stays where the reader put it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, sin
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from layouts.figures.attribution_parts import explained_words
from layouts.figures.drawing import Drawing
from layouts.figures.effect import effect_sweep_reading
from layouts.figures.head_scores import PROBE_SCORES, probe_reading
from layouts.figures.own_numbers import own_reading
from layouts.figures.scene import AZIMUTH, ELEVATION, Scene, boxes, cube, make_scene, on_screen, vertices
from layouts.figures.scene_colors import LIGHTING, STREAM_LIGHT, box_colors, stream_color
from layouts.figures.scene_labels import scene_labels
from layouts.figures.scene_marks import frame, mark, walls
from layouts.figures.scene_values import (
    end_unit,
    head_unit,
    head_values,
    stream_unit,
    stream_values,
    tile_unit,
    tile_values,
)
from layouts.figures.shade import neutral
from layouts.figures.text import counted, neuron_range, percent, quoted, signed, tile_names
from layouts.theme import LIGHT, Theme, base_layout

if TYPE_CHECKING:
    from analysis.architecture import ArchitectureResult
    from analysis.model_info import ModelInfo
    from analysis.tokens import Piece

HEADS, TILES, ENDS, STREAM, LINE, MARK, FRAME = range(7)  # the traces, in this order
_MESHES = (HEADS, TILES, ENDS, STREAM)
_TILE = "block.{block}.mlp.neuron.{neuron}"  # what a click on a tile selects; the page fills in the two numbers
_DISTANCE = 4.0  # of the eye: far enough for no box to be behind it
_CAMERA = {  # low, from the front left, and without perspective: all walls have the same slant
    "eye": {
        "x": round(-_DISTANCE * sin(AZIMUTH) * cos(ELEVATION), 3),
        "y": round(-_DISTANCE * cos(AZIMUTH) * cos(ELEVATION), 3),
        "z": round(_DISTANCE * sin(ELEVATION), 3),
    },
    "center": {"x": 0, "y": 0, "z": 0},
    "projection": {"type": "orthographic"},
}
_FIGURE = (3.0, 1.55)  # of the opening view, in Plotly's camera units: fits a figure twice as wide as high, with texts


def architecture_figure(
    result: ArchitectureResult,
    *,
    tokens: Sequence[Piece] = (),
    predictions: Sequence[tuple[Piece, float]] = (),
    theme: Theme = LIGHT,
) -> go.Figure:
    """The whole scene.

    tokens: the text up to the selected position, written at the embedding. predictions: the most probable next tokens
    with their probabilities, written at the output.
    """
    scene = make_scene(result.info)
    data = _geometry(result.info, scene)
    traces, annotations = architecture_changes(result, tokens=tokens, predictions=predictions, theme=theme)
    for index, changes in traces.items():
        data[index] |= changes
    corners = np.concatenate([np.stack([data[mesh][axis] for axis in "xyz"], axis=1) for mesh in _MESHES])
    unit = float(np.min(_FIGURE / np.ptp(on_screen(corners), axis=0)))
    low, high = cube(scene)
    aspect = dict.fromkeys("xyz", round(unit * (high["x"] - low["x"]), 3))
    axes = {f"{name}axis": {"visible": False, "showspikes": False, "range": [low[name], high[name]]} for name in "xyz"}
    return Drawing(
        data=data,
        layout=base_layout(
            theme,
            margin={"l": 0, "r": 0, "t": 0, "b": 0},
            # Read by the page: what "Reset view" restores, the rank of each text, of which it hides the later ones, and
            # where marks go.
            meta={
                "camera": _CAMERA,
                "aspectratio": aspect,
                "labels": list(range(len(annotations))),
                "walls": walls(result.info, scene),
            },
            scene={
                **axes,
                "aspectmode": "manual",
                "aspectratio": aspect,
                "dragmode": False,  # the page turns it itself
                "camera": _CAMERA,
                "annotations": annotations,
            },
        ),
    )


def architecture_changes(
    result: ArchitectureResult,
    *,
    tokens: Sequence[Piece] = (),
    predictions: Sequence[tuple[Piece, float]] = (),
    theme: Theme = LIGHT,
) -> tuple[dict[int, dict[str, Any]], list[dict[str, Any]]]:
    """All that depends on values, selection and theme: properties by trace index, and the scene's annotations."""
    scene = make_scene(result.info)
    heads, tiles = box_colors(result, theme)
    norms = result.residual_norms  # A's, in a difference: the scene is that of A
    stream = stream_values(result)
    ends = {  # the output has no number: it reads the normed stream
        "values": [stream[0], stream[-1], None] if stream else [],
        "unit": end_unit(result),
    }
    traces = {
        HEADS: heads | {"meta": {"values": head_values(result), "unit": head_unit(result)}},
        TILES: tiles
        | {
            "meta": {
                "values": tile_values(result),
                "unit": tile_unit(result),
                "select": _TILE,
                "per_block": result.info.n_tiles,
            },
            "customdata": result.strongest.ravel().tolist(),
        },
        ENDS: {"color": neutral(theme), "meta": ends},
        STREAM: _widths(norms, scene)
        | {"color": stream_color(theme), "meta": {"values": stream, "unit": stream_unit(result)}},
        LINE: {"line": {"color": neutral(theme), "width": 2}},
        MARK: mark(result.selection, result.info, scene) | {"line": {"color": theme.accent2, "width": 4}},
        FRAME: frame(result.selection, scene) | {"line": {"color": theme.accent, "width": 3}},
    }
    return traces, scene_labels(scene, result.selection, tokens, predictions, theme)


def architecture_reading(result: ArchitectureResult, token: str) -> str:
    """One sentence on the largest values shown. token: the label of the token at the selected position."""
    if result.heads is None:
        info = result.info
        without = " No values are shown: the weights are not in memory." if result.residual_norms is None else ""
        return (
            f"{counted(info.n_blocks, 'block')}, each with {counted(info.n_heads, 'attention head')} (above the "
            f"residual stream) and {counted(info.n_neurons, 'MLP neuron')} (below it, {info.tile_width} per tile)."
            f"{without}"
        )
    if result.own is not None or result.color_by in PROBE_SCORES:  # which depend on no token
        return own_reading(result) if result.own else probe_reading(result.color_by, result.heads)
    if not np.isfinite(result.heads).any():
        return f"At {quoted(token)}, no number is finite."
    missing = "" if np.isfinite(result.heads).all() else " Parts without a finite number are grey."
    if result.color_by in ("entropy", "first"):
        return f"{_attention_reading(result, token)}{missing}"
    if result.attribution is not None or result.sweep is not None:
        return f"{_logit_reading(result, token)}{missing}"
    return _norm_reading(result, token, missing)


def _attention_reading(result: ArchitectureResult, token: str) -> str:
    """The head that spreads its attention most, or that puts the most on the first token."""
    assert result.heads is not None
    block, head = np.unravel_index(int(np.nanargmax(result.heads)), result.heads.shape)
    most = float(result.heads[block, head])
    if result.color_by == "entropy":
        return f"At {quoted(token)}, block {block} head {head} spreads its attention most ({most:.3g} bits)."
    mean = float(np.nanmean(result.heads))
    return (
        f"At {quoted(token)}, the heads put {percent(mean)} of their attention on the first token on average; "
        f"block {block} head {head} puts the most there ({percent(most)})."
    )


def _norm_reading(result: ArchitectureResult, token: str, missing: str) -> str:
    """The parts that add the longest vectors, and how the residual stream grows. missing: what is not finite."""
    assert result.heads is not None
    assert result.tiles is not None
    assert result.residual_norms is not None
    block, head = np.unravel_index(int(np.nanargmax(result.heads)), result.heads.shape)
    most = float(result.heads[block, head])
    heads = f"At {quoted(token)}, block {block} head {head} adds the longest vector of all heads (L2 norm {most:.3g})"
    if not np.isfinite(result.tiles).any():
        return f"{heads}.{missing}"
    tile_block, tile = np.unravel_index(int(np.nanargmax(result.tiles)), result.tiles.shape)
    start = int(tile) * result.info.tile_width
    end = min(start + result.info.tile_width, result.info.n_neurons) - 1
    tile_most = float(result.tiles[tile_block, tile])
    finite = np.flatnonzero(np.isfinite(result.residual_norms))
    first, last = result.residual_norms[[0, finite[-1]]]
    until = "" if finite[-1] == result.info.n_blocks else f", after which it is not finite.{missing}"
    return (
        f"{heads} and block {tile_block} {neuron_range(start, end)} that of all MLP tiles ({tile_most:.3g}); the "
        f"residual stream’s length goes from {first:.3g} to {last:.3g}{until or '.'}"
    )


def _logit_reading(result: ArchitectureResult, token: str) -> str:
    """The part whose removal changes the logit most; or what is explained, and what raises and lowers it most."""
    if result.sweep is not None:
        removals = effect_sweep_reading(result.sweep)
        return f"{removals} The logit is lower without an orange part and higher without a blue one."
    assert result.attribution is not None
    assert result.heads is not None
    assert result.tiles is not None
    tiles = tile_names(result.info.n_neurons, result.info.tile_width)
    found: list[tuple[float, str]] = []
    heads = tuple(f"head {n}" for n in range(result.info.n_heads))
    for numbers, names in ((result.heads, heads), (result.tiles, tiles)):
        known = np.isfinite(numbers)
        for place in (_largest(numbers, known), _largest(-numbers, known)) if known.any() else ():
            block, unit = divmod(place, numbers.shape[1])
            found.append((float(numbers[block, unit]), f"block {block} {names[unit]}"))
    (most, high), (least, low) = max(found), min(found)
    up = f"most is added by {high} ({signed(most)})" if most > 0 else "no head or tile adds to it"
    down = f"most is taken away by {low} ({signed(least)})" if least < 0 else "none takes away from it"
    explained = explained_words(result.attribution)
    return f"After {quoted(token)}, the logit for {explained} is {signed(result.attribution.logit)}: {up}, {down}."


def _largest(numbers: NDArray[Any], known: NDArray[np.bool_]) -> int:
    """The flat index of the largest of the known numbers; NumPy's own `nanargmax` takes four times as long."""
    return int(np.where(known, numbers, -np.inf).argmax())


def _geometry(info: ModelInfo, scene: Scene) -> list[dict[str, Any]]:
    """The traces' geometry, without the properties that `architecture_changes` adds."""
    heads = [f"block.{block}.attention.head.{head}" for block in range(info.n_blocks) for head in range(info.n_heads)]
    line = {"hoverinfo": "skip", "type": "scatter3d", "mode": "lines"}
    depths = ["Residual stream before block 0"] + [f"Residual stream after block {n}" for n in range(info.n_blocks)]
    stream = boxes(scene.segments, _segment_halves(np.ones(info.n_blocks + 1), scene))
    return [
        _mesh(boxes(scene.heads, scene.head_half)) | {"customdata": heads},
        _mesh(boxes(scene.tiles, scene.tile_half)) | {"hovertext": _tile_names(info)},
        _mesh(boxes(scene.ends, scene.ends_half)) | {"customdata": ["embedding", "norm", "output"]},
        _mesh(stream)
        | {"lightposition": STREAM_LIGHT}
        | {"hovertext": depths, "customdata": ["embedding", *(f"block.{n}" for n in range(info.n_blocks))]},
        line | _links(scene),
        dict(line),
        dict(line),
    ]


def _links(scene: Scene) -> dict[str, Any]:
    """Thin lines from the residual stream to each block's walls, and from the final norm to the output."""
    norm, output = scene.ends[1:, 0].tolist()
    ends: list[list[float | None]] = [[norm, 0], [output, 0]]
    for x in scene.block_x.round(3).tolist():
        ends += [[None, None], [x, -scene.free], [x, scene.free]]
    return {"x": [x for x, _ in ends], "y": [None if x is None else 0 for x, _ in ends], "z": [z for _, z in ends]}


def _mesh(shape: dict[str, Any]) -> dict[str, Any]:
    # The page shows its own label.
    return {"type": "mesh3d", **shape, "hoverinfo": "none", "flatshading": True, "showscale": False, **LIGHTING}


def _widths(norms: NDArray[np.float32] | None, scene: Scene) -> dict[str, Any]:
    """The residual stream's segments, as wide as their norms are large."""
    finite = np.zeros(len(scene.segments)) if norms is None else np.nan_to_num(norms)
    shares = finite / (finite.max() or 1)
    _, y, z = vertices(scene.segments, _segment_halves(shares, scene)).round(3).T
    return {"y": y, "z": z}


def _segment_halves(shares: NDArray[Any], scene: Scene) -> NDArray[np.float32]:
    """Half sizes of the stream's segments. shares: of the largest norm; widths follow their square roots."""
    high = min(0.58 * scene.free, scene.free - 0.16) * (0.14 + 0.86 * np.sqrt(shares))
    return np.stack([scene.segment_halves, np.minimum(high, 0.2), high], axis=1).astype(np.float32)


def _tile_names(info: ModelInfo) -> list[str]:
    names = tile_names(info.n_neurons, info.tile_width)
    return [f"Block {block} · {neurons}" for block in range(info.n_blocks) for neurons in names]
