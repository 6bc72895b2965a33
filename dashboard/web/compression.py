"""Answers are sent compressed, and the scripts of Dash's components are compressed once.

Otherwise plotly.js alone, 4.8 MB, cost the server up to a quarter of a second for each visitor, even for one whose
browser only asked whether it had changed.
"""

from __future__ import annotations

from collections.abc import Hashable
from operator import attrgetter

import flask
from flask_compress import Compress

from dashboard.lru_cache import ByteLimitedCache

_SCRIPTS = "/_dash-component-suites/"
_MOST_BYTES = 16 * 10**6  # all of them take 2 MB, in each of three ways to compress


class _Scripts(ByteLimitedCache[bytes]):
    """A cache as Flask-Compress wants one, by the way to compress and the path. It keeps scripts only."""

    def get(self, key: Hashable) -> bytes | None:
        return super().get(key) if _of_script(key) else None

    def set(self, key: Hashable, value: bytes) -> None:
        if _of_script(key):
            super().set(key, value)


def install(server: flask.Flask) -> None:
    """Have the server's answers compressed."""
    server.config["COMPRESS_CACHE_BACKEND"] = lambda: _Scripts(max_bytes=_MOST_BYTES, size=len)
    server.config["COMPRESS_CACHE_KEY"] = attrgetter("path")
    Compress(server)


def _of_script(key: Hashable) -> bool:
    _algorithm, _, path = str(key).partition(";")
    return path.startswith(_SCRIPTS)
