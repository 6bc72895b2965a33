"""Callback of the token strip: the chips once per text, the arcs at each click. The page itself moves the mark."""

from functools import partial
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State

from analysis.comparison.pair import Comparison
from analysis.comparison.strip import compute_strip_difference
from analysis.numerics.nonfinite import unexplainable
from analysis.saliency import plan_saliency, read_token_id
from analysis.saliency_methods.baselines import DEFAULT_BASELINE
from analysis.selection import Selection
from analysis.strip import attention_from, compute_strip
from analysis.trace import Prompt
from callbacks.panel import PanelCallback, Values, digest, panel_callback
from callbacks.services import Services
from callbacks.sides import is_complete
from layouts import saliency
from layouts.figures.comparison.strip import (
    strip_difference_colors,
    strip_difference_hover,
    strip_difference_legend,
    strip_difference_reading,
)
from layouts.figures.saliency import saliency_legend, saliency_reading, saliency_shades, saliency_words
from layouts.figures.shade import gradient
from layouts.figures.strip import (
    strip_arcs,
    strip_attention_reading,
    strip_colors,
    strip_hover,
    strip_legend,
    strip_reading,
)
from layouts.figures.tables.strip import strip_tables
from layouts.job import JobIds
from layouts.strip import ARCS, CHIPS, COLOR, HIGH, LOW, NAME, SCALE, chip
from layouts.theme import THEMES, Theme


def register(app: Dash, services: Services) -> PanelCallback:
    """Register the strip, which is drawn for a prompt, a selection and the choices that its colour depends on."""
    app.clientside_callback(
        ClientsideFunction("explorer", "stripDrawn"),
        Input(CHIPS, "children"),
        Input(ARCS, "data-weights"),
        prevent_initial_call=True,
    )
    return panel_callback(
        NAME,
        partial(draw_strip, services),
        tables=strip_tables,
        difference=partial(draw_strip_difference, services),
        outputs={
            "chips": Output(CHIPS, "children"),
            "shown": Output(CHIPS, "data-shown"),
            "arcs": Output(ARCS, "data-weights"),
            "low": Output(LOW, "children"),
            "scale": Output(SCALE, "style"),
            "high": Output(HIGH, "children"),
        },
        choices={
            "color": Input(COLOR, "value"),
            "method": Input(saliency.METHOD, "value"),
            "baseline": Input(saliency.BASELINE, "value"),
            "against": Input(saliency.AGAINST, "value"),
        },
        triggers=(Input(JobIds(saliency.NAME).fresh, "data"),),
        state={"shown": State(CHIPS, "data-shown")},
    )


def draw_strip(
    services: Services,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    color: str = "surprisal",
    method: str = "integrated",
    baseline: str = DEFAULT_BASELINE,
    against: str | None = "",
    shown: str = "",
) -> Values:
    """Chips, the `arcs` of the selected head's attention, the colour scale (`scale`) between the words at its ends
    (`low`, `high`), title and reading.

    color: "surprisal", or "attribution" for the saliency panel's result with its choices. shown: the last value of
    the output `shown`, a digest of the chips on the page and the position that is selected. The same chips are not
    sent again.
    """
    look = THEMES[theme]
    trace = services.trace(prompt)
    position = services.position(trace, selection)
    result = compute_strip(services.model(prompt), trace, derived=partial(services.derived, trace))
    weights = attention_from(trace, selection, position)
    about = strip_attention_reading(weights)
    results = {NAME: result, "attention": weights}
    common = {"arcs": strip_arcs(weights), "title": f"Tokens · position {position}", "results": results}
    reading = f"{about} {strip_reading(result, position)}".lstrip()
    # The chips of surprisals do not depend on the selection.
    chips = digest(trace.info.fingerprint, trace.prompt, theme) if color == "surprisal" else ""
    if chips and _are_shown(chips, shown):
        return {**common, "shown": f"{chips}@{position}", "reading": reading}
    colors, legend = strip_colors(result, theme=look), strip_legend(theme=look)
    words = [strip_hover(result, token.position) for token in result.tokens]
    if color == "attribution":
        choices = {"method": method, "baseline": baseline, "against": read_token_id(against or "")}
        colors, legend, reading, more, results["saliency"] = _attributed(services, prompt, selection, choices, look)
        reading = f"{reading} {about}".rstrip()  # on a narrow screen only its beginning is seen
        words = [one + other for one, other in zip(words, more, strict=True)]
    scale, low, high = legend
    return {
        **common,
        "chips": [
            chip(token, hover, colored, chosen=token.position == position)
            for token, hover, colored in zip(result.tokens, words, colors, strict=True)
        ],
        "shown": f"{chips}@{position}",
        "low": low,
        "scale": {"background": gradient(scale)},
        "high": high,
        "reading": reading,
    }


def draw_strip_difference(
    services: Services,
    comparison: Comparison,
    selection: Selection,
    *,
    theme: str = "light",
    shown: str = "",
    **_choices: Any,
) -> Values:
    """A's chips, coloured by their surprisal minus that of their counterparts in B. There are no arcs."""
    look, trace, other = THEMES[theme], comparison.a, comparison.b
    position = services.position(trace, selection)
    result = compute_strip_difference(
        services.model(trace.prompt),
        services.model(other.prompt),
        comparison,
        derived=partial(services.derived, trace),
        other_derived=partial(services.derived, other),
    )
    chips = digest(trace.info.fingerprint, trace.prompt, other.info.fingerprint, other.prompt, theme)
    common = {
        "arcs": "",
        "title": f"Tokens · A − B · position {position}",
        "reading": strip_difference_reading(result, position),
        "shown": f"{chips}@{position}",
        "results": {"difference": result},
    }
    if _are_shown(chips, shown):
        return common
    scale, low, high = strip_difference_legend(theme=look)
    colors = strip_difference_colors(result, theme=look)
    return {
        **common,
        "chips": [
            chip(token, strip_difference_hover(result, token.position), colored, chosen=token.position == position)
            for token, colored in zip(result.tokens, colors, strict=True)
        ],
        "low": low,
        "scale": {"background": gradient(scale)},
        "high": high,
    }


def _are_shown(chips: str, shown: str) -> bool:
    """Whether the page shows the chips with this digest. shown: as for `draw_strip`, and not to be trusted."""
    return str(shown).partition("@")[0] == chips


def _attributed(
    services: Services, prompt: Prompt, selection: Selection, choices: dict[str, Any], look: Theme
) -> tuple[Any, ...]:
    """Colours, legend, reading and tooltips from the saliency result, and itself if it is complete; without colours
    until it is computed.
    """
    trace = services.trace(prompt)
    position = services.position(trace, selection)
    blank = [("transparent", look.text)] * trace.n_positions
    unshaded = blank, (look.signed, "lowers the logit", "raises the logit")
    if reason := unexplainable(services.model(prompt), trace, position):
        return *unshaded, reason, [""] * trace.n_positions, None
    task = plan_saliency(services.model(prompt), trace, position, target=selection.target, **choices)
    result, offer = services.jobs.show(task, {})
    if result is None:
        reading = "Not computed for this selection yet. Press “Compute” in the saliency panel."
        return *unshaded, reading, [""] * trace.n_positions, None
    return (
        saliency_shades(result, theme=look),
        saliency_legend(result, theme=look),
        saliency_reading(result),
        [f" · {saliency_words(result, token.position)}" for token in result.tokens],
        result if is_complete(offer) else None,
    )
