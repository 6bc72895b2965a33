"""The embeddings panel: fetch, guard, draw."""

from functools import partial
from typing import Any

from dash import Dash, Input, Output

from analysis.embedding import Dimensions, Method, Scale, compute_embedding
from analysis.selection import Selection
from analysis.trace import Prompt
from layouts import ids
from layouts.embedding import DIMENSIONS, METHOD, NAME, PATHS, SCALE
from layouts.figures.embedding import Paths, embedding_figure, embedding_reading
from layouts.theme import THEMES


def register(app: Dash, services: Any) -> None:
    """Redraw the panel when the prompt, the selection, the theme or a choice changes."""

    @app.callback(
        Output(ids.graph(NAME), "figure"),
        Output(ids.title(NAME), "children"),
        Output(ids.reading(NAME), "children"),
        Output(ids.panel(NAME), "data-selection"),
        Input(ids.PROMPT, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.THEME, "data"),
        Input(METHOD, "value"),
        Input(DIMENSIONS, "value"),
        Input(SCALE, "value"),
        Input(PATHS, "value"),
        running=[(Output(ids.panel(NAME), "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    def draw(prompt: Any, selection: Any, theme: str, method: Method, *choices: Any) -> tuple[Any, ...]:
        asked, selected = services.question(prompt, selection)
        dimensions, scale, paths = choices
        return draw_embedding(
            services, asked, selected, theme=theme, method=method, dimensions=dimensions, scale=scale, paths=paths
        )


def draw_embedding(
    services: Any,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    method: Method = "pca",
    dimensions: Dimensions = "2",
    scale: Scale = "equal",
    paths: Paths = "selected",
) -> tuple[Any, ...]:
    """Figure, title, reading and the selection that they show."""
    trace = services.trace(prompt)
    result = compute_embedding(
        trace,
        selection,
        services.position(trace, selection),
        method=method,
        dimensions=dimensions,
        scale=scale,
        keep=partial(services.derived, trace),
    )
    place = f"after block {result.after - 1}" if result.after else "before block 0"
    return (
        embedding_figure(result, paths=paths, theme=THEMES[theme]),
        f"Embeddings · {place}",
        embedding_reading(result),
        str(selection),
    )
