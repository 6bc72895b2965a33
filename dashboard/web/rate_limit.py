"""Rate limit: the requests that one client may send in a minute; further ones get 429 and the time to wait."""

from __future__ import annotations

from flask import Flask, request
from flask_limiter import Limiter

from dashboard.settings import Settings
from dashboard.web import rate_limit_storage
from dashboard.web.client import client_address
from dashboard.web.error_responses import too_many_requests
from dashboard.web.paths import ALIVE, READY
from dashboard.web.security_headers import is_file

_TIMEOUT_SECONDS = 1  # for Redis, after which this process counts alone


def install(server: Flask, settings: Settings) -> Limiter:
    """Limit the requests of each client. Files and probes do not count.

    All processes count together in Redis; without one, and while it cannot be reached, each process counts alone.
    """
    limiter = Limiter(
        client_address,
        application_limits=[f"{settings.requests_per_minute} per minute"],
        storage_uri=settings.redis_address or rate_limit_storage.ADDRESS,
        storage_options={"socket_timeout": _TIMEOUT_SECONDS, "socket_connect_timeout": _TIMEOUT_SECONDS}
        if settings.redis_url
        else {},
        in_memory_fallback_enabled=bool(settings.redis_url),
        swallow_errors=True,
        on_breach=lambda limit: too_many_requests(limit.reset_at),
        headers_enabled=False,
    )
    limiter.request_filter(lambda: is_file() or request.path in (ALIVE, READY))
    limiter.init_app(server)
    return limiter
