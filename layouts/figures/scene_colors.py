"""Colours of the 3D scene: one number per box, on one colour scale. Lightness means the value and nothing else."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from layouts.figures.own_numbers import NO_NUMBER, own_scale
from layouts.figures.scene import VERTICES
from layouts.figures.scene_values import missing_words
from layouts.figures.shade import contrast, mixed, neutral, no_number
from layouts.theme import ColorScale, Theme, color_bar

if TYPE_CHECKING:
    from analysis.architecture import ArchitectureResult

# Light falls from the upper left of the viewer's head: of every box, a side that the viewer sees is fully lit and has
# the colour bar's colour; the others are darker by up to a third. Plotly's light positions are screen coordinates, and
# it takes sides of a small area for none unless `facenormalsepsilon` is 0.
AMBIENT, DIFFUSE = 0.66, 0.7
LIGHTING = {
    "lighting": {
        "ambient": AMBIENT,
        "diffuse": DIFFUSE,
        **dict.fromkeys(("specular", "fresnel", "facenormalsepsilon"), 0),
        "roughness": 1,
    },
    "lightposition": {"x": -25_000, "y": 25_000, "z": -100},
}
STREAM_LIGHT = {"x": 25_000, "y": 25_000, "z": -100}  # on its long side, which the walls turn away from the light
LEAST_CONTRAST = 1.6  # of every box to the page, on its darkest and on its lightest side
_BARS = {
    "attribution": "direct attribution (logits, square-root scale)",
    "effect": "effect of removing (logits, square-root scale)",
    "norm": "L2 norm of what a part adds (square-root scale)",
    "entropy": "attention entropy (bits)",
    "first": "share of attention on the first token",
    "induction": "induction score (repeated random tokens)",
    "previous": "previous-token score (repeated random tokens)",
    "duplicate": "duplicate-token score (repeated random tokens)",
    "copying": "copying score, from the weights",
    "own": "your own numbers",
    "kind": "kind of part",
}
_SHARES = ("first", "induction", "previous", "duplicate")  # of attention, 0 to 1
_LOGITS = ("attribution", "effect")
_SIGNED = (*_LOGITS, "copying")
_KINDS = {  # heads, tiles, residual stream
    "light": ("#2F5BEA", "#0F7B6C", "#9A8BC9"),
    "dark": ("#7EA2FF", "#5CC9B5", "#8F80C4"),
}
_DIFFERENCE = "attribution"  # differences of all quantities are drawn as this one is
_ROOT = "square-root scale"
_MISSING = 0.06  # share of the colour scale for what is not finite, if anything is
_KIND_NAMES = ("attention heads", "MLP neurons", "residual stream")
MOST_LEVEL = 1000  # of the colour scale: whole numbers are sent in a fifth of the bytes


class Shades(NamedTuple):
    """Colours of all parts of a kind: levels from 0 to `MOST_LEVEL`, (n_blocks, parts per block), and their scale."""

    levels: NDArray[np.uint16]
    scale: ColorScale


class Legend(NamedTuple):
    """What a colour bar says: its title, and the levels and texts of its ticks."""

    title: str
    levels: list[float]
    texts: list[str]


def part_colors(result: ArchitectureResult, theme: Theme) -> tuple[Shades, Shades, Legend]:
    """Colours of all heads and of all MLP tiles, and the legend of both."""
    info = result.info
    if result.color_by == "kind":
        kinds = _KINDS[theme.name]
        scale = [[stop / 3, color] for n, color in enumerate(kinds) for stop in (n, n + 1)]
        middles = [(n + 0.5) / 3 for n in range(3)]
        heads = _shades(np.full((info.n_blocks, info.n_heads), middles[0]), scale)
        tiles = _shades(np.full(result.strongest.shape, middles[1]), scale)
        return heads, tiles, _legend(result, middles, list(_KIND_NAMES))
    assert result.heads is not None
    difference = result.residual_differences is not None
    quantity = _DIFFERENCE if difference else result.color_by
    numbers = [result.heads] if result.tiles is None else [result.heads, result.tiles]
    if quantity == "own":
        own = own_scale(numbers)
        is_signed, ticks, share_of = own.is_signed, own.ticks(), own.shares
    else:
        full = _full(result)
        is_signed, ticks, share_of = quantity in _SIGNED, _ticks(quantity, full), partial(_share, full, quantity)
    if is_signed:
        scale = diverging(theme)
    else:
        scale = visible(theme.probabilities if result.color_by in _SHARES else theme.norms, theme)
    names = [f"{value:.0%}" if quantity in _SHARES else f"{value:g}".replace("-", "−") for value in ticks]
    if difference:
        names = [f"{value:+g}".replace("-", "−") if value else "0" for value in ticks]
    places = share_of(ticks)
    shares = [share_of(values) for values in numbers]
    note, grey = "", neutral(theme) if quantity != "own" else no_number(theme)
    if any(np.isnan(share).any() for share in shares):
        why = NO_NUMBER if quantity == "own" else "not finite"
        note = f"<br>grey: {missing_words(result)}" if difference else f"; grey: {why}"
        scale = _with_missing(scale, grey)
        shares = [np.where(np.isnan(share), 0, _MISSING + (1 - _MISSING) * share) for share in shares]
        places = _MISSING + (1 - _MISSING) * places
    heads, *rest = (_shades(share, scale) for share in shares)
    if not rest:
        rest = [_shades(np.zeros(result.strongest.shape), [[0, grey], [1, grey]])]
    return heads, rest[0], _legend(result, places.tolist(), names, note)


def box_colors(result: ArchitectureResult, theme: Theme) -> tuple[dict[str, Any], dict[str, Any]]:
    """Intensities and colour scales of all heads and of all tiles. The heads' carry the colour bar."""
    heads, tiles, legend = part_colors(result, theme)
    return _boxes(heads) | _bar(legend, theme), _boxes(tiles)


def _with_missing(scale: ColorScale, grey: str) -> ColorScale:
    """The colour scale above a piece for parts whose number is not finite, or that have none."""
    lowest = [[0, grey], [_MISSING, grey]]
    return [*lowest, *([_MISSING + (1 - _MISSING) * stop, color] for stop, color in scale)]


def stream_color(theme: Theme) -> str:
    """The colour of the residual stream."""
    return _KINDS[theme.name][2]


def visible(scale: ColorScale, theme: Theme) -> ColorScale:
    """A colour scale without the part at its low end that does not stand out from the page."""
    start = _first_visible(tuple(map(tuple, scale)), theme.page)
    kept = [[start, mixed(scale, start)], *([stop, color] for stop, color in scale if stop > start)]
    return [[(stop - start) / (1 - start), color] for stop, color in kept]


@cache
def diverging(theme: Theme) -> ColorScale:
    """The scale of signed numbers, with a middle that stands out from the page."""
    low, lower, (_, middle), higher, high = theme.signed
    toward = [[0, middle], [1, theme.quiet]]
    start = _first_visible(tuple(map(tuple, toward)), theme.page)
    return [low, lower, [0.5, mixed(toward, start)], higher, high]


def shaded(color: str, light: float) -> str:
    """A colour as it is drawn on a side that gets this share of the light."""
    return mixed([[0, "#000000"], [1, color]], light)


@cache
def _first_visible(scale: tuple[tuple[Any, ...], ...], page: str) -> float:
    """The lowest place on the scale from which on all colours stand out, on all sides of a box."""
    places, colors = np.linspace(0, 1, 201), list(map(list, scale))
    weak = [
        min(contrast(shaded(mixed(colors, place), light), page) for light in (AMBIENT, 1)) < LEAST_CONTRAST
        for place in places.tolist()
    ]
    return float(places[np.flatnonzero(weak)[-1] + 1]) if any(weak) else 0.0


def _full(result: ArchitectureResult) -> float:
    """The value at the upper end of the colour scale; of signed numbers, the largest size."""
    if result.color_by in (*_SHARES, "copying") and result.residual_differences is None:
        return 1.0
    given = [values for values in (result.heads, result.tiles) if values is not None]
    numbers = [float(np.abs(values[np.isfinite(values)]).max(initial=0)) for values in given]
    return max(numbers, default=1.0) or 1.0


def _ticks(color_by: str, full: float) -> NDArray[np.float64]:
    if color_by == "copying":
        return np.linspace(-1, 1, 5)
    if color_by in _LOGITS:
        step = 10 ** np.floor(np.log10(full))
        most = step * max(n for n in (1, 2, 5) if n * step <= full * (1 + 1e-9))
        return np.array([-most, -most / 10, 0, most / 10, most])
    if color_by == "norm":
        step = 10 ** np.floor(np.log10(full))
        return np.array([value for n in (0, 0.1, 0.5, 1, 2, 5, 10) if (value := n * step) <= full])
    return np.linspace(0, 1, 6) if color_by in _SHARES else np.arange(0, full + 1e-6, 1 if full > 2 else 0.5)


def _legend(result: ArchitectureResult, places: list[float], texts: list[str], note: str = "") -> Legend:
    """places: of the ticks, as shares of the scale."""
    title = _BARS[result.color_by]
    if result.residual_differences is not None and result.color_by != "kind":
        title = f"A − B: {title}{'' if _ROOT in title else f' ({_ROOT})'}"
    return Legend(title + note, [MOST_LEVEL * place for place in places], texts)


def _bar(legend: Legend, theme: Theme) -> dict[str, Any]:
    """The colour bar at the lower left."""
    place: dict[str, Any] = {"x": 0, "xanchor": "left", "y": 0, "yanchor": "bottom"}
    size: dict[str, Any] = {"orientation": "h", "len": 320, "lenmode": "pixels", "xpad": 14, "ypad": 8}
    ticks: dict[str, Any] = {"tickvals": legend.levels, "ticktext": legend.texts}
    return {"showscale": True, "colorbar": color_bar(theme, legend.title, side="top", **size, **place, **ticks)}


def _share(full: float, color_by: str, values: NDArray[Any]) -> NDArray[np.float64]:
    """Values as shares of the colour scale, 0 to 1; norms, attributions and effects by their square roots,
    since these span orders of magnitude.
    """
    if color_by in _SIGNED:
        signed = np.clip(values.astype(np.float64) / full, -1, 1)
        return (1 + (signed if color_by == "copying" else np.sign(signed) * np.sqrt(np.abs(signed)))) / 2
    share = np.clip(values.astype(np.float64) / full, 0, 1)
    return np.sqrt(share) if color_by == "norm" else share


def _shades(share: NDArray[np.float64], scale: ColorScale) -> Shades:
    return Shades(np.round(share * MOST_LEVEL).astype(np.uint16), scale)


def _boxes(shades: Shades) -> dict[str, Any]:
    """Intensities and colour scale of all boxes of a kind."""
    intensity = np.repeat(shades.levels, VERTICES)
    return {"intensity": intensity, "cmin": 0, "cmax": MOST_LEVEL, "colorscale": shades.scale}
