"""Error responses: one line of text, which for a bug gives only its number."""

import time

import flask
import pytest
from dash.exceptions import DependencyException

from dashboard.web import error_responses
from dashboard.web.error_responses import plain_text, too_many_requests


@pytest.fixture
def server() -> flask.Flask:
    server = flask.Flask(__name__)
    error_responses.install(server)

    @server.get("/raise/<kind>")
    def fail(kind: str) -> str:
        match kind:
            case "bug":
                raise KeyError("secret")
            case "teapot":
                flask.abort(418, "I am a teapot.")
            case "made":
                flask.abort(plain_text("made here", 409))
            case "moved":
                flask.abort(flask.redirect("/elsewhere"))
            case _:
                raise DependencyException("secret")

    return server


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [("teapot", 418, "I am a teapot.\n"), ("made", 409, "made here\n"), ("file", 404, "There is no such file.\n")],
)
def test_an_error_is_a_line_of_text(server: flask.Flask, kind: str, status: int, text: str) -> None:
    answer = server.test_client().get(f"/raise/{kind}")
    assert (answer.status_code, answer.text) == (status, text)
    assert answer.content_type == "text/plain; charset=utf-8"


def test_a_redirect_is_none(server: flask.Flask) -> None:
    assert server.test_client().get("/raise/moved").location == "/elsewhere"


def test_a_bug_is_shown_by_its_number_only(server: flask.Flask, caplog: pytest.LogCaptureFixture) -> None:
    answer = server.test_client().get("/raise/bug")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.text.split("number ")[1].split(".")[0] in caplog.text


@pytest.mark.parametrize(("ahead", "seconds"), [(-5, "1"), (0.2, "1"), (59.5, "60")])
def test_the_time_to_wait_is_whole_seconds(ahead: float, seconds: str) -> None:
    answer = too_many_requests(time.time() + ahead)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, seconds)
    assert f"Try again in {seconds} seconds" in answer.get_data(as_text=True)
