"""Numbers for a host, in Prometheus' format: `/metrics`.

What is counted is counted by all of gunicorn's worker processes together, if PROMETHEUS_MULTIPROC_DIR names a folder
for it; whichever answers, answers for all. What is measured is measured when it is asked for, and of the whole machine
but for the models, of which each process has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

import flask
import psutil
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from analysis.errors import AnalysisError
from dashboard.monitoring.health import ALIVE, READY

if TYPE_CHECKING:
    from analysis.models.registry import ModelRegistry
    from analysis.storage.trace_store import TraceStore
    from dashboard.jobs.service import Jobs
    from dashboard.monitoring.request_log import Visit

METRICS = "/metrics"
_ROUTES = {ALIVE: "health", READY: "health", METRICS: "health"} | dict.fromkeys(
    ("/", "/<path:path>", "/_dash-layout", "/_dash-dependencies"), "page"
)
_ASSETS = ("/assets/", "/_dash-component-suites/", "/_favicon")


def install(
    server: flask.Flask, registry: ModelRegistry, traces: TraceStore, jobs: Jobs, *, shown: bool
) -> Callable[[Visit], None]:
    """Answer what is asked for, or nothing; gives what is to be told of each request."""
    disable_created_metrics()
    counts = _Counts(traces)
    jobs.manager.listener = counts.add_job
    measures = _Measures(registry, traces, jobs)

    def answer() -> flask.Response:
        if not shown:
            flask.abort(404)
        counts.catch_up()
        text = generate_latest(counts.registry()) + generate_latest(measures.registry)
        return flask.Response(text, content_type=CONTENT_TYPE_LATEST)

    server.add_url_rule(METRICS, "metrics", answer)
    return counts.add_visit


class _Counts:
    """What has happened, since the server began."""

    def __init__(self, traces: TraceStore) -> None:
        own = self._own = CollectorRegistry()
        self._requests = Counter("explorer_requests", "Requests.", ["route", "status"], registry=own)
        self._seconds = Histogram("explorer_request_seconds", "Time to an answer.", ["route"], registry=own)
        self._started = Counter("explorer_jobs_started", "Jobs that pages have started.", ["panel"], registry=own)
        self._ended = Counter(
            "explorer_jobs_ended", "Jobs that have ended while a page asked.", ["panel", "kind"], registry=own
        )
        self._reads = Counter("explorer_cache_reads", "Reads of the cache of traces.", ["result"], registry=own)
        self._passes = Counter("explorer_forward_passes", "Texts that went through a model.", registry=own)
        self._traces, self._seen, self._lock = traces, (0, 0, 0), Lock()

    def registry(self) -> CollectorRegistry:
        """Of this process; or of all workers, if they have a folder for it."""
        together = CollectorRegistry()
        try:
            MultiProcessCollector(together)
        except ValueError:
            return self._own
        return together

    def add_visit(self, visit: Visit) -> None:
        """Count a request, and what it had to be computed for it."""
        route = visit.callback or _ROUTES.get(visit.route, "asset" if visit.route.startswith(_ASSETS) else "other")
        with suppress(OSError):  # better not counted than not answered
            self._requests.labels(route, f"{visit.status // 100}xx").inc()
            self._seconds.labels(route).observe(visit.seconds)
            self.catch_up()

    def add_job(self, panel: str, kind: str) -> None:
        """Count the start of a job, or its end."""
        if kind == "started":
            self._started.labels(panel).inc()
        else:
            self._ended.labels(panel, kind).inc()

    def catch_up(self) -> None:
        """Count what the store of traces has noted since."""
        with self._lock:
            now = (self._traces.n_hits, self._traces.n_misses, self._traces.n_passes)
            hits, misses, passes = (new - old for new, old in zip(now, self._seen, strict=True))
            self._seen = now
        self._reads.labels("hit").inc(hits)
        self._reads.labels("miss").inc(misses)
        self._passes.inc(passes)


class _Measures:
    """How things stand, read when it is asked for; what cannot be read at the moment is left out."""

    def __init__(self, models: ModelRegistry, traces: TraceStore, jobs: Jobs) -> None:
        self._models, self._traces, self._jobs = models, traces, jobs
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is asked before a request does."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All of them."""
        loaded = [name for name in self._models.names() if self._models.status(name)[0] == "ready"]
        yield _gauge("models_loaded", "Models in the memory of the process that answers.", {"": lambda: len(loaded)})
        yield _gauge(
            "jobs",
            "Jobs at this moment, on this machine, and those that wait for Celery's workers.",
            {"running": lambda: self._jobs.n_held()[0], "waiting": self._n_waiting},
            "state",
        )
        yield _gauge(
            "cache_bytes",
            "Disk space of the caches.",
            {"traces": self._traces.n_bytes, "results": self._jobs.store.n_bytes},
            "cache",
        )
        family = _family()
        yield _gauge(
            "memory_bytes",
            "Memory of all processes of the server: counting what they share each time, or by equal parts.",
            {"resident": lambda: _memory(family, "rss"), "proportional": lambda: _memory(family, "pss")},
            "kind",
        )

    def _n_waiting(self) -> int | None:
        at_work, here = self._jobs.n_held()
        store = self._jobs.store
        return here - at_work + store.n_waiting() if store.works() else None


def _gauge(name: str, help: str, values: dict[str, Callable[[], int | None]], label: str = "") -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"explorer_{name}", help, labels=[label] if label else [])
    for kind, read in values.items():
        with suppress(OSError, AnalysisError):
            if (value := read()) is not None:
                gauge.add_metric([kind] if label else [], value)
    return gauge


def _family() -> list[psutil.Process]:
    """This process, the one of which it is a worker, and all that come from these."""
    first = psutil.Process()
    while (parent := first.parent()) and parent.cmdline() == first.cmdline():
        first = parent
    return [first, *first.children(recursive=True)]


def _memory(family: list[psutil.Process], kind: str) -> int:
    found = 0
    for process in family:
        with suppress(psutil.Error):  # it has ended
            found += getattr(process.memory_full_info(), kind)
    return found
