"""Callback of the direct attribution panel: computes the shares of all parts and draws one view of them."""

from functools import partial

from dash import Dash, Input, Output

from analysis.attribution import AttributionView, compute_attribution, second_target
from analysis.comparison.attribution import compute_attribution_difference
from analysis.comparison.pair import Comparison
from analysis.comparison.problem import incomparable
from analysis.errors import check_choice
from analysis.numerics.nonfinite import unexplainable
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.panel import PanelCallback, Values, panel_callback
from callbacks.services import Services
from callbacks.target import register_target_search
from layouts import ids
from layouts.attribution import AGAINST, FOUND, NAME, SEARCH, TARGET, VIEW
from layouts.figures.attribution import attribution_figure, attribution_reading
from layouts.figures.attribution_charts import (
    attribution_bars_figure,
    attribution_depth_figure,
    attribution_neurons_figure,
)
from layouts.figures.comparison.attribution import attribution_difference_reading
from layouts.figures.empty import empty_figure
from layouts.figures.tables.attribution import attribution_tables
from layouts.figures.text import quoted
from layouts.target import target_words
from layouts.theme import THEMES

_FIGURES = {
    "map": attribution_figure,
    "bars": attribution_bars_figure,
    "neurons": attribution_neurons_figure,
    "depth": attribution_depth_figure,
}


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the panel for a prompt, a selection and a second target; search the vocabulary."""

    register_target_search(app, services, search=SEARCH, found=FOUND, against=AGAINST)

    return panel_callback(
        NAME,
        partial(draw_attribution, services),
        tables=attribution_tables,
        difference=partial(draw_attribution_difference, services),
        outputs={"figure": Output(ids.graph(NAME), "figure"), "target": Output(TARGET, "children")},
        choices={"view": Input(VIEW, "value"), "against": Input(AGAINST, "value")},
    )


def draw_attribution(
    services: Services,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    view: AttributionView = "map",
    against: str | None = "",
) -> Values:
    """One view (`figure`), the `target` in words, title and reading. against: a token id as text, or empty."""
    check_choice(view, AttributionView, "the view of the attribution")
    look = THEMES[theme]
    trace, model = services.trace(prompt), services.model(prompt)
    position = services.position(trace, selection)
    title = f"Direct attribution · position {position}, {quoted(trace.tokens[position].label)}"
    if reason := unexplainable(model, trace, position):
        figure = empty_figure("Nothing to explain.", theme=look)
        return {"figure": figure, "target": "nothing", "title": title, "reading": reason}
    result = compute_attribution(model, trace, selection, position, against=second_target(against, trace.info))
    return {
        "figure": _FIGURES[view](result, theme=look),
        "target": target_words(result.target, result.against, chosen=result.chosen),
        "title": title,
        "reading": attribution_reading(result),
        "results": {NAME: result},
    }


def draw_attribution_difference(
    services: Services,
    comparison: Comparison,
    selection: Selection,
    *,
    theme: str = "light",
    view: AttributionView = "map",
    against: str | None = "",
) -> Values:
    """The same values for A minus B. The explained token, and that which is subtracted, are the same in both."""
    check_choice(view, AttributionView, "the view of the attribution")
    look, a = THEMES[theme], comparison.a
    model, other_model = services.model(a.prompt), services.model(comparison.b.prompt)
    position = services.position(a, selection)
    title = f"Direct attribution · A − B · position {position}, {quoted(a.tokens[position].label)}"
    if reason := incomparable(comparison, model, other_model, position):
        return {
            "figure": empty_figure("Not compared.", theme=look),
            "target": "nothing",
            "title": title,
            "reading": reason,
        }
    minus = second_target(against, a.info)
    result = compute_attribution_difference(comparison, model, other_model, selection, position, against=minus)
    return {
        "figure": _FIGURES[view](result, compared=True, theme=look),
        "target": target_words(result.target, result.against, chosen=result.chosen),
        "title": title,
        "reading": attribution_difference_reading(result),
        "results": {NAME: result},
    }
