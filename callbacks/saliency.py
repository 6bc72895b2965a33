"""The saliency panel: fetch, guard, draw."""

import json
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from dash import Dash, Input, Output, State, dcc, no_update

from analysis.errors import AnalysisError
from analysis.saliency import default_target, plan_saliency
from analysis.selection import Part, Selection
from analysis.task import Task
from analysis.trace import Prompt
from layouts import ids
from layouts.figures.empty import empty_figure
from layouts.figures.saliency import saliency_depth_figure, saliency_figure, saliency_reading, saliency_shades
from layouts.figures.saliency_numbers import saliency_export, saliency_numbers, saliency_warning
from layouts.job import JobIds, picture_of
from layouts.saliency import (
    AGAINST,
    BASELINE,
    DEPTH,
    DEPTH_GRAPH,
    DOWNLOAD,
    EXPORT,
    FOUND,
    METHOD,
    NAME,
    NUMBERS,
    SEARCH,
    TARGET,
    TEXT,
    WARNING,
    found_tokens,
    numbers,
    shaded_text,
    target_words,
)
from layouts.theme import THEMES

_JOB = JobIds(NAME)
_MOST_FOUND = 12
_LIBRARIES = ("captum", "numpy", "torch", "transformers")


def register(app: Dash, services: Any) -> None:
    """Redraw the panel when the question, the theme or what jobs have computed changes; search, and export."""
    choices = [Input(METHOD, "value"), Input(BASELINE, "value"), Input(AGAINST, "value")]

    @app.callback(
        Output(ids.graph(NAME), "figure"),
        Output(DEPTH_GRAPH, "figure"),
        Output(DEPTH, "hidden"),
        Output(TEXT, "children"),
        Output(NUMBERS, "children"),
        Output(WARNING, "children"),
        Output(ids.reading(NAME), "children"),
        Output(TARGET, "children"),
        Output(ids.title(NAME), "children"),
        Output(ids.panel(NAME), "data-selection"),
        Output(_JOB.offer, "data"),
        Output(picture_of(NAME), "data-old"),
        Input(ids.PROMPT, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.THEME, "data"),
        *choices,
        Input(_JOB.fresh, "data"),
        State(picture_of(NAME), "data-old"),
        running=[(Output(ids.panel(NAME), "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    def draw(prompt: Any, selection: Any, theme: str, *given: Any) -> tuple[Any, ...]:
        asked, selected = services.question(prompt, selection)
        method, baseline, against, _fresh, old = given
        return draw_saliency(
            services,
            asked,
            selected,
            theme=theme,
            method=method,
            baseline=baseline,
            against=against or "",
            drawn=bool(old),
        )

    @app.callback(
        Output(FOUND, "children"), Input(SEARCH, "value"), State(ids.PROMPT, "data"), prevent_initial_call=True
    )
    def search(text: Any, prompt: Any) -> list[Any]:
        if not isinstance(text, str) or not text:
            return []
        vocabulary = services.model(services.prompt(prompt)).vocabulary
        return found_tokens(vocabulary.search(text, most=_MOST_FOUND))

    @app.callback(
        Output(DOWNLOAD, "data"),
        Input(EXPORT, "n_clicks"),
        State(ids.PROMPT, "data"),
        State(ids.SELECTION, "data"),
        *[State(choice.component_id, "value") for choice in choices],
        prevent_initial_call=True,
    )
    def export(_clicks: Any, prompt: Any, selection: Any, *given: Any) -> Any:
        asked, selected = services.question(prompt, selection)
        method, baseline, against = given
        text = export_saliency(services, asked, selected, method=method, baseline=baseline, against=against or "")
        return dcc.send_string(text, "saliency.json")


def draw_saliency(
    services: Any,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    method: str = "integrated",
    baseline: str = "zero",
    against: str = "",
    drawn: bool = False,
) -> tuple[Any, ...]:
    """Bars, depth and whether it is hidden, text, numbers, warning, reading, target, title; the selection that they
    show; the job's offer; whether what is drawn is old.

    against: a token id as text, or empty. drawn: whether a previous result is shown, which stays until there is a new
    one.
    """
    look = THEMES[theme]
    trace, model = services.trace(prompt), services.model(prompt)
    position = services.position(trace, selection)
    question = _question(prompt, selection, method, baseline, against)
    result, offer = services.jobs.show(saliency_task(services, question), question)
    piece = model.vocabulary.piece
    target = piece(default_target(trace, position) if selection.target is None else selection.target)
    minus = piece(int(against)) if against else None
    words = target_words(target, minus, chosen=selection.target is not None)
    title = f"Saliency · position {position}, ‘{trace.tokens[position].label}’"
    ends = words, title, str(selection), offer
    if result is None:
        reading = "Not computed for this selection yet. The plot below is from the previous one." if drawn else ""
        bars = no_update if drawn else empty_figure("Not computed yet.", theme=look)
        hidden = no_update if drawn else True
        return bars, no_update, hidden, no_update, no_update, "", reading, *ends, "true" if drawn else ""
    deep = result.depth is not None
    return (
        saliency_figure(result, theme=look),
        saliency_depth_figure(result, theme=look) if deep else no_update,
        not deep,
        shaded_text(result.tokens, saliency_shades(result, theme=look), position),
        numbers(saliency_numbers(result)),
        saliency_warning(result) if _final(offer) else "Preview: still computing.",
        saliency_reading(result),
        *ends,
        "false",
    )


def export_saliency(
    services: Any, prompt: Prompt, selection: Selection, *, method: str, baseline: str, against: str
) -> str:
    """JSON with all that is needed to compute the shown result again.

    Raises: AnalysisError if it has not been computed yet.
    """
    question = _question(prompt, selection, method, baseline, against)
    result, offer = services.jobs.show(saliency_task(services, question), question)
    if result is None or not _final(offer):
        raise AnalysisError("There is nothing to export yet. Press “Compute” first.")
    info = services.model(prompt).info
    versions = {library: version(library) for library in _LIBRARIES}
    return json.dumps(saliency_export(result, prompt, info, versions=versions), ensure_ascii=False, indent=1)


def saliency_task(services: Any, question: Any) -> Task:
    """What a question of this panel asks to be computed.

    Raises: AnalysisError for a question that is malformed.
    """
    prompt, selection, (method, baseline, against) = services.asked(question, n_choices=3)
    trace, model = services.trace(prompt), services.model(prompt)
    position = services.position(trace, selection)
    choices = {"method": method, "baseline": baseline, "against": against}
    return plan_saliency(model, trace, position, target=selection.target, **choices)


def _final(offer: dict[str, Any] | None) -> bool:
    """Whether what is shown beside this offer is the whole result."""
    return offer is None or "kept" in offer


def _question(prompt: Prompt, selection: Selection, method: str, baseline: str, against: str) -> dict[str, Any]:
    """Without the selected part, which attributions do not depend on: a click on a head asks nothing new."""
    place = Selection(Part.OUTPUT, position=selection.position, target=selection.target)
    return {"prompt": asdict(prompt), "selection": str(place), "choices": [method, baseline, against]}
