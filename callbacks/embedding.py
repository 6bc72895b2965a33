"""The embeddings panel: fetch, guard, draw."""

from dataclasses import asdict
from functools import partial
from typing import Any

from dash import Dash, Input, Output, State, no_update

from analysis.embedding import Dimensions, Method, Scale, blocks_passed, compute_embedding, tsne_work
from analysis.selection import Selection
from analysis.task import Keep, Task
from analysis.trace import Prompt
from layouts import ids
from layouts.embedding import DIMENSIONS, METHOD, NAME, PATHS, SCALE
from layouts.figures.embedding import Paths, embedding_figure, embedding_reading
from layouts.figures.empty import empty_figure
from layouts.job import JobIds, picture_of
from layouts.theme import THEMES

_JOB = JobIds(NAME)


def register(app: Dash, services: Any) -> None:
    """Redraw the panel when the prompt, the selection, the theme, a choice or what jobs have computed changes."""

    @app.callback(
        Output(ids.graph(NAME), "figure"),
        Output(ids.title(NAME), "children"),
        Output(ids.reading(NAME), "children"),
        Output(ids.panel(NAME), "data-selection"),
        Output(_JOB.offer, "data"),
        Output(picture_of(NAME), "data-old"),
        Input(ids.PROMPT, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.THEME, "data"),
        Input(METHOD, "value"),
        Input(DIMENSIONS, "value"),
        Input(SCALE, "value"),
        Input(PATHS, "value"),
        Input(_JOB.fresh, "data"),
        State(picture_of(NAME), "data-old"),
        running=[(Output(ids.panel(NAME), "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    def draw(prompt: Any, selection: Any, theme: str, method: Method, *choices: Any) -> tuple[Any, ...]:
        asked, selected = services.question(prompt, selection)
        dimensions, scale, paths, _fresh, old = choices
        return draw_embedding(
            services,
            asked,
            selected,
            theme=theme,
            method=method,
            dimensions=dimensions,
            scale=scale,
            paths=paths,
            drawn=bool(old),
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
    drawn: bool = False,
) -> tuple[Any, ...]:
    """Figure, title, reading, the selection that they show, what jobs may compute, and whether the picture is old.

    drawn: whether a previous figure is shown, which stays until there is a new one.
    """
    after = blocks_passed(selection, services.trace(prompt).info.n_blocks)
    title = f"Embeddings · after block {after - 1}" if after else "Embeddings · before block 0"
    question = {"prompt": asdict(prompt), "selection": str(selection), "choices": [method, dimensions, scale]}
    result, offer = services.jobs.show(embedding_task(services, question), question)
    if result is None:
        figure = no_update if drawn else empty_figure("Not computed yet.", theme=THEMES[theme])
        return figure, title, "t-SNE is computed in the background.", str(selection), offer, "true" if drawn else ""
    figure = embedding_figure(result, paths=paths, theme=THEMES[theme])
    return figure, title, embedding_reading(result), str(selection), offer, "false"


def embedding_task(services: Any, question: Any) -> Task:
    """What a question of this panel asks to be computed.

    Raises: AnalysisError for a question that is malformed.
    """
    prompt, selection, (method, dimensions, scale) = services.asked(question, n_choices=3)
    trace = services.trace(prompt)

    def run(keep: Keep) -> Any:
        return compute_embedding(
            trace,
            selection,
            services.position(trace, selection),
            method=method,
            dimensions=dimensions,
            scale=scale,
            derived=partial(services.derived, trace),
            keep=keep,
        )

    return Task(trace, kind=f"tsne {dimensions}", work=tsne_work(trace.n_positions, dimensions), run=run)
