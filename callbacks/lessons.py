"""Callback of the lessons: computes the chosen one on the bundled model, once, and opens its views."""

from functools import partial
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, ctx

from analysis.errors import ModelError
from analysis.lessons.all_lessons import LESSONS
from analysis.lessons.lesson import Subject
from analysis.models.catalogue import BUNDLED
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt
from callbacks.services import Services
from layouts.address import address
from layouts.glossary import explained_json, marked
from layouts.ids import panel
from layouts.lessons import LESSON, MENU, NOT_HERE, lesson_id, view_data

ComputedLessons = dict[tuple[str, str], dict[str, Any]]  # by the bundled model's fingerprint and the lesson's name


def register(app: Dash, services: Services) -> None:
    """Register the callback. services: those that wait for the bundled model, which is loaded in a moment."""
    names = {lesson_id(name): name for name in LESSONS}
    computed: ComputedLessons = {}

    @app.callback(
        Output(LESSON, "data"),
        [Input(id, "n_clicks") for id in names],
        running=[(Output(MENU, "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    def open_lesson(*_clicks: Any) -> Any:
        return draw_lesson(services, names[str(ctx.triggered_id)], computed)

    app.clientside_callback(
        ClientsideFunction("explorer", "openLesson"), Input(LESSON, "data"), prevent_initial_call=True
    )


def draw_lesson(services: Services, name: str, computed: ComputedLessons) -> dict[str, Any]:
    """Session of a lesson, computed when it is first opened: its title and views, and what the bar shows besides.

    For each view, `words` is its note with the terms marked, and `about` the id of the panel that the note is about.
    `next` is the id of the next lesson's entry in the menu, or empty.
    Raises: ModelError if the server does not offer the bundled model.
    """
    if BUNDLED not in [entry.name for entry in services.menu.entries()]:
        raise ModelError(NOT_HERE)
    model = services.model(Prompt(BUNDLED, ""))
    key = model.info.fingerprint, name
    if key not in computed:
        computed[key] = _lesson(services, model, name)
    return computed[key]


def _lesson(services: Services, model: LanguageModel, name: str) -> dict[str, Any]:
    subject = Subject(
        model,
        trace=lambda text: services.trace(Prompt(BUNDLED, text)),
        derived=lambda trace: partial(services.derived, trace),
    )
    _, compute = LESSONS[name]
    lesson = compute(subject)
    views = [
        view_data(
            view.name,
            view.note,
            address(BUNDLED, view.text, view.select, panels=view.panels, settings=view.settings),
            model.info.fingerprint,
        )
        for view in lesson.views
    ]
    return {
        "title": lesson.title,
        "views": views,
        "words": [marked(view.note, mark=explained_json) for view in lesson.views],
        "about": [panel(view.about) for view in lesson.views],
        "next": next(map(lesson_id, list(LESSONS)[list(LESSONS).index(name) + 1 :]), ""),
    }
