"""Explanations of a logit for a notebook: all figures of one method, below each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layouts.figures.attribution import attribution_figure, attribution_reading
from layouts.figures.attribution_charts import (
    attribution_bars_figure,
    attribution_depth_figure,
    attribution_neurons_figure,
)
from layouts.figures.effect import (
    effect_figure,
    effect_note,
    effect_reading,
    effect_sweep_figure,
    effect_sweep_reading,
    intervention_words,
)
from layouts.figures.effect_patching import (
    effect_patching_figure,
    effect_patching_note,
    effect_patching_reading,
)
from layouts.figures.saliency import saliency_depth_figure, saliency_figure, saliency_reading
from layouts.figures.saliency_numbers import saliency_numbers, saliency_warning
from layouts.figures.saliency_path import saliency_path_figure
from layouts.figures.standalone import FigureOfResults, standalone, titled
from layouts.figures.text import number, quoted

if TYPE_CHECKING:
    from analysis.attribution import AttributionResult
    from analysis.causes.patching import PatchingResult
    from analysis.causes.sweep import SweepResult
    from analysis.effect import EffectResult
    from analysis.model_info import ModelInfo
    from analysis.saliency import SaliencyResult
    from analysis.selection import Selection


def explained_by_tokens(result: SaliencyResult, sentence: str) -> FigureOfResults:
    """Attributions to the tokens; through depth and along the path if there are any; and all numbers."""
    figures = [(saliency_figure(result), 280)]
    figures += [] if result.depth is None else [(saliency_depth_figure(result), 320)]
    figures += [] if result.path is None else [(saliency_path_figure(result), 120)]
    numbers = " · ".join(f"{name} {value}" for name, value in saliency_numbers(result))
    return standalone(
        [figure for figure, _ in figures],
        [height for _, height in figures],
        title=titled(f"Saliency · logit of {quoted(result.target.label)} after position {result.position}", sentence),
        sentences=[saliency_reading(result), saliency_warning(result), numbers],
        results={"saliency": result},
    )


def explained_by_parts(result: AttributionResult, sentence: str) -> FigureOfResults:
    """Shares of all parts, of the strongest, and through depth; and of the neurons of a selected MLP."""
    token = result.tokens[result.position]
    draws = [(attribution_figure, 340), (attribution_bars_figure, 260), (attribution_depth_figure, 200)]
    draws += [] if result.neurons is None else [(attribution_neurons_figure, 200)]
    return standalone(
        [draw(result) for draw, _ in draws],
        [height for _, height in draws],
        title=titled(f"Direct attribution · position {token.position}, {quoted(token.label)}", sentence),
        sentences=[attribution_reading(result)],
        results={"attribution": result},
    )


def explained_by_removal(result: EffectResult, info: ModelInfo, sentence: str) -> FigureOfResults:
    """The prediction with and without the removed parts."""
    note = effect_note([one.replacement for one in result.interventions], None)
    removed = "; ".join(intervention_words(one, info) for one in result.interventions)
    numbers = f"Removed: {removed}. The KL divergence is {number(result.divergence)} bits." if removed else ""
    return standalone(
        [effect_figure(result)],
        [280],
        title=titled(f"What if · position {result.position}", sentence),
        sentences=[effect_reading(result), numbers, note],
        results={"effect": result},
    )


def explained_by_sweep(result: SweepResult, selection: Selection, sentence: str) -> FigureOfResults:
    """The effect of removing each head and each MLP alone. selection: what is marked."""
    return standalone(
        [effect_sweep_figure(result, selection)],
        [340],
        title=titled(f"What if · each part removed · position {result.position}", sentence),
        sentences=[effect_sweep_reading(result), effect_note([], result.replacement)],
        results={"sweep": result},
    )


def explained_by_patches(result: PatchingResult, sentence: str, other: str) -> FigureOfResults:
    """The effect of each value that is carried over from a sentence to another."""
    return standalone(
        [effect_patching_figure(result, selected=None)],
        [420],
        title=titled("What if · patched with values of A", sentence),
        sentences=[
            f"B is “{other}”.",
            effect_patching_reading(result, None, result.clean),
            effect_patching_note(result),
        ],
        results={"patching": result},
    )
