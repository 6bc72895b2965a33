"""Callback of the overview panel: numbers of all heads and tiles as a grid, with the heads' attention where it fits."""

from collections.abc import Callable
from functools import partial
from typing import Any, Unpack

from dash import ClientsideFunction, Dash, Input, Output, Patch, State

from analysis.architecture import ColorBy
from analysis.comparison.overview import compute_overview_difference, compute_patterns_difference
from analysis.comparison.pair import Comparison
from analysis.overview import OverviewResult, Patterns, compute_overview, compute_patterns, overview_without_values
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.coloring import CHOICES, SWEPT, Extras, color_difference, color_numbers, with_problem
from callbacks.panel import PanelCallback, Values, digest, panel_callback
from callbacks.services import Services
from layouts import ids
from layouts.architecture import COLOR_BY
from layouts.figures.comparison.scene import overview_difference_reading
from layouts.figures.overview import overview_changes, overview_figure, overview_reading
from layouts.figures.overview_grid import Wall
from layouts.figures.tables.overview import overview_tables
from layouts.overview import COLOR, NAME, WALL
from layouts.theme import THEMES

_MOST_ASPECT = 5  # of a head's cell: its height divided by its width, or the other way round
_WALL_TYPES = ([int, int], [int, float])  # JSON has no 1.0


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the panel for a prompt, a selection and the 3D scene's colouring, which its own menu sets as well."""
    app.clientside_callback(
        ClientsideFunction("explorer", "showColoring"), Output(COLOR, "value"), Input(COLOR_BY, "value")
    )
    return panel_callback(
        NAME,
        partial(draw_overview, services),
        tables=overview_tables,
        difference=partial(draw_overview_difference, services),
        outputs={
            "figure": Output(ids.graph(NAME), "figure"),
            "patterns": Output(ids.panel(NAME), "data-patterns"),
        },
        choices=CHOICES | {"wall": Input(WALL, "data")},
        triggers=(SWEPT,),
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
    **extras: Unpack[Extras],
) -> Values:
    """Grid (`figure`), title, reading, and a digest of what the attention in it is drawn from (`patterns`).

    against: the token whose logit is subtracted from the explained one, by its id, or empty. wall: `[columns, aspect]`
    of the heads if there is room for their attention, else None. patterns: the digest of the attention that the page
    shows. If it is the same, all but the attention is sent. extras: what some colourings are computed
    from.
    """
    look = THEMES[theme]
    if not services.loaded(prompt):
        outline = overview_without_values(services.outline(prompt).info, selection)
        return _values(outline, "") | {
            "figure": overview_figure(outline, theme=look),
            "patterns": "",
            "results": {NAME: outline},
        }
    trace = services.trace(prompt)
    position = services.position(trace, selection)
    numbers, missing = color_numbers(services, prompt, selection, color_by, against, **extras)
    result = compute_overview(trace, selection, position, **numbers)
    values = _values(result, trace.tokens[position].label)
    if missing:
        values["reading"] = missing
    drawn_from = (trace.info.fingerprint, trace.prompt)
    attention = partial(compute_patterns, trace, derived=partial(services.derived, trace))
    return values | _grid(result, drawn_from, attention, wall=wall, patterns=patterns, theme=theme)


def draw_overview_difference(
    services: Services,
    comparison: Comparison,
    selection: Selection,
    *,
    theme: str = "light",
    color_by: ColorBy = "norm",
    against: str | None = "",
    wall: Any = None,
    patterns: str = "",
    **extras: Unpack[Extras],
) -> Values:
    """As `draw_overview`, of A minus B, in the grid of A; what B does not have is grey."""
    trace = comparison.a
    position = services.position(trace, selection)
    one, other, problem = color_difference(services, comparison, selection, color_by, against, **extras)
    result = compute_overview_difference(comparison, one, other)
    drawn_from = (trace.info.fingerprint, trace.prompt, comparison.digest)
    attention = partial(compute_patterns_difference, comparison, derived=partial(services.derived, trace))
    reading = overview_difference_reading(result, trace.tokens[position].label)
    return {
        "title": "Overview · A − B",
        "reading": with_problem(reading, problem),
        **_grid(result, drawn_from, attention, wall=wall, patterns=patterns, theme=theme),
    }


def _grid(
    result: OverviewResult,
    drawn_from: tuple[Any, ...],
    attention: Callable[[], Patterns],
    *,
    wall: Any,
    patterns: str,
    theme: str,
) -> dict[str, Any]:
    """The figure, or all of it but the attention if the page shows that already; and the attention's digest.

    drawn_from: all that the attention depends on, besides wall and theme.
    """
    look, room = THEMES[theme], _wall(wall, result.parts.info.n_heads)
    if room is None:
        return {"figure": overview_figure(result, theme=look), "patterns": "", "results": {NAME: result}}
    shown_from = digest(*drawn_from, room, theme)
    if patterns != shown_from:
        shown = attention()
        return {
            "figure": overview_figure(result, wall=room, patterns=shown, theme=look),
            "patterns": shown_from,
            "results": {NAME: result, "patterns": shown},
        }
    figure: Any = Patch()
    data, layout = overview_changes(result, wall=room, theme=look)
    for index, changes in enumerate(data):
        figure["data"][index] = changes
    figure["layout"] = layout
    return {"figure": figure, "patterns": shown_from, "results": {NAME: result}}


def _values(result: OverviewResult, token: str) -> dict[str, Any]:
    return {"title": "Overview", "reading": overview_reading(result, token)}


def _wall(wall: Any, n_heads: int) -> Wall | None:
    """What the page has found room for; None for anything that is not a wall of this model's heads."""
    if not isinstance(wall, list) or [type(part) for part in wall] not in _WALL_TYPES:
        return None
    columns, aspect = wall
    is_possible = 1 <= columns <= n_heads and 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT
    return Wall(columns, round(aspect, 1)) if is_possible else None
