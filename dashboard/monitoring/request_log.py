"""The record of each request, for the log and for metrics, without anything that a visitor wrote.

Paths are recorded as the server's rules for them, callbacks by the first component that they write, methods only if
they are usual ones. The client is a short hash of its address and the date, keyed with the server's secret: for a day,
and over all processes, one client's lines can be told from another's, and the log alone reveals neither the address nor
which lines of the next day are the same client's.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Collection, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import flask

from dashboard.web.callback_request import parsed_request
from dashboard.web.paths import CALLBACK

_METHODS = {"GET", "HEAD", "POST", "OPTIONS"}
_OTHER = "other"


@dataclass
class RequestRecord:
    """One request.

    Attributes:
        route: the server's rule for its path; "other" if none fits.
        callback: for a request to a callback, the id of the component that the callback writes first; "other" if there
            is no such callback, or if the request was refused before its body was read.
        n_bytes: of the response, as it is sent.
        client: a hash that stands for the client today.
    """

    method: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    route: str = _OTHER
    callback: str = ""
    status: int = 500
    seconds: float = 0.0
    n_bytes: int = 0
    client: str = ""


CURRENT_REQUEST: ContextVar[RequestRecord | None] = ContextVar("CURRENT_REQUEST", default=None)  # of this thread


def install(server: flask.Flask, outputs: Collection[str], *listeners: Callable[[RequestRecord], None]) -> None:
    """Give the record of every request to the listeners, once it is answered.

    outputs: keys of the app's callbacks, more of which may be registered later.
    """
    wsgi_app = server.wsgi_app

    @server.after_request
    def record_route(response: flask.Response) -> flask.Response:
        if (record := CURRENT_REQUEST.get()) and (rule := flask.request.url_rule):
            record.route = rule.rule
            if rule.rule == CALLBACK:
                asked = parsed_request()
                record.callback = asked.component if asked and asked.output in outputs else _OTHER
        return response

    def recorded_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, started = environ["REQUEST_METHOD"], time.perf_counter()
        record = RequestRecord(method if method in _METHODS else _OTHER)
        token = CURRENT_REQUEST.set(record)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            record.status = int(status[:3])
            record.n_bytes = int(dict(headers).get("Content-Length", 0))
            return start_response(status, [*headers, ("X-Request-Id", record.id)], *more)

        try:
            return wsgi_app(environ, start)
        finally:
            record.seconds = time.perf_counter() - started
            today = time.strftime("%Y-%m-%d", time.gmtime())
            address = environ.get("REMOTE_ADDR", "")  # set by trusted proxies by now
            record.client = _client(str(server.secret_key), today, address)
            for listener in listeners:
                listener(record)
            CURRENT_REQUEST.reset(token)

    server.wsgi_app = recorded_app  # type: ignore[method-assign]


@lru_cache(maxsize=1024)
def _client(secret: str, today: str, address: str) -> str:
    return hmac.new(secret.encode(), f"{today} {address}".encode(), hashlib.sha256).hexdigest()[:8]
