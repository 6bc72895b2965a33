"""Colours of the 3D scene: one number per box, faded in blocks that are not selected."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from layouts.figures.scene import VERTICES
from layouts.theme import ColorScale, Theme, color_bar

if TYPE_CHECKING:
    from analysis.architecture import ArchitectureResult

_BARS = {
    "norm": "L2 norm of what a part adds (square-root scale)",
    "entropy": "attention entropy (bits)",
    "first": "share of attention on the first token",
    "kind": "",
}
_KINDS = {"light": ("#2F5BEA", "#0F7B6C"), "dark": ("#7EA2FF", "#5CC9B5")}  # heads, tiles
_STEPS = 1000  # of the colour scale: whole numbers are sent in a fifth of the bytes
_FADE = 0.5  # share of the page's colour in blocks that are not selected


def box_colors(result: ArchitectureResult, theme: Theme) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Intensities and colour scales of all heads and of all tiles, and the marker that carries the colour bar.

    The lower half of each colour scale is a faded copy, so that one number encodes both value and emphasis.
    """
    info, block = result.info, result.selection.block
    full = _full(result)
    scale = theme.probabilities if result.color_by == "first" else theme.norms
    near = np.full(info.n_blocks, True) if block is None else np.arange(info.n_blocks) == block
    plain_colors = _KINDS[theme.name] if result.color_by == "kind" else [neutral(theme)] * 2
    heads, tiles = (
        _colors(
            None if values is None else _share(values, full, result.color_by),
            count,
            near=near,
            scale=scale,
            theme=theme,
            plain=color,
        )
        for values, count, color in (
            (result.heads, info.n_heads, plain_colors[0]),
            (result.tiles, info.n_tiles, plain_colors[1]),
        )
    )
    return heads, tiles, _bar(result, full, scale, theme)


def neutral(theme: Theme) -> str:
    """The colour of parts without a number."""
    return _mixed(theme.quiet, theme.page, 0.4)


def _full(result: ArchitectureResult) -> float:
    """The value at the upper end of the colour scale."""
    if result.color_by == "first":
        return 1.0
    numbers = [float(values.max()) for values in (result.heads, result.tiles) if values is not None]
    return max(numbers, default=1.0) or 1.0


def _bar(result: ArchitectureResult, full: float, scale: ColorScale, theme: Theme) -> dict[str, Any]:
    """Invisible markers that carry the colour bar: the boxes' own scale has every colour twice."""
    if result.color_by == "norm":
        step = 10 ** np.floor(np.log10(full))
        values = np.array([value for n in (0, 0.1, 0.5, 1, 2, 5, 10) if (value := n * step) <= full])
    else:
        values = (
            np.linspace(0, 1, 6) if result.color_by == "first" else np.arange(0, full + 1e-6, 1 if full > 2 else 0.5)
        )
    return {
        "color": [0],
        "cmin": 0,
        "cmax": 1,
        "colorscale": scale,
        "showscale": result.color_by != "kind",
        "opacity": 0,
        "size": 1,
        "colorbar": color_bar(
            theme,
            _BARS[result.color_by],
            orientation="h",
            len=320,
            lenmode="pixels",
            x=0,
            xanchor="left",
            y=0,
            yanchor="bottom",
            tickvals=_share(values, full, result.color_by),
            ticktext=[f"{value:.0%}" if result.color_by == "first" else f"{value:g}" for value in values],
        )
        | {"title": {"text": _BARS[result.color_by], "side": "top", "font": {"size": 11, "color": theme.quiet}}},
    }


def _share(values: NDArray[Any], full: float, color_by: str) -> NDArray[np.float64]:
    """Values as shares of the colour scale, 0 to 1; norms as square roots, since they span orders of magnitude."""
    share = np.clip(values.astype(np.float64) / full, 0, 1)
    return np.sqrt(share) if color_by == "norm" else share


def _colors(
    share: NDArray[np.float64] | None,
    per_block: int,
    *,
    near: NDArray[np.bool_],
    scale: ColorScale,
    theme: Theme,
    plain: str,
) -> dict[str, Any]:
    """Intensities and colour scale of all boxes of a kind; the scale's lower half is the faded copy."""
    if share is None:
        scale = [[0, plain], [1, plain]]
        share = np.zeros((len(near), per_block))
    halved = np.where(near[:, None], 0.51 + 0.49 * share, 0.49 * share)
    faded = [[0.49 * stop, _mixed(color, theme.page, _FADE)] for stop, color in scale]
    clear = [[0.51 + 0.49 * stop, color] for stop, color in scale]
    return {
        "intensity": np.repeat(np.round(halved * _STEPS).astype(np.uint16), VERTICES),
        "cmin": 0,
        "cmax": _STEPS,
        "colorscale": [[0, faded[0][1]], *faded[1:], [0.5, faded[-1][1]], [0.5, clear[0][1]], *clear],
    }


@cache  # of the themes' few colours
def _mixed(color: str, other: str, share: float) -> str:
    pairs = [(int(color[n : n + 2], 16), int(other[n : n + 2], 16)) for n in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
