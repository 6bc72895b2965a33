"""Explanations of a logit for a notebook: all figures of saliency or of direct attribution, below each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from layouts.figures.attribution import attribution_figure, attribution_reading
from layouts.figures.attribution_charts import attribution_bars_figure, attribution_depth_figure
from layouts.figures.saliency import saliency_depth_figure, saliency_figure, saliency_reading
from layouts.figures.saliency_numbers import saliency_numbers, saliency_warning
from layouts.figures.saliency_path import saliency_path_figure
from layouts.figures.standalone import standalone, titled
from layouts.figures.text import quoted

if TYPE_CHECKING:
    from analysis.attribution import AttributionResult
    from analysis.saliency import SaliencyResult


def explained_by_tokens(result: SaliencyResult, sentence: str) -> go.Figure:
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
    )


def explained_by_parts(result: AttributionResult, sentence: str) -> go.Figure:
    """Shares of all parts, of the strongest, and through depth."""
    token = result.tokens[result.position]
    draws = attribution_figure, attribution_bars_figure, attribution_depth_figure
    return standalone(
        [draw(result) for draw in draws],
        (340, 260, 200),
        title=titled(f"Direct attribution · position {token.position}, {quoted(token.label)}", sentence),
        sentences=[attribution_reading(result)],
    )
