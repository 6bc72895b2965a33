"""Rate limit: the requests that one client may send in a minute; further ones get 429 and the time to wait."""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, request
from limits import parse
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from dashboard.settings import Settings
from dashboard.web.client import client_address
from dashboard.web.error_responses import too_many_requests
from dashboard.web.paths import ALIVE, READY
from dashboard.web.rate_limit_storage import Counters
from dashboard.web.security_headers import is_file

_TIMEOUT_SECONDS = 1  # for Redis, after which this process counts alone
_RETRY_SECONDS = 5  # until Redis is asked again
_log = logging.getLogger(__name__)


class RateLimit:
    """Counts the requests of each client: all processes together in Redis; without one, and while it cannot be
    reached, each process alone.
    """

    def __init__(self, per_minute: int, redis_address: str = "") -> None:
        self._limit = parse(f"{per_minute} per minute")
        self._alone = FixedWindowRateLimiter(Counters())
        self._alone_until = float("inf")
        if redis_address:
            timeouts = {"socket_timeout": _TIMEOUT_SECONDS, "socket_connect_timeout": _TIMEOUT_SECONDS}
            storage = storage_from_string(redis_address, wrap_exceptions=True, **timeouts)
            self._together = FixedWindowRateLimiter(storage)
            self._alone_until = 0.0

    @property
    def counts_alone(self) -> bool:
        """Whether the next request is counted in this process."""
        return time.monotonic() < self._alone_until

    def refused_until(self, client: str) -> float | None:
        """The time to try again, in seconds since 1970, for a request above the limit; None for others. Counts it."""
        if self.counts_alone:
            return self._count(self._alone, client)
        if self._alone_until:  # while this request finds out whether Redis answers again, others do not wait for it
            self._alone_until = time.monotonic() + _RETRY_SECONDS
        try:
            until = self._count(self._together, client)
        except StorageError as error:
            _log.warning("Requests are counted in this process alone for a while: %s", error.storage_error)
            self._alone_until = time.monotonic() + _RETRY_SECONDS
            return self._count(self._alone, client)
        self._alone_until = 0.0
        return until

    def _count(self, limiter: FixedWindowRateLimiter, client: str) -> float | None:
        if limiter.hit(self._limit, client):
            return None
        return float(limiter.get_window_stats(self._limit, client).reset_time)


def install(server: Flask, settings: Settings) -> RateLimit:
    """Limit the requests of each client. Files and probes do not count."""
    limit = RateLimit(settings.requests_per_minute, settings.redis_address)

    def check() -> Response | None:
        if is_file() or request.path in (ALIVE, READY):
            return None
        until = limit.refused_until(client_address())
        return None if until is None else too_many_requests(until)

    server.before_request(check)
    return limit
