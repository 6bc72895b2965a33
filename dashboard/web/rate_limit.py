"""Who a visitor is, as far as the server can tell: an address; and how often one may ask."""

from __future__ import annotations

import math
import time
from ipaddress import IPv6Address, ip_address, ip_network

from flask import Flask, Response, has_request_context, request
from flask_limiter import Limiter
from werkzeug.middleware.proxy_fix import ProxyFix

from dashboard.monitoring.health import ALIVE, READY
from dashboard.settings import Settings
from dashboard.web import rate_limit_storage
from dashboard.web.security_headers import is_file

_HOME = 64  # bits of an IPv6 address that one home, or one machine, has to itself
_WAIT_SECONDS = 1.0  # for Redis, before this process counts by itself


def install(server: Flask, settings: Settings) -> Limiter:
    """Learn visitors' addresses from the proxies in front, and answer those who ask too often with 429.

    Without Redis each process counts by itself, and so it does while Redis is away.
    """
    if n_proxies := settings.trusted_proxies:
        server.wsgi_app = ProxyFix(server.wsgi_app, x_for=n_proxies, x_proto=n_proxies)  # type: ignore[method-assign]
    limiter = Limiter(
        visitor,
        application_limits=[f"{settings.requests_per_minute} per minute"],
        storage_uri=settings.redis_address or rate_limit_storage.ADDRESS,
        storage_options={"socket_timeout": _WAIT_SECONDS, "socket_connect_timeout": _WAIT_SECONDS}
        if settings.redis_url
        else {},
        in_memory_fallback_enabled=bool(settings.redis_url),
        swallow_errors=True,
        on_breach=lambda limit: too_often(limit.reset_at),
        headers_enabled=False,
    )
    limiter.request_filter(lambda: is_file() or request.path in (ALIVE, READY))
    limiter.init_app(server)
    return limiter


def visitor() -> str:
    """Whose request this is; the same for all that come from one home. One name for all whose address is unknown."""
    try:
        address = ip_address((request.remote_addr or "") if has_request_context() else "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(ip_network((int(address), _HOME), strict=False))
        address = address.ipv4_mapped
    return str(address)


def too_often(until: float) -> Response:
    """What one is told who has to wait until that time, in seconds since 1970."""
    seconds = max(1, math.ceil(until - time.time()))
    return Response(
        f"Too many requests from your address. Try again in {seconds} seconds.\n",
        429,
        {"Retry-After": str(seconds)},
        content_type="text/plain; charset=utf-8",
    )
