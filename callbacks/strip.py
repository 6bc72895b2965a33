"""The token strip: fetch, guard, draw."""

from functools import partial
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output

from analysis.saliency import plan_saliency, read_token_id
from analysis.selection import Selection
from analysis.strip import compute_strip
from analysis.trace import Prompt
from layouts import ids, saliency
from layouts.figures.saliency import saliency_legend, saliency_reading, saliency_shades, saliency_words
from layouts.figures.shade import gradient
from layouts.figures.strip import strip_colors, strip_hover, strip_legend, strip_reading
from layouts.job import JobIds
from layouts.strip import CHIPS, COLOR, HIGH, LOW, NAME, SCALE, chip
from layouts.theme import THEMES, Theme


def register(app: Dash, services: Any) -> None:
    """Redraw the strip when the question, the theme, or what its colour depends on changes."""

    @app.callback(
        Output(CHIPS, "children"),
        Output(LOW, "children"),
        Output(SCALE, "style"),
        Output(HIGH, "children"),
        Output(ids.title(NAME), "children"),
        Output(ids.reading(NAME), "children"),
        Output(ids.panel(NAME), "data-selection"),
        Input(ids.PROMPT, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.THEME, "data"),
        Input(COLOR, "value"),
        Input(saliency.METHOD, "value"),
        Input(saliency.BASELINE, "value"),
        Input(saliency.AGAINST, "value"),
        Input(JobIds(saliency.NAME).fresh, "data"),
        running=[(Output(ids.panel(NAME), "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    def draw(prompt: Any, selection: Any, theme: str, color: Any, *given: Any) -> tuple[Any, ...]:
        asked, selected = services.question(prompt, selection)
        method, baseline, against, _fresh = given
        attribution = None
        if color == "attribution":
            attribution = {"method": method, "baseline": baseline, "against": read_token_id(against)}
        return draw_strip(services, asked, selected, theme=theme, attribution=attribution)

    app.clientside_callback(
        ClientsideFunction("explorer", "stripDrawn"), Input(CHIPS, "children"), prevent_initial_call=True
    )


def draw_strip(
    services: Any,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    attribution: dict[str, Any] | None = None,
) -> tuple[Any, ...]:
    """Chips, the colour scale between the words at its ends, title, reading and the selection that they show.

    attribution: the saliency panel's choices, whose result then gives the colours; without, they are surprisals.
    """
    look = THEMES[theme]
    trace = services.trace(prompt)
    position = services.position(trace, selection)
    result = compute_strip(trace, derived=partial(services.derived, trace))
    colors, legend, reading = (
        strip_colors(result, theme=look),
        strip_legend(theme=look),
        strip_reading(result, position),
    )
    words = [strip_hover(result, token.position) for token in result.tokens]
    if attribution is not None:
        colors, legend, reading, more = _attributed(services, prompt, selection, attribution, look)
        words = [one + other for one, other in zip(words, more, strict=True)]
    chips = [
        chip(
            token.label,
            token.position,
            hover,
            color,
            chosen=token.position == position,
            joined=token.group != token.position,
        )
        for token, hover, color in zip(result.tokens, words, colors, strict=True)
    ]
    scale, low, high = legend
    title = f"Tokens · position {position}"
    return chips, low, {"background": gradient(scale)}, high, title, reading, str(selection)


def _attributed(
    services: Any, prompt: Prompt, selection: Selection, choices: dict[str, Any], look: Theme
) -> tuple[Any, ...]:
    """Colours, legend, reading and words for each token, from what jobs have computed; plain where they have not."""
    trace = services.trace(prompt)
    position = services.position(trace, selection)
    task = plan_saliency(services.model(prompt), trace, position, target=selection.target, **choices)
    result, _offer = services.jobs.show(task, {})
    if result is None:
        reading = "Attributions are not computed for this selection: press “Compute” in the saliency panel."
        blank = [("transparent", look.text)] * trace.n_positions
        return blank, (look.signed, "against", "for"), reading, [""] * trace.n_positions
    return (
        saliency_shades(result, theme=look),
        saliency_legend(result, theme=look),
        saliency_reading(result),
        [f" · {saliency_words(result, token.position)}" for token in result.tokens],
    )
