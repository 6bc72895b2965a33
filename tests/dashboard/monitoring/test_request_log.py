"""Request log: URL rules, component names and numbers, but nothing that a visitor wrote."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from dash import Dash, Input, Output, dcc, html
from flask import Flask

import dashboard.monitoring.request_log
from dashboard.monitoring.request_log import CURRENT_REQUEST, RequestRecord, install
from dashboard.web import callback_request
from dashboard.web.callback_request import job_panel
from dashboard.web.paths import CALLBACK

CANARY = "canary"


@pytest.fixture
def seen() -> list[RequestRecord]:
    return []


def parse() -> None:
    if flask.request.endpoint == CALLBACK:
        callback_request.callback_request()


@pytest.fixture
def server(seen: list[RequestRecord]) -> Iterator[Flask]:
    app = Dash("tests", compress=True)
    callback_request.install(app.server)
    app.server.before_request(parse)
    install(app.server, app.callback_map, seen.append)
    app.layout = html.Div([dcc.Store("one-job-done"), html.Div(id="two"), html.Div(id="three")])

    @app.callback(Output("one-job-done", "data"), Input("three", "id"))
    def one(_given: Any) -> str:
        return job_panel()

    @app.callback([Output("two", "children"), Output("two", "hidden")], Input("three", "id"))
    def two(_given: Any) -> Any:
        raise KeyError(CANARY)

    app.server.secret_key = "secret"
    app.server.test_client().get("/")
    seen.clear()
    return app.server


def post(server: Flask, output: Any, **more: Any) -> Any:
    inputs = [{"id": "three", "property": "id", "value": CANARY}]
    body = {"output": output, "outputs": {"id": "one-job-done", "property": "data"}, "inputs": inputs}
    return server.test_client().post("/_dash-update-component", json=body, **more)


def test_a_page_and_what_belongs_to_it(server: Flask, seen: list[RequestRecord]) -> None:
    client = server.test_client()
    answer = client.get("/", headers={"Accept-Encoding": "gzip"})
    client.get(f"/{CANARY}?{CANARY}")
    client.get(f"/assets/{CANARY}")
    client.open("/", method=CANARY.upper())
    assert [(record.method, record.route, record.status) for record in seen] == [
        ("GET", "/", 200),
        ("GET", "/<path:path>", 200),
        ("GET", "/assets/<path:filename>", 404),
        ("other", "other", 405),
    ]
    assert seen[0].n_bytes == len(answer.data), "as it is sent, compressed"
    assert answer.headers["X-Request-Id"] == seen[0].id
    assert len({record.id for record in seen}) == 4
    assert all(record.seconds > 0 for record in seen)
    assert CANARY not in repr(seen).lower()
    assert CURRENT_REQUEST.get() is None


def test_a_callback_is_recorded_as_its_first_output(server: Flask, seen: list[RequestRecord]) -> None:
    assert json.loads(post(server, "one-job-done.data").data)["response"]["one-job-done"]["data"] == "one"
    for output in ("..two.children...two.hidden..", f"{CANARY}.children", "one-job-done"):
        assert post(server, output).status_code == 500
    for output in (7, [CANARY]):
        assert post(server, output).status_code == 400
    assert [(record.callback, record.status) for record in seen] == [
        ("one-job-done", 200),
        ("two", 500),
        *[("other", 500)] * 2,
        *[("other", 400)] * 2,
    ]
    assert CANARY not in repr(seen)


def test_a_client_has_one_hash_for_a_day(
    server: Flask, seen: list[RequestRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    def clients(*addresses: str) -> list[str]:
        seen.clear()
        for address in addresses:
            server.test_client().get("/", environ_base={"REMOTE_ADDR": address})
        return [record.client for record in seen]

    one, again, other = clients("192.0.2.1", "192.0.2.1", "192.0.2.2")
    assert one == again != other
    assert len(one) == 8
    monkeypatch.setattr(dashboard.monitoring.request_log.time, "gmtime", lambda: (2001, 2, 3, 4, 5, 6, 7, 8, 0))
    (tomorrow,) = clients("192.0.2.1")
    assert tomorrow != one
    server.secret_key = "another"
    assert clients("192.0.2.1") != [tomorrow]


def test_a_request_that_is_too_large_is_recorded(server: Flask, seen: list[RequestRecord], tmp_path: Path) -> None:
    server.config["MAX_CONTENT_LENGTH"] = 10
    assert post(server, "one-job-done.data").status_code == 413
    assert [(record.route, record.callback, record.status) for record in seen] == [
        ("/_dash-update-component", "other", 413)
    ]
