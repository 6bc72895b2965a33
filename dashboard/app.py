"""The one place where the page is put together."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import flask
from dash import Dash, set_props

import callbacks.job
import callbacks.prompt
import callbacks.selection
import callbacks.theme
from analysis.bundled import BUNDLED_DIR
from analysis.model import LanguageModel, ModelRegistry, use_one_thread
from analysis.trace_store import TraceStore
from dashboard.background import Jobs
from dashboard.errors import said
from dashboard.panels import PANELS
from dashboard.services import Services
from dashboard.settings import Settings
from layouts import ids
from layouts.shell import EXAMPLES, shell

MAX_REQUEST_BYTES = 1_000_000
BUNDLED_NAME = "bundled"

_PAGE = """<!DOCTYPE html>
<html lang="en">
  <head>
    {%metas%}
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{%title%}</title>
    {%favicon%}
    {%css%}
  </head>
  <body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>"""


def create_app(settings: Settings | None = None, *, models: Mapping[str, Path | LanguageModel] | None = None) -> Dash:
    """The app, ready to be served. models: by the names that the page offers; the bundled one unless given."""
    settings = settings or Settings.from_environment()
    use_one_thread()
    registry = ModelRegistry(models or {BUNDLED_NAME: BUNDLED_DIR})
    traces = TraceStore(settings.cache_path, max_bytes=settings.cache_mb * 10**6)
    jobs = Jobs(settings)
    services = Services(registry, traces, jobs, max_tokens=settings.max_tokens, example=next(iter(EXAMPLES.values())))
    app = Dash(
        __name__,
        title="LLM Architecture Explorer",
        update_title=None,
        index_string=_PAGE,
        compress=True,
        on_error=_report,
    )
    app.server.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    app.server.extensions |= {"jobs": jobs, "traces": traces}
    app.server.register_error_handler(413, _too_large)
    app.layout = layout = shell(_offered(registry), {panel.name: panel.layout() for panel in PANELS})
    callbacks.prompt.register(app, services)
    callbacks.theme.register(app)
    callbacks.selection.register(
        app,
        clicks=[click for panel in PANELS for click in panel.clicks],
        settings={
            setting: "options" in layout[setting].available_properties for panel in PANELS for setting in panel.settings
        },
    )
    for panel in PANELS:
        panel.register(app, services)
        if panel.task:
            jobs.register(app, panel.name, partial(panel.task, services))
            callbacks.job.register(app, panel.name)
    return app


def make_ready(app: Dash) -> None:
    """What a process does once, after the last import and before its first thread and request."""
    # Dash registers the page's scripts when it renders the index; a process that has not yet done so could not serve
    # them.
    app.server.test_client().get("/")
    app.server.extensions["traces"].close()  # it opens by itself again, each process its own
    # What is there now stays: a collection in a forked job would copy all of it.
    gc.collect()
    gc.freeze()
    app.server.extensions["jobs"].start()


def _offered(registry: ModelRegistry) -> dict[str, str]:
    return {name: _words(registry.get(name)) for name in registry.names()}


def _words(model: LanguageModel) -> str:
    size = f"{model.info.n_parameters / 1e6:.3g} M parameters"
    name = "Bundled story model" if model.name == BUNDLED_NAME else model.name
    return f"{name} ({model.info.family}, {size})"


def _report(error: Exception) -> None:
    """Say what went wrong on the page."""
    set_props(ids.NOTICE, {"is_open": True, "children": said(error)})


def _too_large(_error: Any) -> flask.Response:
    return flask.Response("The request is too large.", status=413)
