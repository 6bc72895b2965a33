"""Figure and reading of activation patching: block × token, or block × head, on the scale from text B to text A."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.drawing import Drawing
from layouts.figures.image import MOST_EXACT, image
from layouts.figures.text import number, quoted
from layouts.theme import LIGHT, Theme, axis, base_layout, color_bar, token_axis

if TYPE_CHECKING:
    from analysis.causes.patching import PatchingResult
    from analysis.effect import EffectResult

_MAX_CHARACTERS = 14  # of a token
_MOST_LABELS, _MOST_TICKS = 32, 13
_QUANTITY = "from B (0) to A (1)"
_SELECT = {
    "stream": "block.{y}@{x}",
    "attention": "block.{y}.attention@{x}",
    "mlp": "block.{y}.mlp@{x}",
    "heads": "block.{y}.attention.head.{x}",
}
_CARRIED = {"stream": "the stream into", "attention": "the attention of", "mlp": "the MLP of", "heads": "head"}


def effect_patching_figure(
    result: PatchingResult, *, selected: tuple[int, int] | None, theme: Theme = LIGHT
) -> go.Figure:
    """What each patch does, 0 being B as it is and 1 being A; raw logits where both are equal. A click selects.

    selected: block and column of the marked cell, with a dotted line around the cells that its patch can reach.
    """
    n_blocks, n_columns = result.values.shape
    scaled = not np.isnan(result.normalized).all()
    values = result.normalized if scaled else result.values - result.corrupted
    most = max(1.0, float(np.nanmax(np.abs(values), initial=0)))
    title = _QUANTITY if scaled else "change of the logit"
    if result.carried == "heads":
        columns = axis(theme, title="head", tickmode="array", tickvals=_ticks(n_columns), showgrid=False,
                       zeroline=False, range=[-0.5, n_columns - 0.5])  # fmt: skip
    else:
        labels = [_label(result, n) for n in range(n_columns)]
        columns = token_axis(theme, labels, most=_MOST_LABELS, tickangle=-50, range=[-0.5, n_columns - 0.5])
    cells = _image(result, values, most, title, theme) if n_columns > MOST_EXACT else {
        "type": "heatmap",
        "z": values,
        "zmin": -most,
        "zmax": most,
        "colorscale": theme.signed,
        "colorbar": color_bar(theme, title, len=1),
        "customdata": [[_filled(_SELECT[result.carried], x, y) for x in range(n_columns)] for y in range(n_blocks)],
        "text": [[_hover(result, x, y) for x in range(n_columns)] for y in range(n_blocks)],
        "hovertemplate": "%{text}<extra></extra>",
        "hoverongaps": False,
    }  # fmt: skip
    return Drawing(
        data=[cells],
        layout=base_layout(
            theme,
            xaxis=columns,
            yaxis=axis(theme, title="block", tickmode="array", tickvals=_ticks(n_blocks), showgrid=False,
                       zeroline=False, range=[-0.5, n_blocks - 0.5]),
            shapes=[] if selected is None else _marks(result, *selected, theme),
        ),
    )  # fmt: skip


def effect_patching_reading(result: PatchingResult | None, patched: EffectResult | None, clean: float) -> str:
    """What the selected patch does, or else which patch of the grid goes furthest towards A. clean: the logit in A."""
    if patched is not None:
        what = "difference of logits" if patched.against else "logit"
        before, after = patched.before.logit, patched.after.logit
        way = (
            f": {(after - before) / (clean - before):.0%} of the way to A".replace("-", "−") if clean != before else ""
        )
        return (
            f"With this value from A, the {what} of {quoted(patched.target.label)} in B goes from {number(before)} to "
            f"{number(after)}{way}, where it is {number(clean)}."
        )
    if result is None:
        return "Not computed for these texts yet. A click on a cell will apply that one patch."
    values = result.normalized
    if np.isnan(values).all():
        return "Nothing to carry over: the logit is the same in both texts, or nothing is computed yet."
    block, column = np.unravel_index(int(np.nanargmax(values)), values.shape)
    furthest = f"{_name(result, int(column), int(block))} ({number(float(values[block, column]))})"
    start = "On" if result.complete else "So far, on"
    return f"{start} the scale from 0 (B as it is) to 1 (A), the value that goes furthest is {furthest}."


def effect_patching_note(result: PatchingResult | None) -> str:
    """How A and B are aligned, and what a patch does not say."""
    rest = (
        "A patch shows where the difference between these two texts is carried, not which part is needed: others may "
        "carry it as well. A patch changes only later blocks, at its own and later positions; all else stays exactly "
        "as it was."
    )
    if result is None:
        return rest
    none = [token.label for token, there in zip(result.tokens, result.aligned, strict=True) if there < 0]
    missing = f" Without a counterpart in B: {', '.join(map(quoted, none[:8]))}." if none else ""
    differing = [
        f"{quoted(token.label)} (position {token.position}) is {quoted(result.others[there].label)} in B"
        for token, there in zip(result.tokens, result.aligned.tolist(), strict=True)
        if there >= 0 and token.id != result.others[there].id
    ]
    different = f"{'; '.join(differing[:4])}{' …' if len(differing) > 4 else ''}." if differing else ""
    return f"{different}{missing} {rest}".strip()


def _image(result: PatchingResult, values: Any, most: float, title: str, theme: Theme) -> dict[str, Any]:
    return image(
        values,
        most=most,
        signed=True,
        scale=theme.signed,
        title=title,
        written=number,
        select=_SELECT[result.carried],
        words="{x}, {y}: about {value}",
        columns=[f"{token.label} ({token.position})" for token in result.tokens],
        rows=[f"block {block}" for block in range(len(values))],
        theme=theme,
    )


def _marks(result: PatchingResult, block: int, column: int, theme: Theme) -> list[dict[str, Any]]:
    """The frame of a cell, and the outline of the later blocks at the same and later positions."""
    cell = {"x0": column - 0.5, "x1": column + 0.5, "y0": block - 0.5, "y1": block + 0.5}
    marks: list[dict[str, Any]] = [{"type": "rect", **cell, "line": {"color": theme.accent2, "width": 2}}]
    if result.carried != "heads":
        n_blocks, n_columns = result.values.shape
        cone = {"x0": column - 0.5, "x1": n_columns - 0.5, "y0": block - 0.5, "y1": n_blocks - 0.5}
        marks.append({"type": "rect", **cone, "line": {"color": theme.accent2, "width": 1, "dash": "dot"}})
    return marks


def _filled(template: str, x: int, y: int) -> str:
    return template.replace("{x}", str(x)).replace("{y}", str(y))


def _ticks(count: int) -> list[int]:
    return list(range(0, count, -(-count // _MOST_TICKS)))


def _label(result: PatchingResult, position: int) -> str:
    """The token of A, and where B's is another one, that as well."""
    token, there = result.tokens[position], int(result.aligned[position])
    if there < 0 or result.others[there].id == token.id:
        return token.short(_MAX_CHARACTERS)
    half = _MAX_CHARACTERS // 2
    return f"<b>{token.short(half)}</b>/{result.others[there].short(half)}"


def _name(result: PatchingResult, x: int, y: int) -> str:
    if result.carried == "heads":
        return f"head {x} of block {y}"
    return f"{_CARRIED[result.carried]} block {y} at {quoted(result.tokens[x].label)} (position {x})"


def _hover(result: PatchingResult, x: int, y: int) -> str:
    value = float(result.values[y, x])
    if result.carried == "heads":
        name = f"head {x} of block {y}"
    else:
        name = f"{_CARRIED[result.carried]} block {y} at <b>{result.tokens[x].markup}</b> ({x})"
    share = float(result.normalized[y, x])
    scaled = "" if np.isnan(share) else f"{number(share)} {_QUANTITY}<br>"
    return f"{name}<br>{scaled}logit {number(value)}; {number(result.corrupted)} in B, {number(result.clean)} in A"
