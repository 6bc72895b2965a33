"""Health checks for a host's probes: liveness (`/healthz`) and readiness (`/readyz`).

Anyone can read the answers, so they are a few fixed words: no path, no visitor's text, no exception.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import flask

from analysis.errors import AnalysisError
from dashboard.web.paths import ALIVE, READY

OK, FAILS = "ok", "fails"

Check = Callable[[], str]  # OK, or a word for what is wrong


def install(server: flask.Flask, checks: Mapping[str, Check]) -> None:
    """Serve both paths: alive if the process answers at all, ready if all checks, by the names to show, are OK."""

    def alive() -> flask.Response:
        return _uncached(flask.Response("ok", content_type="text/plain"))

    def ready() -> flask.Response:
        results = {name: _result(check) for name, check in checks.items()}
        response = flask.jsonify(results)
        response.status_code = 200 if set(results.values()) == {OK} else 503
        return _uncached(response)

    server.add_url_rule(ALIVE, "alive", alive)
    server.add_url_rule(READY, "ready", ready)


def _result(check: Check) -> str:
    try:
        return check()
    except (OSError, AnalysisError):
        return FAILS


def _uncached(response: flask.Response) -> flask.Response:
    response.cache_control.no_store = True
    return response
