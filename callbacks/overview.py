"""Callback of the overview panel: numbers of all heads and tiles as a grid, with the heads' attention where it fits."""

from functools import partial
from hashlib import blake2b
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, Patch, State

from analysis.architecture import ColorBy
from analysis.attribution import compute_attribution, second_target
from analysis.overview import OverviewResult, compute_overview, compute_patterns, overview_without_values
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.panel import PanelCallback, Values, panel_callback
from callbacks.services import Services
from layouts import ids
from layouts.architecture import COLOR_BY
from layouts.attribution import AGAINST
from layouts.figures.drawing import written
from layouts.figures.overview import overview_changes, overview_figure, overview_reading
from layouts.figures.overview_grid import Wall
from layouts.overview import COLOR, NAME, WALL
from layouts.theme import THEMES

_MOST_ASPECT = 5  # of a head's cell: its height divided by its width, or the other way round
_WALL_TYPES = ([int, int], [int, float])  # JSON has no 1.0


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the panel for a prompt, a selection and the 3D scene's colouring, which its own menu sets as well."""
    app.clientside_callback(
        ClientsideFunction("explorer", "shareColoring"), Input(COLOR_BY, "value"), Input(COLOR, "value")
    )
    return panel_callback(
        NAME,
        partial(draw_overview, services),
        outputs={
            "figure": Output(ids.graph(NAME), "figure"),
            "patterns": Output(ids.panel(NAME), "data-patterns"),
        },
        choices={"color_by": Input(COLOR_BY, "value"), "against": Input(AGAINST, "value"), "wall": Input(WALL, "data")},
        state={"patterns": State(ids.panel(NAME), "data-patterns")},
    )


def draw_overview(
    services: Services,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    color_by: ColorBy = "norm",
    against: str | None = "",
    wall: Any = None,
    patterns: str = "",
) -> Values:
    """Grid (`figure`), title, reading, and a digest of what the attention in it is drawn from (`patterns`).

    against: the token whose logit is subtracted from the explained one, by its id, or empty. wall: `[columns, aspect]`
    of the heads if there is room for their attention, else None. patterns: the digest of the attention that the page
    shows. If it is the same, all but the attention is sent.
    """
    look = THEMES[theme]
    if not services.loaded(prompt):
        outline = overview_without_values(services.outline(prompt).info, selection)
        return _values(outline, "") | {"figure": overview_figure(outline, theme=look), "patterns": ""}
    trace = services.trace(prompt)
    position = services.position(trace, selection)
    attribution = None
    if color_by == "attribution":
        attribution = compute_attribution(
            services.model(prompt), trace, selection, position, against=second_target(against, trace.info)
        )
    result = compute_overview(trace, selection, position, color_by=color_by, attribution=attribution)
    values = _values(result, trace.tokens[position].label)
    room = _wall(wall, trace.info.n_heads)
    if room is None:
        return values | {"figure": overview_figure(result, theme=look), "patterns": ""}
    drawn_from = repr((trace.info.fingerprint, trace.prompt, room, theme))
    digest = blake2b(drawn_from.encode(errors="surrogatepass"), digest_size=8).hexdigest()
    if patterns == digest:
        figure: Any = Patch()
        data, layout = overview_changes(result, wall=room, theme=look)
        for index, changes in enumerate(data):
            figure["data"][index] = written(changes)
        figure["layout"] = written(layout)
    else:
        attention = compute_patterns(trace, derived=partial(services.derived, trace))
        figure = overview_figure(result, wall=room, patterns=attention, theme=look)
    return values | {"figure": figure, "patterns": digest}


def _values(result: OverviewResult, token: str) -> dict[str, Any]:
    return {"title": "Overview", "reading": overview_reading(result, token)}


def _wall(wall: Any, n_heads: int) -> Wall | None:
    """What the page has found room for; None for anything that is not a wall of this model's heads."""
    if not isinstance(wall, list) or [type(part) for part in wall] not in _WALL_TYPES:
        return None
    columns, aspect = wall
    is_possible = 1 <= columns <= n_heads and 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT
    return Wall(columns, round(aspect, 1)) if is_possible else None
