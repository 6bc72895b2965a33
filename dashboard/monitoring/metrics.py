"""Metrics for Prometheus: `/metrics`.

Counters cover all of gunicorn's worker processes, if PROMETHEUS_MULTIPROC_DIR names a folder that they share: any of
them can answer. Gauges are read when Prometheus asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock

import flask
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
from dashboard.jobs.events import JobEvent
from dashboard.monitoring.request_log import RequestRecord
from dashboard.web.paths import ALIVE, METRICS, READY

_ROUTES = {ALIVE: "health", READY: "health", METRICS: "health"} | dict.fromkeys(
    ("/", "/<path:path>", "/_dash-layout", "/_dash-dependencies"), "page"
)
_ASSETS = ("/assets/", "/_dash-component-suites/", "/_favicon")


@dataclass(frozen=True)
class Reading:
    """Numbers that are read elsewhere. read: by the value of the label, or by "" without a label; None: unknown now."""

    name: str
    help: str
    read: Mapping[str, Callable[[], int | None]]
    label: str = ""

    @property
    def labels(self) -> list[str]:
        """Names of its labels."""
        return [self.label] if self.label else []

    def values(self) -> Iterator[tuple[list[str], int]]:
        """Values of the label, and the numbers that can be read now."""
        for kind, read in self.read.items():
            with suppress(OSError, AnalysisError):
                if (value := read()) is not None:
                    yield [kind] if self.label else [], value


class Metrics:
    """Counters of this app, and the gauges that it is given."""

    def __init__(self, totals: Iterable[Reading] = ()) -> None:
        """totals: what the parts of this process count themselves, since it began."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        own = self._own = CollectorRegistry()
        self._requests = Counter("explorer_requests", "Requests.", ["route", "status"], registry=own)
        self._seconds = Histogram("explorer_request_seconds", "Time to a response.", ["route"], registry=own)
        self._started = Counter("explorer_jobs_started", "Jobs that pages have started.", ["panel"], registry=own)
        self._ended = Counter(
            "explorer_jobs_ended", "Jobs that have ended, noted when a page asks.", ["panel", "kind"], registry=own
        )
        self._totals = [
            (reading, Counter(f"explorer_{reading.name}", reading.help, reading.labels, registry=own), dict[str, int]())
            for reading in totals
        ]
        self._lock = Lock()

    def install(self, server: flask.Flask, gauges: Iterable[Reading]) -> None:
        """Serve `/metrics`."""
        given = CollectorRegistry()
        given.register(_Gauges(tuple(gauges)))

        def respond() -> flask.Response:
            self._add_totals()
            text = generate_latest(self._counters()) + generate_latest(given)
            return flask.Response(text, content_type=CONTENT_TYPE_LATEST)

        server.add_url_rule(METRICS, "metrics", respond)

    def count_request(self, record: RequestRecord) -> None:
        """Count a request, and what was computed for it."""
        route = record.callback or _ROUTES.get(record.route, "asset" if record.route.startswith(_ASSETS) else "other")
        with suppress(OSError):  # a full disk must not fail the request
            self._requests.labels(route, f"{record.status // 100}xx").inc()
            self._seconds.labels(route).observe(record.seconds)
            self._add_totals()

    def count_job(self, event: JobEvent) -> None:
        """Count the start of a job, or its end."""
        if event.kind == "started":
            self._started.labels(event.panel).inc()
        else:
            self._ended.labels(event.panel, event.kind).inc()

    def _add_totals(self) -> None:
        """Add to the counters what the totals have grown by."""
        with self._lock:
            for reading, counter, seen in self._totals:
                for labels, total in reading.values():
                    key = "".join(labels)
                    (counter.labels(*labels) if labels else counter).inc(total - seen.get(key, 0))
                    seen[key] = total

    def _counters(self) -> CollectorRegistry:
        """The counters of all workers, if they have a folder for them; else of this process."""
        together = CollectorRegistry()
        try:
            MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        except ValueError:
            return self._own
        return together


class _Gauges:
    """A collector that reads gauges when it is asked."""

    def __init__(self, readings: tuple[Reading, ...]) -> None:
        self._readings = readings

    def describe(self) -> list[GaugeMetricFamily]:
        """Describe nothing, so that nothing is read before the first request."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read all gauges; one that cannot be read now is left out."""
        for reading in self._readings:
            family = GaugeMetricFamily(f"explorer_{reading.name}", reading.help, labels=reading.labels)
            for labels, value in reading.values():
                family.add_metric(labels, value)
            yield family
