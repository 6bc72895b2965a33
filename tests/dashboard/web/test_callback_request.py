"""The callback request: parsed once into one object, and there is no second way to read a request."""

import gzip
import json
from typing import Any

import flask
import pytest

from dashboard.web import callback_request as module
from dashboard.web.callback_request import CallbackRequest, callback_request, job_panel, parsed_request
from dashboard.web.paths import CALLBACK
from layouts.job import JobIds

BODY = {"output": "..a.children...b.figure..", "inputs": [{"id": "x", "property": "value", "value": 1}]}


class Server:
    """Parses requests, and notes what is seen of them: by us, by whoever uses Flask's own functions, and the panel."""

    def __init__(self) -> None:
        self.flask = flask.Flask(__name__)
        self.seen: list[tuple[CallbackRequest, Any, str]] = []
        module.install(self.flask)
        self.flask.add_url_rule(CALLBACK, CALLBACK, self._answer, methods=["POST"])

    def post(self, body: Any = BODY, query: str = "", **more: Any) -> int:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"content_type": "application/json"} | more
        return self.flask.test_client().post(f"{CALLBACK}?{query}", data=data, **given).status_code

    def _answer(self) -> str:
        assert parsed_request() is None
        asked = callback_request()
        assert callback_request() is asked is parsed_request()
        assert flask.request.get_json() is flask.request.json is asked.body
        self.seen.append((asked, flask.request.get_json(), job_panel()))
        return ""


@pytest.fixture
def server() -> Server:
    return Server()


def test_all_get_the_same_object(server: Server) -> None:
    assert server.post(query="endId=a") == 200
    ((asked, body, panel),) = server.seen
    assert asked.output == BODY["output"]
    assert asked.component == "a"
    assert body == BODY
    assert asked.handles == {"endId": ["a"]}
    assert asked.panel == panel == ""


@pytest.mark.parametrize("panel", ["saliency", "logit-lens"])
def test_a_request_about_a_job_is_known_by_its_output(server: Server, panel: str) -> None:
    ids = JobIds(panel)
    assert server.post({"output": f"{ids.done}.data"}, "endId=a&cacheKey=b&job=c&oldJob=d&oldJob=e") == 200
    assert server.post({"output": f"{ids.cancel}.id"}, "endId=a&cancelJob=b&cancelJob=c") == 200
    assert [seen[2] for seen in server.seen] == [panel, panel]
    for output in (f"{ids.offer}.data", f"..{ids.done}.data..", f"{ids.done}.data.more", f"x.{ids.done}.data"):
        assert server.post({"output": output}) == 200
    assert [seen[2] for seen in server.seen[2:]] == [""] * 4


def test_outside_a_request_there_is_no_panel() -> None:
    assert job_panel() == ""
    assert parsed_request() is None


@pytest.mark.parametrize(
    ("output", "query"),
    [
        ("a.children", "cancelJob=x"),
        ("a.children", "job=x"),
        ("a.children", "cacheKey=x"),
        ("a.children", "oldJob=x"),
        ("x-job-cancel.id", "job=x"),
        ("x-job-done.data", "cancelJob=x"),
        ("x-job-done.data", "job=x&job=y"),
        ("x-job-done.data", "job=x&job=x"),
        ("x-job-done.data", "endId=x&endId=y"),
        ("x-job-done.data", "job="),
        ("x-job-done.data", "job=%00"),
        ("x-job-done.data", "job=%ff"),
        ("x-job-done.data", "Job=x"),
        ("x-job-done.data", "job[]=x"),
        ("x-job-done.data", "output=a.children"),
        ("x-job-done.data", "&".join(["oldJob=x"] * 17)),
        ("a.children", "_method=PUT"),
    ],
)
def test_a_query_has_only_the_handles_that_fit(server: Server, output: str, query: str) -> None:
    assert server.post({"output": output}, query) == 400
    assert server.seen == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"output": "x-job-done.data", "output": "a.children"}',
        b'{"output": "a.children", "output": "x-job-done.data"}',
        b'{"output": "a.children", "\\u006futput": "x-job-done.data"}',
        b'{"output": "a.children", "inputs": [{"id": "x", "property": "value", "value": 1, "value": 2}]}',
        b'{"output": "a.children", "inputs": NaN}',
        b'{"output": "a.children", "inputs": 1e999}',
        b'{"output": "a.children", "inputs": 99999999999999999999}',
        b'{"output": "a.children", "inputs": "\\ud800"}',
        b'{"output": "a.children", "inputs": "\xff"}',
        b'{"output": "a.children", "inputs": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b"\xef\xbb\xbf" + json.dumps(BODY).encode(),
        json.dumps(BODY).encode("utf-16"),
        json.dumps(BODY).encode("utf-16-le"),
        json.dumps(BODY).encode("utf-32-be"),
        gzip.compress(json.dumps(BODY).encode()),
        b"output=x-job-done.data",
        {"output": ["a.children"]},
        {"output": None},
        {},
        [BODY],
        {**BODY, "Output": "x-job-done.data"},
        {**BODY, "background": True},
    ],
)
def test_a_body_that_could_be_read_in_two_ways_is_refused(server: Server, body: Any) -> None:
    assert server.post(body) == 400
    assert server.seen == []


@pytest.mark.parametrize(
    "more",
    [
        {"content_type": None},
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "application/problem+json"},
        {"content_type": "application/json; charset=utf-16"},
        {"content_type": "application/json; charset=latin-1"},
        {"headers": {"Content-Encoding": "gzip"}},
        {"headers": {"Content-Encoding": "identity, gzip"}},
    ],
)
def test_a_body_that_is_said_to_be_something_else_is_refused(server: Server, more: dict[str, Any]) -> None:
    assert server.post(**more) == 415
    assert server.seen == []


def test_utf_8_may_be_named(server: Server) -> None:
    assert server.post(content_type="application/json; charset=UTF-8") == 200


def test_the_method_is_not_overridden(server: Server) -> None:
    headers = {"X-HTTP-Method-Override": "PUT", "X-Method-Override": "DELETE"}
    assert server.post(headers=headers) == 200
    answer = server.flask.test_client().get(CALLBACK, headers={"X-HTTP-Method-Override": "POST"})
    assert answer.status_code == 405


def test_a_person_who_typed_half_a_character_is_told(server: Server) -> None:
    body = b'{"output": "a.children", "inputs": "\\ud800"}'
    answer = server.flask.test_client().post(CALLBACK, data=body, content_type="application/json")
    assert "half a character" in answer.text


def test_without_the_installed_parser_nothing_is_parsed() -> None:
    app = flask.Flask(__name__)
    with app.test_request_context(CALLBACK, json=BODY), pytest.raises(AssertionError):
        callback_request()
