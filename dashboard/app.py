"""The one place where the page is put together."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from dash import Dash, ctx, set_props

import callbacks.job
import callbacks.models
import callbacks.prompt
import callbacks.selection
import callbacks.theme
from analysis.errors import AnalysisError, NotLoaded
from analysis.machine.memory import release_free_memory
from analysis.machine.threads import use_one_thread
from analysis.models.catalogue import Source
from analysis.models.registry import ModelRegistry
from analysis.storage.trace_store import TraceStore
from dashboard.errors import said
from dashboard.jobs.service import Jobs
from dashboard.models.menu import Offers, make_offers, models_on_offer
from dashboard.monitoring import health, json_log, metrics, request_log
from dashboard.panels import PANELS
from dashboard.services import Services
from dashboard.settings import Settings
from dashboard.web import admission, compression, rate_limit, request_checks, security_headers, sign_in
from dashboard.web.missing_weights import without_weights
from layouts import ids
from layouts.models import ON_ITS_WAY, POLL
from layouts.shell import EXAMPLES, shell

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


def create_app(
    settings: Settings | None = None,
    *,
    models: Mapping[str, Source] | None = None,
    example: str | None = None,
) -> Dash:
    """The app, ready to be served.

    models: by the names that the page offers, the first of which it opens with; unless given, the bundled one, the
    sizes of GPT-2 and what the settings name. example: the text that the page opens with.
    Raises: ModelError if the configuration of the first model cannot be used, or the settings name what can be no
    model.
    """
    settings = settings or Settings.from_environment()
    use_one_thread()
    registry, offers = make_offers(settings, models or models_on_offer(settings))
    traces = TraceStore(settings.cache_path, max_bytes=settings.cache_mb * 10**6)
    jobs = Jobs(settings, partial(_prepare_jobs, registry))
    services, in_jobs = (
        Services(
            registry,
            traces,
            jobs,
            max_tokens=settings.max_tokens,
            max_characters=settings.max_characters,
            example=example or next(iter(EXAMPLES.values())),
            offers=offers,
            waits=waits,
        )
        for waits in (False, True)
    )
    opening = registry.names()[0]
    registry.pin(opening)
    sections = {panel.name: panel.layout() for panel in PANELS}
    headings = {ids.title(name): section[ids.title(name)].children for name, section in sections.items()}
    app = Dash(
        __name__,
        title="LLM Architecture Explorer",
        update_title=None,
        index_string=_PAGE,
        add_log_handler=False,  # all that is logged goes one way
        on_error=partial(_report, offers, headings),
    )
    count_visit = metrics.install(app.server, registry, traces, jobs, shown=settings.metrics)
    request_log.watch(app.server, app.callback_map, json_log.tell_visit, count_visit)
    app.server.extensions |= {"jobs": jobs, "traces": traces, "registry": registry}
    compression.install(app.server)
    admission.install(app.server)
    health.install(app.server, registry, traces, jobs, settings.cache_path)
    app.layout = layout = shell(offers.all(), sections)
    callbacks.prompt.register(app, services)
    callbacks.models.register(app, services)
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
            jobs.register(app, panel.name, partial(panel.task, in_jobs))
            callbacks.job.register(app, panel.name)
    rate_limit.install(app.server, settings)
    sign_in.install(app.server, settings.basic_auth_users.by_name())
    security_headers.install(app)
    request_checks.install(app, max_bytes=settings.max_request_kb * 1000)
    return app


def make_ready(app: Dash) -> None:
    """What is done once, after the last import and before the first fork, thread and request."""
    # Before Dash makes one up for this process alone, as it does if the store cannot be reached at this moment.
    app.server.secret_key = app.server.extensions["jobs"].secret_at_start()
    # Dash registers the page's scripts when it renders the index; a process that has not yet done so could not serve
    # them.
    app.server.test_client().get("/")
    # What is there now stays: a collection in a forked process would copy all of it.
    gc.collect()
    gc.freeze()
    release_free_memory()  # what imports needed, before each process keeps a copy of it


def begin(app: Dash) -> None:
    """What each process that serves does first: the page is there while the model that it opens with is loaded."""
    app.server.extensions["jobs"].start()
    registry: ModelRegistry = app.server.extensions["registry"]
    with suppress(AnalysisError):  # which the page tells
        registry.get_nowait(registry.names()[0])


def _prepare_jobs(registry: ModelRegistry) -> None:
    """What most jobs need and their processes should not each do."""
    import analysis.saliency_methods.explained_logit  # noqa: F401

    with suppress(AnalysisError):  # which the job tells
        registry.get(registry.names()[0])


def _report(offers: Offers, headings: Mapping[str, str], error: Exception) -> Any:
    """Say what went wrong: on the page, or in the panel whose values are not in memory."""
    several = isinstance(ctx.outputs_list, list)
    outputs = ctx.outputs_list if several else [ctx.outputs_list]
    written = {output["property"] for output in outputs}
    if not isinstance(error, NotLoaded) or ("data-selection" not in written and written != {"children"}):
        set_props(ids.NOTICE, {"is_open": True, "children": said(error)})
        return None
    given = {item["id"]: item.get("value") for item in [*ctx.inputs_list, *ctx.states_list]}
    offer = offers.offer(given[ids.PROMPT]["model"])
    if offer.state in (*ON_ITS_WAY, "ready"):  # it may have come just now
        set_props(POLL, {"disabled": False})
    values = without_weights(
        str(error),
        outputs,
        headings=headings,
        selection=given.get(ids.SELECTION),
        theme=given.get(ids.THEME),
        downloadable=offer.state == "to download",
    )
    return values if several else values[0]
