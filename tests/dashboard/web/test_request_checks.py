"""Request checks: what the page cannot have sent is refused with a reason, and never causes a server error."""

import copy
import json
import logging
import timeit
from pathlib import Path
from typing import Any

import pytest
from dash import Dash, Input, Output, State, dcc, html
from flask.testing import FlaskClient
from werkzeug.exceptions import BadRequest

from analysis.models.language_model import LanguageModel
from dashboard.app import Explorer, create_app
from dashboard.settings import Settings
from dashboard.web.callback_request import CallbackRequest
from dashboard.web.request_checks import Checks
from tests.tiny import TEXT

UPDATE = "/_dash-update-component"
DEEP = '{"output": ' + "[" * 100_000
SEARCH = {
    "output": "saliency-found.children",
    "outputs": {"id": "saliency-found", "property": "children"},
    "inputs": [{"id": "saliency-search", "property": "value", "value": "f"}],
    "state": [{"id": "prompt", "property": "data", "value": {"model": "tiny", "text": TEXT, "start": False}}],
    "changedPropIds": ["saliency-search.value"],
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, tiny_gpt2: LanguageModel) -> Explorer:
    settings = Settings(cache_dir=str(tmp_path_factory.mktemp("cache")), max_request_kb=200)
    app = create_app(settings, models={"tiny": tiny_gpt2})
    app.server.test_client().get("/")
    return app


@pytest.fixture
def client(app: Explorer) -> FlaskClient:
    return app.server.test_client()


def changed(path: str, value: Any) -> dict[str, Any]:
    """The request of the search, with another value at a path of keys."""
    body: Any = copy.deepcopy(SEARCH)
    *keys, last = [int(key) if key.isdecimal() else key for key in path.split(".")]
    inner = body
    for key in keys:
        inner = inner[key]
    inner[last] = value
    return body


def test_a_request_of_the_page_is_answered(client: FlaskClient) -> None:
    answer = client.post(UPDATE, json=SEARCH)
    assert answer.status_code == 200
    assert json.loads(answer.data)["response"]["saliency-found"]["children"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "{}",
        "[]",
        "null",
        "7",
        '"text"',
        DEEP,
        "[" * 100_000,
        '{"output": ' + "9" * 5000 + "}",
        b"\xff\xfe",
        *map(
            json.dumps,
            [
                changed("output", "no-such.children"),
                changed("output", ["saliency-found.children"]),
                changed("output", "theme.data"),  # computed in the browser
                changed("outputs", []),
                changed("outputs", {"id": "notice", "property": "children"}),
                changed("inputs", []),
                changed("inputs", {}),
                changed("inputs", SEARCH["inputs"] * 2),
                changed("inputs.0", "saliency-search.value"),
                changed("inputs.0.id", "prompt"),
                changed("inputs.0.id", {"type": "x"}),
                changed("inputs.0.property", None),
                changed("inputs.0.more", 1),
                changed("state", None),
                changed("state.0.property", "value"),
                changed("changedPropIds", None),
                changed("changedPropIds", ["notice.children"]),
                changed("changedPropIds", [["saliency-search.value"]]),
                changed("changedPropIds", ["saliency-search.value"] * 2),
                changed("parsedChangedPropsIds", {"a": 1}),
                changed("more", 1),
                changed("inputs.0.value", float("nan")),
                changed("inputs.0.value", float("inf")),
                changed("inputs.0.value", [[[[[[[[[[[[[[1]]]]]]]]]]]]]]),
                changed("inputs.0.value", [0] * 5000),
                changed("state.0.value", [0] * 5000),
                changed("changedPropIds", "saliency-search.value"),
            ],
        ),
    ],
)
def test_a_request_that_the_page_cannot_send_is_refused_in_a_line_of_text(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, body: str | bytes
) -> None:
    with caplog.at_level(logging.WARNING):
        answer = client.post(UPDATE, data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.content_type.startswith("text/plain")
    assert 20 < len(answer.text) < 200
    assert "Traceback" not in answer.text
    assert {record.message for record in caplog.records} <= {"request"}  # the line that each has


def test_a_reason_says_nothing_of_the_request(client: FlaskClient) -> None:
    assert "secret" not in client.post(UPDATE, json=changed("output", "secret")).text


@pytest.mark.parametrize(
    ("control", "value"),
    [
        ("theme", "sepia"),
        ("theme", {}),
        ("theme", None),
        ("attention-view", "sideways"),
        ("attention-view", ["raw"]),
        ("attention-view", 1e300),
    ],
)
def test_a_choice_that_the_page_does_not_offer_is_refused(
    app: Explorer, client: FlaskClient, caplog: pytest.LogCaptureFixture, control: str, value: Any
) -> None:
    output = next(key for key in app.callback_map if "attention-panel.data-selection" in key)
    controls = {item.id: item.value for item in app.layout._traverse() if getattr(item, "options", None)}
    values = controls | {"prompt": SEARCH["state"][0]["value"], "selection": "output@0", "theme": "light"}

    def body(values: dict[str, Any]) -> dict[str, Any]:
        parts = [part.rsplit(".", 1) for part in output.strip(".").split("...")]
        return {
            "output": output,
            "outputs": [{"id": id, "property": name} for id, name in parts],
            "inputs": [{**one, "value": values.get(one["id"])} for one in app.callback_map[output]["inputs"]],
            "state": app.callback_map[output]["state"],
            "changedPropIds": ["selection.data"],
        }

    assert client.post(UPDATE, json=body(values)).status_code == 200
    assert client.post(UPDATE, json=body({**values, control: value})).status_code == 400
    assert {record.message for record in caplog.records} <= {"request"}  # the line that each has


@pytest.mark.parametrize("value", [None, "start", [{}], ["start", "stop"], {"start": 1}])
def test_of_several_choices_each_must_be_offered(app: Explorer, client: FlaskClient, value: Any) -> None:
    output = next(key for key in app.callback_map if key.startswith("..prompt.data"))
    parts = [part.rsplit(".", 1) for part in output.strip(".").split("...")]
    values = {"prompt-model": "tiny", "prompt-text": "a fox"}

    def body(start: Any) -> dict[str, Any]:
        declared = app.callback_map[output]
        given = values | {"prompt-start": start, "prompt-chat": []}
        return {
            "output": output,
            "outputs": [{"id": id, "property": name} for id, name in parts],
            "inputs": [{**one, "value": given.get(one["id"])} for one in declared["inputs"]],
            "state": [{**one, "value": given.get(one["id"])} for one in declared["state"]],
            "changedPropIds": ["prompt-analyse.n_clicks"],
        }

    assert client.post(UPDATE, json=body(["start"])).status_code == 200
    assert client.post(UPDATE, json=body(value)).status_code == 400


@pytest.mark.parametrize(
    "query", ["job=%00", "job=a&job=b", "cacheKey=é", "oldJob=../../etc", "endId=" + "a" * 300, "what=1", "cacheKey="]
)
def test_handles_have_the_form_of_the_servers(client: FlaskClient, query: str) -> None:
    assert client.post(f"{UPDATE}?{query}", json=SEARCH).status_code == 400


def test_a_request_larger_than_the_host_allows_is_refused(client: FlaskClient) -> None:
    answer = client.post(UPDATE, json=changed("inputs.0.value", "x" * 201_000))
    assert (answer.status_code, answer.content_type) == (413, "text/plain; charset=utf-8")


def test_every_address_answers_every_method_without_an_error_of_the_server(app: Explorer, client: FlaskClient) -> None:
    rules = [str(rule) for rule in app.server.url_map.iter_rules()]
    paths = [
        *rules,
        "/assets/../app.py",
        "/assets/%2e%2e/app.py",
        "/assets/%00",
        "/_dash-component-suites/dash/no.js",
        "/_dash-component-suites/dash//etc/passwd",
        "/_dash-component-suites/os/path.py",
        "//elsewhere",
        "/%ff",
        *(f"/_dash-component-suites/{package}/{path}" for package in app.registered_paths for path in
          app.registered_paths[package] if path.endswith(".map")),
    ]  # fmt: skip
    for path in paths:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "ODD"):
            assert client.open(path, method=method).status_code < 500, (method, path)


@pytest.mark.parametrize("path", ["/etc/passwd", "/_dash-component-suites/dash/no.js", "/assets/%2e%2e/app.py", "/x"])
def test_an_unknown_address_is_not_found(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content_type) == (404, "text/plain; charset=utf-8")


def test_a_wrong_method_is_told_which_are_right(client: FlaskClient) -> None:
    answer = client.put(UPDATE)
    assert (answer.status_code, "POST" in answer.headers["Allow"]) == (405, True)


def test_a_bug_outside_callbacks_is_logged_under_a_number_and_shown_without_its_words(
    tmp_path: Path, tiny_gpt2: LanguageModel, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2})
    app.server.add_url_rule("/bug", "bug", lambda: {}["secret"])
    answer = app.server.test_client().get("/bug")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    number = answer.text.split("number ")[1].split(".")[0]
    assert number in caplog.text


def test_a_callback_of_many_properties_is_checked_in_little_time() -> None:
    """As many as the one that draws all panels has: well under a millisecond, on a busy machine too."""
    app = Dash("many", add_log_handler=False)
    app.layout = html.Div([dcc.Store("theme"), *(html.Div(id=f"part-{number}") for number in range(95))])
    outputs = [Output(f"part-{number}", "children") for number in range(60)]
    inputs = [Input(f"part-{number}", "title") for number in range(60, 85)]
    state = [State(f"part-{number}", "title") for number in range(85, 95)]
    app.callback(outputs, inputs, state)(lambda *_: [])
    read = [{"id": one.component_id, "property": one.component_property, "value": "x" * 40} for one in inputs + state]
    names = [{"id": one.component_id, "property": one.component_property} for one in outputs]
    (key,) = app.callback_map
    body = {"output": key, "outputs": names, "inputs": read[:25], "state": read[25:], "changedPropIds": []}
    asked, checks = CallbackRequest(key, "part-0", "", body, {}), Checks(app)
    checks.check(asked)
    assert min(timeit.repeat(lambda: checks.check(asked), number=20, repeat=5)) / 20 < 0.0005
    for wrong in ({"outputs": names[::-1]}, {"inputs": read[1:26]}, {"changedPropIds": ["part-0.title"]}):
        with pytest.raises(BadRequest):
            checks.check(CallbackRequest(key, "part-0", "", body | wrong, {}))
