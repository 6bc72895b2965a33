"""Compression: files are compressed once and cached, all other responses each time."""

import gzip
from typing import Any

import flask
import pytest
from backports import zstd

from dashboard.web import compression

SCRIPT, OTHER = "/_dash-component-suites/plotly.js", "/_dash-update-component"
ELSEWHERE = f"/elsewhere{SCRIPT}"


@pytest.fixture
def server() -> flask.Flask:
    """Answers with the number of requests so far."""
    server, asked = flask.Flask("counting"), []

    def answer(**_path: str) -> flask.Response:
        asked.append(1)
        return flask.Response(f"{len(asked)} " * 1000, mimetype="text/javascript")

    for rule in ("/_dash-component-suites/<path:fingerprinted_path>", OTHER, "/elsewhere/<path:path>"):
        server.add_url_rule(rule, endpoint=rule, view_func=answer)
    compression.install(server)
    return server


def ask(server: flask.Flask, path: str, **headers: str) -> Any:
    return server.test_client().get(path, headers={"Accept-Encoding": "gzip", **headers})


def read(server: flask.Flask, path: str) -> str:
    answer = ask(server, path)
    assert answer.headers["Content-Encoding"] == "gzip"
    return gzip.decompress(answer.data).decode().split()[0]


def test_a_script_is_compressed_once(server: flask.Flask) -> None:
    assert [read(server, SCRIPT) for _ in range(3)] == ["1"] * 3
    assert read(server, f"{SCRIPT}.map") == "4"
    assert server.test_client().get(SCRIPT).text.startswith("5 ")  # uncompressed, for a client without gzip
    assert ask(server, SCRIPT, **{"Accept-Encoding": "br"}).headers["Content-Encoding"] == "br"


@pytest.mark.parametrize("path", [OTHER, ELSEWHERE])
def test_everything_else_is_compressed_each_time(server: flask.Flask, path: str) -> None:
    assert [read(server, path) for _ in range(3)] == ["1", "2", "3"]


def test_files_are_compressed_before_anybody_asks(server: flask.Flask) -> None:
    compression.compress_files(server, f'<link href="{SCRIPT}?m=1"> <script src="{ELSEWHERE}"></script>')
    answer = ask(server, SCRIPT, **{"Accept-Encoding": "gzip, deflate, br, zstd"})
    assert zstd.decompress(answer.data).split()[0] == b"1"
    assert ask(server, ELSEWHERE).status_code == 200
    assert read(server, SCRIPT) == "4"  # in another algorithm


def test_the_answer_of_a_callback_is_compressed_once_and_fast() -> None:
    server, body = flask.Flask("answering"), "".join(f"{n * n} " for n in range(3000))
    server.add_url_rule(OTHER, endpoint=OTHER, view_func=lambda: flask.Response(body, mimetype="application/json"))
    compression.install(server)
    answer = ask(server, OTHER, **{"Accept-Encoding": "gzip, zstd"})
    assert answer.headers["Content-Encoding"] == "zstd"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert answer.data == zstd.compress(body.encode(), 1) != zstd.compress(body.encode(), 3)
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    for accepted in ("gzip", "gzip, zstd;q=0"):
        answer = ask(server, OTHER, **{"Accept-Encoding": accepted})
        assert gzip.decompress(answer.data).decode() == body
    assert ask(server, OTHER, **{"Accept-Encoding": "identity"}).text == body
