"""A name and a password for the whole page, where the host wants it: HTTP's own way, as browsers know it.

A password's hash is made to be slow. So a pair that was right is remembered by a keyed hash, one hash is computed at a
time, and who gives wrong ones has to wait.
"""

from __future__ import annotations

import hmac
import secrets
from threading import Lock

from flask import Flask, Response, request
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from werkzeug.security import check_password_hash

from dashboard.monitoring.health import ALIVE
from dashboard.web.rate_limit import too_often, visitor

_WRONG = parse("10 per minute")  # passwords, from one visitor
_MOST_REMEMBERED = 64


def install(server: Flask, users: dict[str, str]) -> None:
    """Ask for a name and a password of these, unless there are none. users: hashes by name."""
    if not users:
        return
    pairs = Pairs(users)
    wrong = FixedWindowRateLimiter(MemoryStorage())

    def ask() -> Response | None:
        given = request.authorization
        if request.path == ALIVE:
            return None
        if given is None or given.type != "basic":
            return _sign_in()
        name, password = given.username or "", given.password or ""
        if pairs.remembered(name, password):
            return None
        if not wrong.test(_WRONG, visitor()):
            return too_often(wrong.get_window_stats(_WRONG, visitor()).reset_time)
        if pairs.right(name, password):
            return None
        wrong.hit(_WRONG, visitor())
        return _sign_in()

    server.before_request(ask)


class Pairs:
    """Names and passwords that are right."""

    def __init__(self, users: dict[str, str]) -> None:
        self._users = users
        self._key = secrets.token_bytes(32)
        self._known: dict[bytes, None] = {}  # the oldest first
        self._lock = Lock()

    def remembered(self, name: str, password: str) -> bool:
        """Whether the pair was right lately."""
        return self._mark(name, password) in self._known

    def right(self, name: str, password: str) -> bool:
        """Whether the pair is right; takes as long for a name that there is not."""
        mark = self._mark(name, password)
        with self._lock:
            if mark in self._known:  # by another request of the same page
                return True
            any_hash = next(iter(self._users.values()))
            right = check_password_hash(self._users.get(name, any_hash), password) and name in self._users
            if right:
                self._known[mark] = None
                for oldest in list(self._known)[:-_MOST_REMEMBERED]:
                    del self._known[oldest]
        return right

    def _mark(self, name: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{name}\0{password}".encode(errors="surrogatepass"), "sha256")


def _sign_in() -> Response:
    return Response(
        "Sign in to see this page.\n",
        401,
        {"WWW-Authenticate": 'Basic realm="LLM Architecture Explorer", charset="UTF-8"'},
        content_type="text/plain; charset=utf-8",
    )
