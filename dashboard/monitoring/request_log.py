"""What there is to tell of a request, without anything that a visitor wrote: for the log and for metrics.

Paths are told as the server's rules for them, callbacks by the names of their outputs, methods only if they are usual.
The client is a short hash of its address and the day, keyed with the server's secret: lines of one visitor can be told
from another's for a day, over all processes, and neither the address nor the next day's lines can be found from it by
those who have the log alone.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Collection, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import flask

_METHODS = {"GET", "HEAD", "POST", "OPTIONS"}
_CALLBACKS = "/_dash-update-component"
_OUTPUT = re.compile(rb'"output":\s*"([^"]+)"')  # never within a text, where quotes are escaped


@dataclass
class Visit:
    """One request. route: a rule of the server, "other" if none fits. callback: the id of its first output, if it asks
    for a callback. n_bytes: of the answer, as it is sent.
    """

    method: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    route: str = "other"
    callback: str = ""
    status: int = 500
    seconds: float = 0.0
    n_bytes: int = 0
    client: str = ""


VISIT: ContextVar[Visit | None] = ContextVar("VISIT", default=None)  # that this thread answers


def panel_asked() -> str:
    """The panel whose job this thread's request is about."""
    visit = VISIT.get()
    return visit.callback.partition("-job-")[0] if visit else ""


def watch(server: flask.Flask, outputs: Collection[str], *listeners: Callable[[Visit], None]) -> None:
    """Tell of every request when it is answered. outputs: the keys of the app's callbacks, which may grow."""
    answer = server.wsgi_app

    @server.before_request
    def know_route() -> None:
        visit = VISIT.get()
        assert visit
        visit.route = flask.request.url_rule.rule if flask.request.url_rule else "other"
        if visit.route == _CALLBACKS:
            output = _OUTPUT.search(flask.request.get_data())
            visit.callback = _name(output[1].decode(errors="replace"), outputs) if output else "other"

    def watched(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, began = environ["REQUEST_METHOD"], time.perf_counter()
        visit = Visit(method if method in _METHODS else "other")
        token = VISIT.set(visit)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            visit.status = int(status[:3])
            visit.n_bytes = int(dict(headers).get("Content-Length", 0))
            return start_response(status, [*headers, ("X-Request-Id", visit.id)], *more)

        try:
            return answer(environ, start)
        finally:
            visit.seconds = time.perf_counter() - began
            visit.client = _client(server.secret_key, environ.get("REMOTE_ADDR", ""))  # as a proxy's header was read
            for listener in listeners:
                listener(visit)
            VISIT.reset(token)

    server.wsgi_app = watched  # type: ignore[method-assign]


def _name(output: str, outputs: Collection[str]) -> str:
    """The component that a callback writes first, if there is such a callback."""
    return output.strip(".").split(".", maxsplit=1)[0] if output in outputs else "other"


def _client(secret: str | bytes | None, address: str) -> str:
    today = time.strftime("%Y-%m-%d", time.gmtime())
    return hmac.new(str(secret).encode(), f"{today} {address}".encode(), hashlib.sha256).hexdigest()[:8]
