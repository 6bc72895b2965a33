"""Texts in the 3D scene, the most important ones first.

The page hides a text that would overlap one before it in the list. Their number depends on the model alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from layouts.figures.scene import Scene, cube
from layouts.figures.text import percent
from layouts.theme import MONOSPACE, Theme

if TYPE_CHECKING:
    from analysis.selection import Selection
    from analysis.tokens import Piece

_N_TOKENS = 3  # written at the embedding: the selected one and those before it
_MAX_CHARACTERS = 12  # of a token
_MOST_NUMBERS = 13  # of blocks
_ABOVE, _BELOW = {"yanchor": "bottom"}, {"yanchor": "top"}
_RIGHT: dict[str, Any] = {"xanchor": "left", "xshift": 6}
_LEFT: dict[str, Any] = {"xanchor": "right", "xshift": -8, "align": "right"}  # y goes to the left, too


def scene_labels(
    scene: Scene,
    selection: Selection,
    tokens: Sequence[Piece],
    predictions: Sequence[tuple[Piece, float]],
    theme: Theme,
) -> list[dict[str, Any]]:
    """Annotations of the scene; the first one holds the predictions."""
    half_x, half_y, _ = scene.ends_half[0].tolist()
    embedding, output = scene.ends[[0, -1], 0].tolist()
    token = {"size": 13, "color": theme.text, "family": MONOSPACE}
    foot = scene.bottom - 0.04 * (scene.top - scene.bottom)
    walls, ends = _names(scene, theme)
    return [
        _text(_predicted(predictions), output + half_x, 0, **_ABOVE, **_RIGHT, y=-half_y, font=token, align="left"),
        _text(_read(tokens, theme), embedding - half_x, 0, **_ABOVE, **_LEFT, y=half_y, font=token),
        *walls,
        *_numbers(scene, selection, foot, theme),
        *ends,
    ]


def numbered_blocks(n_blocks: int) -> range:
    """The blocks whose numbers are written: all, or every second, fifth, tenth …"""
    steps = (step * 10**zeros for zeros in range(9) for step in (1, 2, 5))
    return range(0, n_blocks, next(step for step in steps if n_blocks <= _MOST_NUMBERS * step))


@lru_cache(maxsize=16)  # the same at every click
def _names(scene: Scene, theme: Theme) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Names of the walls, and of the boxes at the ends."""
    (embedding, *_), (norm, *_), (output, *_) = scene.ends.tolist()
    _, half_y, half_z = scene.ends_half[0].tolist()
    first, font = float(scene.block_x[0]), {"size": 12, "color": theme.quiet}
    walls = [
        _text("attention heads", first, scene.top, **_ABOVE, **_LEFT, y=0.5, font=font) | {"xshift": 36, "yshift": 4},
        _text("MLP neurons", first, scene.bottom, **_ABOVE, **_LEFT, y=0.5, font=font),
        _text("residual<br>stream", first, 0.7 * half_z, **_ABOVE, **_LEFT, y=0.5, font=font),
    ]
    ends = [
        _text("output", output, -half_z, **_BELOW, **_RIGHT, y=half_y, font=font, yshift=-4) | {"xshift": -8},
        _text("embedding", embedding, -half_z, **_BELOW, **_LEFT, y=-half_y, font=font, yshift=-4) | {"xshift": 8},
        _text("norm", norm, half_z, **_ABOVE, font=font),
        # With these, the data are a cube, as the axes are: otherwise Plotly would distort the light.
        *({"text": "", **corner, "showarrow": False} for corner in cube(scene)),
    ]
    return walls, ends


def _numbers(scene: Scene, selection: Selection, z: float, theme: Theme) -> list[dict[str, Any]]:
    """The selected block's number, which is always written, and those of other blocks that leave it room."""
    shown, block = numbered_blocks(len(scene.block_x)), selection.block
    font = {"size": 12, "color": theme.quiet}
    chosen = {"size": 12, "color": theme.accent}
    at = [float(x) for x in scene.block_x]
    return [
        _number(block or 0, at[block or 0], z, font=chosen, visible=block is not None),
        *(
            _number(n, at[n], z, font=font, visible=block is None or abs(block - n) > 0.6 * (shown.step - 1))
            if n != block
            else _number(n, at[n], z, font=font, visible=False)
            for n in shown
        ),
    ]


def _number(block: int, x: float, z: float, *, visible: bool, font: dict[str, Any]) -> dict[str, Any]:
    # The word stands left of the 0, so that the 0 is where the other numbers are.
    word = {"xanchor": "right", "xshift": 7} if block == 0 else {}
    return _text("block 0" if block == 0 else str(block), x, z, yanchor="top", font=font, **word) | {"visible": visible}


def _text(text: str, x: float, z: float, **more: Any) -> dict[str, Any]:
    return {"text": text, "x": x, "y": 0, "z": z, "showarrow": False, "borderpad": 0, **more}


def _read(tokens: Sequence[Piece], theme: Theme) -> str:
    """The last of the tokens, which is the selected one, below those before it."""
    before = [f'<span style="color:{theme.quiet}">{token.short(_MAX_CHARACTERS)}</span>' for token in tokens]
    chosen = [f'<b style="color:{theme.accent2}">{token.short(_MAX_CHARACTERS)}</b>' for token in tokens[-1:]]
    return "<br>".join(before[-_N_TOKENS:-1] + chosen)


def _predicted(predictions: Sequence[tuple[Piece, float]]) -> str:
    """The predicted tokens with their probabilities, in two columns."""
    labels = [(piece.short(_MAX_CHARACTERS), min(len(piece.label), _MAX_CHARACTERS)) for piece, _ in predictions]
    width = max((length for _, length in labels), default=0) + 1
    return "<br>".join(
        label + "\u00a0" * (width - length) + percent(probability)
        for (label, length), (_, probability) in zip(labels, predictions, strict=True)
    )
