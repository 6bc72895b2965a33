"""HTTP basic authentication for the whole page, where the host wants it.

A password's hash is slow by design. So a correct pair of name and password is remembered by a keyed hash, one hash is
computed at a time, and a client that sends wrong passwords has to wait.
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

from dashboard.web.client import client_address
from dashboard.web.error_responses import plain_text, too_many_requests
from dashboard.web.paths import ALIVE

_FAILURES = parse("10 per minute")  # wrong passwords that one client may send
_MAX_REMEMBERED = 64


def install(server: Flask, users: dict[str, str]) -> None:
    """Require a name and a password, unless there are no users. users: hashes of passwords by name."""
    if not users:
        return
    credentials = Credentials(users)
    failures = FixedWindowRateLimiter(MemoryStorage())

    def authenticate() -> Response | None:
        given = request.authorization
        if request.path == ALIVE:
            return None
        if given is None or given.type != "basic":
            return _challenge()
        name, password = given.username or "", given.password or ""
        if credentials.remembered(name, password):
            return None
        if not failures.test(_FAILURES, client_address()):
            return too_many_requests(failures.get_window_stats(_FAILURES, client_address()).reset_time)
        if credentials.correct(name, password):
            return None
        failures.hit(_FAILURES, client_address())
        return _challenge()

    server.before_request(authenticate)


class Credentials:
    """Checks pairs of name and password."""

    def __init__(self, users: dict[str, str]) -> None:
        self._users = users
        self._key = secrets.token_bytes(32)
        self._known: dict[bytes, None] = {}  # the oldest first
        self._lock = Lock()

    def remembered(self, name: str, password: str) -> bool:
        """Whether the pair was found correct lately."""
        return self._digest(name, password) in self._known

    def correct(self, name: str, password: str) -> bool:
        """Whether the pair is correct; takes as long for a name that does not exist."""
        digest = self._digest(name, password)
        with self._lock:
            if digest in self._known:  # by a concurrent request of the same page
                return True
            any_hash = next(iter(self._users.values()))
            correct = check_password_hash(self._users.get(name, any_hash), password) and name in self._users
            if correct:
                self._known[digest] = None
                for oldest in list(self._known)[:-_MAX_REMEMBERED]:
                    del self._known[oldest]
        return correct

    def _digest(self, name: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{name}\0{password}".encode(errors="surrogatepass"), "sha256")


def _challenge() -> Response:
    scheme = 'Basic realm="LLM Architecture Explorer", charset="UTF-8"'
    return plain_text("Sign in to see this page.", 401, WWW_Authenticate=scheme)
