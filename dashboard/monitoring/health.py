"""What a host's probes ask: whether this process answers (`/healthz`), and whether it can do its work (`/readyz`).

Words are few and fixed: no path, no text of a visitor and no exception gets into an answer that anyone can read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import flask

from analysis.errors import AnalysisError

if TYPE_CHECKING:
    from analysis.models.registry import ModelRegistry
    from analysis.storage.trace_store import TraceStore
    from dashboard.jobs.service import Jobs

ALIVE, READY = "/healthz", "/readyz"
_OK, _FAILS = "ok", "fails"
_BYTES = b"x" * 4096


def install(server: flask.Flask, registry: ModelRegistry, traces: TraceStore, jobs: Jobs, folder: Path) -> None:
    """Answer the two questions. folder: where results are kept."""
    checks: dict[str, Callable[[], str]] = {
        "model": lambda: _model(registry),
        "cache": lambda: _cache(traces, folder),
        "jobs": lambda: _jobs(jobs),
    }

    def alive() -> flask.Response:
        return _never_kept(flask.Response("ok", content_type="text/plain"))

    def ready() -> flask.Response:
        found = {name: _found(check) for name, check in checks.items()}
        answer = flask.jsonify(found)
        answer.status_code = 200 if set(found.values()) == {_OK} else 503
        return _never_kept(answer)

    server.add_url_rule(ALIVE, "alive", alive)
    server.add_url_rule(READY, "ready", ready)


def _model(registry: ModelRegistry) -> str:
    """The status of the model that the page opens with."""
    status, _ = registry.status(registry.names()[0])
    return _OK if status == "ready" else status


def _cache(traces: TraceStore, folder: Path) -> str:
    if traces.is_temporary:
        return "temporary"
    with TemporaryFile(dir=folder) as file:
        file.write(_BYTES)
        file.seek(0)
        return _OK if file.read() == _BYTES else _FAILS


def _jobs(jobs: Jobs) -> str:
    jobs.n_held()  # the files of places can be written; else an OSError
    return _OK if jobs.store.works() else _FAILS


def _found(check: Callable[[], str]) -> str:
    try:
        return check()
    except (OSError, AnalysisError):
        return _FAILS


def _never_kept(answer: flask.Response) -> flask.Response:
    answer.cache_control.no_store = True
    return answer
