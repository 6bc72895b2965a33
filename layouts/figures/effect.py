"""Figures of the effect of removals: predictions before and after, and the sweep's grid; and the words for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.comparison.missing import missing_cells
from layouts.figures.drawing import Drawing
from layouts.figures.text import counted, number, percent, quoted, tile_names
from layouts.theme import LIGHT, Theme, axis, base_layout, color_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.causes.intervention import Intervention, Replacement
    from analysis.causes.sweep import SweepResult
    from analysis.effect import EffectResult, Outcome
    from analysis.model_info import ModelInfo
    from analysis.selection import Selection
    from analysis.tokens import Piece

REPLACED = {
    "zero": "zero",
    "mean": "its mean over this text",
    "reference": "its mean over a reference text",
    "other": "its value in another text",
}
REPLACED_SHORT = {"zero": "zero", "mean": "mean", "reference": "reference mean", "other": "other text"}
_MAX_CHARACTERS = 14  # of a token
_MOST_TICKS = 13
_PALE = 0.5  # opacity of an estimate
_BEFORE = 0.45  # opacity of bars of what is before, beside those after


def effect_figure(result: EffectResult, *, theme: Theme = LIGHT) -> go.Figure:
    """The five most probable tokens before and those after, as two bars each; a click makes a token the target."""
    order = [piece for piece, _ in result.before.top]
    labels = [piece.short(_MAX_CHARACTERS) for piece in order]
    bars = [prediction_bars(order, "before", result.before, theme.quiet)]
    if result.interventions:
        bars.append(prediction_bars(order, "after", result.after, theme.accent))
    return Drawing(
        data=bars,
        layout=base_layout(
            theme,
            barmode="group",
            bargap=0.25,
            xaxis=axis(theme, title="probability of the next token", tickformat=".0%", rangemode="tozero"),
            yaxis=axis(
                theme,
                tickmode="array",
                tickvals=list(range(len(order))),
                ticktext=labels,
                range=[len(order) - 0.5, -0.5],
                showgrid=False,
                zeroline=False,
            ),
            showlegend=len(bars) > 1,
            legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"},
        ),
    )


def effect_sweep_figure(
    result: SweepResult, selection: Selection, *, compared: bool = False, theme: Theme = LIGHT
) -> go.Figure:
    """The effect of removing each head and each MLP, block × head with a column for the MLP; a click selects the part.

    Estimates are paler than effects. The selected part's cell is marked. compared: whether effects are those of A minus
    those of B; then a part whose effect is missing has no counterpart in B, and is grey.
    """
    n_blocks, n_units = result.effects.shape
    units, of_both = _columns(n_units), " (A − B)" if compared else ""
    most = float(np.nanmax(np.abs(result.shown), initial=0)) or 1.0
    shared = {
        "type": "heatmap",
        "zmin": -most,
        "zmax": most,
        "colorscale": theme.signed,
        "customdata": [[_select(block, unit, n_units - 1) for unit in units] for block in range(n_blocks)],
        "text": [[_hover(result, block, unit, of_both) for unit in units] for block in range(n_blocks)],
        "hovertemplate": "%{text}<extra></extra>",
        "hoverongaps": False,
        "xgap": 1,
        "ygap": 1,
    }
    estimates = np.where(np.isnan(result.effects), result.estimates, np.nan)
    bar = {"colorbar": color_bar(theme, f"effect on the logit{of_both}", len=1)}
    layers: list[dict[str, Any]] = []
    if compared:
        missing = np.isnan(result.shown)[:, [0 if unit is None else unit for unit in units]]
        missing[:, n_units - 1] = False  # the gap
        names = [["" if u is None else part_words(block, u, n_units - 1) for u in units] for block in range(n_blocks)]
        layers += missing_cells(missing, names, shared["customdata"], theme, xgap=1, ygap=1)  # type: ignore[arg-type]
    if not result.complete:
        layers.append({**shared, "z": _spaced(estimates), "opacity": _PALE, "name": "estimate", "showscale": False})
    layers.append({**shared, **bar, "z": _spaced(result.effects), "name": "effect"})
    step = -(-(n_units - 1) // _MOST_TICKS)
    heads = list(range(0, n_units - 1, step))
    return Drawing(
        data=layers,
        layout=base_layout(
            theme,
            xaxis=axis(
                theme,
                title="head",
                tickmode="array",
                tickvals=[*heads, n_units],
                ticktext=[*map(str, heads), "MLP"],
                tickangle=0,
                range=[-0.5, n_units + 0.5],
                showgrid=False,
                zeroline=False,
            ),
            yaxis=axis(
                theme,
                title="block",
                tickmode="array",
                tickvals=list(range(0, n_blocks, -(-n_blocks // _MOST_TICKS))),
                range=[-0.5, n_blocks - 0.5],
                showgrid=False,
                zeroline=False,
            ),
            shapes=_mark(selection, n_units, theme),
        ),
    )


def effect_reading(result: EffectResult) -> str:
    """One sentence on what the removals change, with its numbers."""
    target = logit_words(result.target, result.against)
    if not result.interventions:
        return f"Nothing is removed: the logit of {target} is {number(result.before.logit)}."
    removed = counted(len(result.interventions), "part") + " removed"
    before, after = result.before, result.after
    probability = f"the probability of {quoted(result.target.label)}" if result.against else "its probability"
    return (
        f"With {removed}, the logit of {target} goes from {number(before.logit)} to {number(after.logit)} "
        f"({number(result.effect, '+')}), and {probability} from {percent(before.probability)} to "
        f"{percent(after.probability)}."
    )


def effect_sweep_reading(result: SweepResult) -> str:
    """One or two sentences on the part whose removal changes the logit most, and on how well the estimates agree."""
    target = logit_words(result.target, result.against)
    shown = result.shown
    block, unit = np.unravel_index(int(np.nanargmax(np.abs(shown))), shown.shape)
    part = part_words(int(block), int(unit), shown.shape[1] - 1)
    change = number(float(shown[block, unit]), "+")
    where = "" if result.everywhere else " at this position"
    if not result.complete:
        done = int(np.isfinite(result.effects).sum())
        return (
            f"{done:,} of {shown.size:,} removals are computed; the rest are estimates. So far, removing {part}{where} "
            f"changes the logit of {target} most ({change})."
        )
    sentence = f"Of all heads and MLPs, removing {part}{where} changes the logit of {target} most ({change})."
    everything, heads = result.correlations
    if np.isnan(everything):
        return sentence
    alone = "" if np.isnan(heads) else f" ({number(heads)} for heads alone)"
    return f"{sentence} The estimates’ correlation with these effects was {number(everything)}{alone}."


def effect_numbers(result: EffectResult) -> list[tuple[str, str, str]]:
    """Rows of what is predicted before and after: a name and two values."""
    before, after = result.before, result.after
    what = "logit" if result.against is None else "difference of logits"
    return [
        (what, number(before.logit), number(after.logit)),
        ("probability", percent(before.probability), percent(after.probability)),
    ]


def effect_note(removed: Sequence[Replacement], grid: Replacement | None) -> str:
    """By what parts are replaced, and what their removal does not say. grid: of the parts in the grid, if there is one.

    removed: of the parts that are removed together.
    """
    names = " or ".join(dict.fromkeys(REPLACED[replacement] for replacement in removed))
    said = f"What is removed is replaced by {names}. " if names else ""
    said += f"In the grid, each part is replaced by {REPLACED[grid]}. " if grid else ""
    return (
        f"{said}A part whose removal changes little is not thereby unimportant: others may take over its work. A mean "
        "is a choice: another mean, or zero, gives other numbers."
    )


def intervention_words(one: Intervention, info: ModelInfo) -> str:
    """What is replaced, in words: `head 5 of block 3`, `the MLP of block 0 at position 4`."""
    at = "" if one.position is None else f" at position {one.position}"
    if one.unit == "stream":
        return f"the stream into block {one.block}{at}"
    name = {
        "attention": "the attention",
        "mlp": "the MLP",
        "head": f"head {one.index}",
        "neuron": f"neuron {one.index}",
    }.get(one.unit) or tile_names(info.n_neurons, info.tile_width)[one.index or 0]
    return f"{name} of block {one.block}{at}"


def prediction_bars(
    order: list[Piece], name: str, outcome: Outcome, color: str, *, pale: bool = False
) -> dict[str, Any]:
    """Bars of the probabilities of tokens, from top to bottom; a click on one makes its token the target."""
    shares = {piece.id: share for piece, share in outcome.top}
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "x": [shares[piece.id] for piece in order],
        "y": list(range(len(order))),
        "customdata": [f"~{piece.id}" for piece in order],
        "hovertext": [f"<b>{piece.markup}</b> {name}: {percent(shares[piece.id])}" for piece in order],
        "hoverinfo": "text",
        "marker": {"color": color, "opacity": _BEFORE} if pale else {"color": color},
    }


def _mark(selection: Selection, n_units: int, theme: Theme) -> list[dict[str, Any]]:
    """The frame around the selected part's cell, if the grid has one."""
    x = n_units if selection.part == "mlp" else selection.head
    if selection.block is None or x is None:
        return []
    corners = {"x0": x - 0.5, "x1": x + 0.5, "y0": selection.block - 0.5, "y1": selection.block + 0.5}
    return [{"type": "rect", **corners, "line": {"color": theme.accent2, "width": 2}}]


def _columns(n_units: int) -> list[int | None]:
    """The units in the order of the grid's columns: heads, a gap, and the MLP."""
    return [*range(n_units - 1), None, n_units - 1]


def _spaced(values: Any) -> Any:
    return np.insert(values.astype(np.float32), values.shape[1] - 1, np.nan, axis=1)


def _select(block: int, unit: int | None, n_heads: int) -> str:
    if unit is None:
        return ""
    return f"block.{block}.mlp" if unit == n_heads else f"block.{block}.attention.head.{unit}"


def _hover(result: SweepResult, block: int, unit: int | None, of_both: str) -> str:
    if unit is None:
        return ""
    effect, estimate = float(result.effects[block, unit]), float(result.estimates[block, unit])
    name = part_words(block, unit, result.effects.shape[1] - 1)
    if np.isnan(effect):
        return f"Without {name}: about {number(estimate, '+')} logits{of_both} (an estimate)"
    return f"Without {name}: {number(effect, '+')} logits{of_both}<br>estimated: {number(estimate, '+')}"


def part_words(block: int, unit: int, n_heads: int) -> str:
    """A head, or with the number after the last one the MLP, in words."""
    return f"the MLP of block {block}" if unit == n_heads else f"head {unit} of block {block}"


def logit_words(target: Piece, against: Piece | None) -> str:
    """The token whose logit is read, and the one whose logit is subtracted."""
    return quoted(target.label) + (f" minus that of {quoted(against.label)}" if against else "")
