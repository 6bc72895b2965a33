"""The command `export-site`: a static copy of a session's views, or of the lessons, whose results are computed here."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from dash import Dash
from tqdm import tqdm

from analysis.errors import AnalysisError
from analysis.lessons.all_lessons import LESSONS
from callbacks.lessons import draw_lesson
from callbacks.services import Services
from dashboard.app import create_app
from dashboard.jobs.at_once import ResultsAtOnce
from dashboard.models.menu import configured_models, with_first
from dashboard.panels import PANELS
from dashboard.services import AppServices
from dashboard.settings import Settings
from dashboard.snapshot.draw import Snapshots
from dashboard.snapshot.sessions import View, load_session
from dashboard.snapshot.static_copy import DrawnView, check_folder, write_static_copy
from layouts.document import TITLE
from layouts.examples import EXAMPLES
from layouts.figures.text import counted

Group = tuple[str, Sequence[View]]  # views with their title, which may be empty


def export_site(settings: Settings, folder: Path, *, session: Path | None, model: str | None) -> int:
    """Write the folder, with a progress bar, and return the exit status.

    session: a file of views; None for the lessons. model: of views whose address names none, as for the page.
    """
    try:
        check_folder(folder)
        given = None if session is None else load_session(session)
        services, snapshots = snapshots_at_once(settings, model)
        groups = lessons(services) if given is None else [("", given.views)]
        n_views = sum(len(views) for _, views in groups)
        with tqdm(total=n_views, desc="views", file=sys.stderr) as bar:
            shown = [(title, [shown_view(snapshots, view, bar) for view in views]) for title, views in groups]
        n_bytes = write_static_copy(folder, TITLE, shown)
    except AnalysisError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{folder} has {counted(n_views, 'view')} ({n_bytes / 10**6:.1f} MB). Any web server can show it, such as:")
    print(f"python -m http.server --bind 127.0.0.1 --directory {shlex.quote(str(folder))}")
    return 0


def snapshots_at_once(settings: Settings, model: str | None = None) -> tuple[Services, Snapshots]:
    """Services that wait for models and compute what a job would, and the snapshots that they draw.

    Raises: ModelError if the model cannot be used.
    """
    models = configured_models(settings)
    app = create_app(settings, models=with_first(models, model) if model else models)
    services = AppServices(
        app.registry,
        app.traces,
        ResultsAtOnce(app.jobs.store),
        app.menu,
        max_tokens=settings.max_tokens,
        max_characters=settings.max_characters,
        example=next(iter(EXAMPLES.values())).text,
        waits=True,
    )
    never_served = Dash("snapshots")
    panels = [panel.register(never_served, services) for panel in PANELS]
    return services, Snapshots(services, panels, app.layout)


def lessons(services: Services) -> list[Group]:
    """The views of all lessons, computed now.

    Raises: ModelError if the settings do not offer the bundled model.
    """
    drawn = [draw_lesson(services, name, {}) for name in LESSONS]
    return [(lesson["title"], [View(**view) for view in lesson["views"]]) for lesson in drawn]


def shown_view(snapshots: Snapshots, view: View, bar: tqdm[None]) -> DrawnView:
    """A view with its snapshot.

    Raises: AnalysisError that names the view if it cannot be shown.
    """
    try:
        snapshot = snapshots.snapshot(snapshots.question(view.address))
    except AnalysisError as error:
        raise AnalysisError(f"The view “{view.name}” cannot be shown. {error}") from None
    if view.fingerprint and snapshot["model"]["fingerprint"] != view.fingerprint:
        bar.write(f"The view “{view.name}” was made with other weights; the numbers may differ.", file=sys.stderr)
    bar.update()
    return DrawnView(view.name, view.note, snapshot)
