"""Callback of the embeddings panel: computes the result for a selection and draws it."""

from dataclasses import asdict
from functools import partial
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output

from analysis.comparison.embedding import compute_embedding_difference, plan_embedding_difference
from analysis.comparison.pair import Comparison
from analysis.embedding import Dimensions, Projection, Scale, blocks_passed, compute_embedding, plan_embedding
from analysis.errors import AnalysisError
from analysis.selection import Selection
from analysis.task import Task
from analysis.trace import Prompt
from callbacks.panel import PanelCallback, Values, panel_callback
from callbacks.services import Services
from layouts import ids
from layouts.embedding import DIMENSIONS, METHOD, NAME, PATHS, SCALE
from layouts.figures.comparison.embedding import embedding_difference_figure, embedding_difference_reading
from layouts.figures.embedding import LABEL_AREA, Paths, embedding_figure, embedding_reading
from layouts.figures.empty import empty_figure
from layouts.figures.tables.embedding import embedding_tables
from layouts.theme import THEMES


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the panel for a prompt, a selection and the choices of a projection; in 2D if the browser has no WebGL."""
    app.clientside_callback(
        ClientsideFunction("explorer", "keepIn2d"), Input(DIMENSIONS, "value"), Input(ids.SELECTION, "data")
    )
    return panel_callback(
        NAME,
        partial(draw_embedding, services),
        tables=embedding_tables,
        difference=partial(draw_embedding_difference, services),
        outputs={"figure": Output(ids.graph(NAME), "figure")},
        choices={
            "method": Input(METHOD, "value"),
            "dimensions": Input(DIMENSIONS, "value"),
            "scale": Input(SCALE, "value"),
            "paths": Input(PATHS, "value"),
        },
        job=True,
    )


def draw_embedding(
    services: Services,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    method: Projection = "pca",
    dimensions: Dimensions = "2",
    scale: Scale = "equal",
    paths: Paths = "selected",
    outdated: str = "",
) -> Values:
    """Figure, title, reading, what a job may compute (`offer`), and whether the plot is outdated.

    outdated: empty while the page has no plot. The plot of an earlier selection stays until a new one is drawn.
    """
    trace = services.trace(prompt)
    after = blocks_passed(selection, trace.info.n_blocks)
    title = f"Embeddings · after block {after - 1}" if after else "Embeddings · before block 0"
    question = {"prompt": asdict(prompt), "selection": str(selection), "choices": [method, dimensions, scale]}
    choices: dict[str, Any] = {"method": method, "dimensions": dimensions, "scale": scale}
    position = services.position(trace, selection)
    task = plan_embedding(trace, selection, position, **choices)
    if task is None:
        result = compute_embedding(trace, selection, position, **choices, derived=partial(services.derived, trace))
        offer = None
    else:
        result, offer = services.jobs.show(task, question)
    shown = {"title": title, "offer": offer}
    if result is None:
        return shown | _waiting(outdated, theme)
    return {
        "figure": embedding_figure(result, paths=paths, label_area=_area(dimensions), theme=THEMES[theme]),
        "reading": embedding_reading(result),
        "results": {NAME: result},
        "outdated": "false",
        **shown,
    }


def draw_embedding_difference(
    services: Services,
    comparison: Comparison,
    selection: Selection,
    *,
    theme: str = "light",
    method: Projection = "pca",
    dimensions: Dimensions = "2",
    scale: Scale = "equal",
    paths: Paths = "selected",
    outdated: str = "",
) -> Values:
    """As `draw_embedding`, of both texts in one space."""
    trace = comparison.a
    after = blocks_passed(selection, trace.info.n_blocks)
    title = f"Embeddings · A − B · {f'after block {after - 1}' if after else 'before block 0'}"
    if reason := comparison.unequal("d_model", "Embeddings") or comparison.missing_block(selection.block or 0):
        none = empty_figure(reason, theme=THEMES[theme])
        return {"figure": none, "title": title, "reading": reason, "offer": None, "outdated": ""}
    question = {
        "prompt": asdict(trace.prompt),
        "other": asdict(comparison.b.prompt),
        "selection": str(selection),
        "choices": [method, dimensions, scale],
    }
    choices: dict[str, Any] = {"method": method, "dimensions": dimensions, "scale": scale}
    position = services.position(trace, selection)
    task = plan_embedding_difference(comparison, selection, position, **choices)
    if task is None:
        derived = partial(services.derived, trace)
        result = compute_embedding_difference(comparison, selection, position, **choices, derived=derived)
        offer = None
    else:
        result, offer = services.jobs.show(task, question)
    shown = {"title": title, "offer": offer}
    if result is None:
        return shown | _waiting(outdated, theme)
    return {
        "figure": embedding_difference_figure(result, paths=paths, label_area=_area(dimensions), theme=THEMES[theme]),
        "reading": embedding_difference_reading(result),
        "results": {"difference": result},
        "outdated": "false",
        **shown,
    }


def _waiting(outdated: str, theme: str) -> dict[str, Any]:
    """What is shown until a job has a result. outdated: as for `draw_embedding`."""
    reading = "t-SNE is computed in the background."
    if outdated:
        return {"reading": reading, "outdated": "true"}
    return {"reading": reading, "outdated": "", "figure": empty_figure("Not computed yet.", theme=THEMES[theme])}


def _area(dimensions: Dimensions) -> tuple[int, int] | None:
    return None if dimensions == "2" else LABEL_AREA  # in 3D the page leaves no labels out


def embedding_task(services: Services, question: Any) -> Task:
    """The task for a question that a page of this panel sent, of one text or, with `other`, of two.

    Raises: AnalysisError for a question that is malformed, or needs no job.
    """
    prompt, selection, (method, dimensions, scale) = services.asked(question, n_choices=3)
    trace = services.trace(prompt)
    position = services.position(trace, selection)
    choices: dict[str, Any] = {"method": method, "dimensions": dimensions, "scale": scale}
    if "other" in question:
        comparison = services.comparison(prompt, services.prompt(question["other"]))
        task = plan_embedding_difference(comparison, selection, position, **choices)
    else:
        task = plan_embedding(trace, selection, position, **choices)
    if task is None:
        raise AnalysisError("This projection needs no job: it is drawn at once. Reload the page.")
    return task
