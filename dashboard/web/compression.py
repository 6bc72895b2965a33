"""Compression of responses: files well, once before the first request; answers fast, each time.

plotly.js alone has 4.8 MB. It is kept compressed, since that takes a third of a second, even if the browser only asks
whether it has changed.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from operator import attrgetter

import flask
from flask_compress import Compress
from flask_compress.compat import compression

from dashboard.storage.lru_cache import ByteLimitedCache
from dashboard.web.paths import CALLBACK
from dashboard.web.security_headers import is_file

_FILES = ("/_dash-component-suites/", "/_bundle/")
_FILE_LEVEL = 12  # of zstd; 19 would take ten times as long, for 6 % fewer bytes
_ANSWER_LEVEL, _LARGE_LEVEL = 1, 3  # for answers of less and of more than `_LARGE` bytes
_LARGE = 400_000  # of a first drawing or a long text, whose way to the browser takes longer than to compress it well
_SMALL = 500  # bytes, which are not worth it
_TEXTS = ("text/html", "application/json")
_MAX_BYTES = 16 * 10**6  # all files take 2 MB in each of three algorithms


class _CompressedFiles(ByteLimitedCache[bytes]):
    """A cache with the interface that Flask-Compress expects, by algorithm and path; it keeps files only."""

    def get(self, key: Hashable) -> bytes | None:
        return super().get(key) if _is_kept(key) else None

    def set(self, key: Hashable, value: bytes) -> None:
        if _is_kept(key):
            super().set(key, value)


def install(server: flask.Flask) -> None:
    """Compress the server's responses."""
    server.config["COMPRESS_LEVEL"] = 4  # of gzip: half the work of 6, and 5 % more bytes
    server.config["COMPRESS_BR_LEVEL"] = 5
    server.config["COMPRESS_ZSTD_LEVEL"] = _FILE_LEVEL
    server.config["COMPRESS_CACHE_BACKEND"] = lambda: _CompressedFiles(max_bytes=_MAX_BYTES, size=len)
    server.config["COMPRESS_CACHE_KEY"] = attrgetter("path")
    server.extensions["compress"] = Compress(server)
    server.after_request(_compress_answer)  # runs before the one of Flask-Compress, which then leaves it as it is


def compress_files(server: flask.Flask, document: str) -> None:
    """Compress all files that a page asks for when it opens, for browsers that read zstd. document: the page's HTML.

    Bypasses the request checks: no client has sent these.
    """
    for path in re.findall(r'(?:src|href)="([^"]+)"', document):
        with server.test_request_context(path, headers={"Accept-Encoding": "zstd"}):
            if flask.request.path.startswith(_FILES):
                server.extensions["compress"].after_request(server.make_response(server.dispatch_request()))


def _compress_answer(response: flask.Response) -> flask.Response:
    """Compress what is not a file; the answer of a click fast: a fifth of the usual work, and 4 % more bytes."""
    if is_file() or response.status_code != 200 or response.is_streamed or response.mimetype not in _TEXTS:
        return response
    answer = response.get_data()
    if len(answer) >= _SMALL and flask.request.accept_encodings["zstd"]:
        is_fast = flask.request.endpoint == CALLBACK and len(answer) < _LARGE
        response.set_data(compression.zstd.compress(answer, _ANSWER_LEVEL if is_fast else _LARGE_LEVEL))
        response.headers["Content-Encoding"] = "zstd"
    return response


def _is_kept(key: Hashable) -> bool:
    _algorithm, _, path = str(key).partition(";")
    return path.startswith(_FILES)
