"""Readiness checks and metrics of this app, as functions that `dashboard.monitoring` calls."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

from analysis.models.registry import ModelRegistry
from analysis.storage.trace_store import TraceStore
from dashboard.jobs.service import Jobs
from dashboard.monitoring.health import FAILS, OK, Check
from dashboard.monitoring.metrics import Reading
from dashboard.monitoring.process_memory import process_memory

_BYTES = b"x" * 4096


def readiness_checks(registry: ModelRegistry, traces: TraceStore, jobs: Jobs, folder: Path) -> Mapping[str, Check]:
    """The checks, by the names that `/readyz` shows. folder: for cached results."""

    def model() -> str:
        """Whether the model that the page opens with is loaded, or a word for its state."""
        status, _ = registry.status(registry.names()[0])
        return OK if status == "ready" else status

    def cache() -> str:
        if traces.is_temporary:
            return "temporary"
        with TemporaryFile(dir=folder) as file:
            file.write(_BYTES)
            file.seek(0)
            return OK if file.read() == _BYTES else FAILS

    def background_jobs() -> str:
        return OK if jobs.works() else FAILS

    return {"model": model, "cache": cache, "jobs": background_jobs}


def totals(traces: TraceStore) -> tuple[Reading, ...]:
    """Counters of the trace store."""
    return (
        Reading(
            "cache_reads",
            "Reads of the cache of traces.",
            {"hit": lambda: traces.n_hits, "miss": lambda: traces.n_misses},
            label="result",
        ),
        Reading("forward_passes", "Texts that went through a model.", {"": lambda: traces.n_passes}),
    )


def gauges(registry: ModelRegistry, traces: TraceStore, jobs: Jobs) -> tuple[Reading, ...]:
    """Gauges, which are read whenever Prometheus scrapes."""

    def n_loaded() -> int:
        return sum(registry.status(name)[0] == "ready" for name in registry.names())

    return (
        Reading("models_loaded", "Models loaded in the process that answers.", {"": n_loaded}),
        Reading(
            "jobs",
            "Running and queued jobs, on this machine or in Celery's queue.",
            {"running": jobs.n_running, "waiting": jobs.n_waiting},
            label="state",
        ),
        Reading(
            "cache_bytes",
            "Disk space of the caches.",
            {"traces": traces.n_bytes, "results": jobs.store.n_bytes},
            label="cache",
        ),
        Reading(
            "memory_bytes",
            "Memory of all processes of the server. Shared memory: resident counts it in each, proportional once.",
            {"resident": partial(process_memory, "rss"), "proportional": partial(process_memory, "pss")},
            label="kind",
        ),
    )
