"""Application factory: puts models, jobs, panels, middleware and monitoring together."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial

from dash import Dash, set_props

import callbacks.compare
import callbacks.export
import callbacks.find_heads
import callbacks.job
import callbacks.ledger
import callbacks.lessons
import callbacks.models
import callbacks.open_model
import callbacks.own_numbers
import callbacks.prompt
import callbacks.selection
import callbacks.theme
from analysis.errors import AnalysisError
from analysis.lessons.all_lessons import LESSONS
from analysis.machine.threads import use_one_thread
from analysis.models.catalogue import Source
from analysis.models.hub import Hub
from analysis.models.registry import ModelRegistry
from analysis.selection import GRAMMAR
from analysis.storage.trace_store import TraceStore
from dashboard import drawing, probes
from dashboard.errors import user_message
from dashboard.jobs.service import Jobs
from dashboard.models.menu import ModelMenu, configured_models, make_menu
from dashboard.models.model_list import ModelList
from dashboard.models.opener import ModelOpener
from dashboard.monitoring import health, json_log, request_log
from dashboard.monitoring.metrics import Metrics
from dashboard.panels import PANELS
from dashboard.services import AppServices
from dashboard.serving import bundle
from dashboard.settings import Settings
from dashboard.snapshot import export
from dashboard.snapshot.draw import Snapshots
from dashboard.snapshot.sessions import Session
from dashboard.web import middleware
from dashboard.web.callback_request import job_panel
from dashboard.web.client import client_address, not_from_own_page
from layouts import compare, ids
from layouts.document import TITLE, document
from layouts.examples import EXAMPLES
from layouts.links import link_settings
from layouts.shell import shell
from layouts.static_parts import take_out


class Explorer(Dash):
    """The Dash app, with the parts that exist once per process."""

    registry: ModelRegistry
    traces: TraceStore
    jobs: Jobs
    menu: ModelMenu


def create_app(
    settings: Settings | None = None,
    *,
    models: Mapping[str, Source] | None = None,
    example: str | None = None,
    session: Session | None = None,
    local: bool = False,
) -> Explorer:
    """Create the app.

    models: by the names in the menu; the page opens with the first. By default: the bundled model, the sizes of GPT-2,
    and those that the settings name. example: the text that the page opens with. session: the views that the page
    opens on. local: whether only this machine can reach the server, so that the person in front of it may open
    any model.
    Raises: ModelError if the configuration of the first model cannot be used, or the settings contain an invalid name
    of a model.
    """
    settings = settings or Settings.from_environment()
    use_one_thread()
    offered = models or configured_models(settings)
    if local:
        offered = ModelList(offered)
    hub = Hub()
    registry, menu = make_menu(settings, offered, hub=hub)
    opener = ModelOpener(offered, registry, menu, hub, not_from_own_page) if isinstance(offered, ModelList) else None
    traces = TraceStore(settings.cache_path, max_bytes=settings.cache_mb * 10**6)
    metrics = Metrics(probes.totals(traces))
    jobs = Jobs(
        settings,
        partial(_prepare_jobs, registry),
        client=client_address,
        panel=job_panel,
        count=metrics.count_job,
        log=json_log.log_job,
    )
    services, in_jobs = (
        AppServices(
            registry,
            traces,
            jobs,
            menu,
            opener=opener,
            max_tokens=settings.max_tokens,
            max_characters=settings.max_characters,
            example=example or next(iter(EXAMPLES.values())).text,
            waits=waits,
        )
        for waits in (False, True)
    )
    opening = registry.names()[0]
    registry.pin(opening)
    sections = {panel.name: panel.layout() for panel in PANELS}
    headings = {name: section[ids.title(name)].children for name, section in sections.items()}
    app = Explorer(
        __name__,
        title=TITLE,
        update_title="",
        meta_tags=[  # read by assets/selection_text.js and assets/address.js
            {"name": "selection-grammar", "content": GRAMMAR},
            {"name": "link-settings", "content": link_settings()},
        ],
        assets_ignore=".",  # all; `bundle` serves them
        add_log_handler=False,  # the log has one handler, `json_log`'s
        on_error=_report,
    )
    bundle.install(app)
    app.registry, app.traces, app.jobs, app.menu = registry, traces, jobs, menu
    app.server.config["LOCAL_ONLY"] = local
    app.layout = layout = shell(
        menu.entries(),
        [(panel.dock, sections[panel.name]) for panel in PANELS],
        lessons={name: title for name, (title, _) in LESSONS.items()},
        opens_models=local,
        session=asdict(session) if session else None,
    )
    scripts = f"{app.config.requests_pathname_prefix}_dash-component-suites/"
    app.index_string = document(scripts, take_out(layout))
    callbacks.prompt.register(app, services)
    callbacks.models.register(app, services)
    callbacks.compare.register(app, services)
    if opener:
        callbacks.open_model.register(app, services)
    callbacks.find_heads.register(app, services)
    callbacks.ledger.register(app, services)
    callbacks.lessons.register(app, in_jobs)
    callbacks.own_numbers.register(app)
    callbacks.theme.register(app)
    callbacks.selection.register(
        app,
        clicks=[click for panel in PANELS for click in panel.clicks],
        settings={
            setting: "options" in layout[setting].available_properties for panel in PANELS for setting in panel.settings
        }
        | compare.SETTINGS,
    )
    panels = [panel.register(app, services) for panel in PANELS]
    drawing.register(app, services, panels, headings=headings)
    callbacks.export.register(app, services, panels)
    export.register(app, Snapshots(services, panels, layout))
    for panel in PANELS:
        if panel.task:
            jobs.register(app, panel.name, partial(panel.task, in_jobs))
            callbacks.job.register(app, panel.name)
    _add_monitoring(app, settings, metrics)
    middleware.install(app, settings)
    return app


def _add_monitoring(app: Explorer, settings: Settings, metrics: Metrics) -> None:
    health.install(app.server, probes.readiness_checks(app.registry, app.traces, app.jobs, settings.cache_path))
    if settings.metrics:
        metrics.install(app.server, probes.gauges(app.registry, app.traces, app.jobs))
    request_log.install(app.server, app.callback_map, json_log.log_request, metrics.count_request)


def _prepare_jobs(registry: ModelRegistry) -> None:
    """Import and load what most jobs need, before their processes are forked."""
    import analysis.saliency_methods.explained_logit  # noqa: F401

    with suppress(AnalysisError):  # which the job reports
        registry.get(registry.names()[0])


def _report(error: Exception) -> None:
    """Show an error in the page's notice."""
    set_props(ids.NOTICE, {"is_open": True, "children": user_message(error)})
