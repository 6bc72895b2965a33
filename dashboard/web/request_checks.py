"""Requests that the page's own script would not send end here, with a reason and without a trace in the log.

Dash trusts what a callback's request says of itself, and callbacks trust the values of controls; whoever writes a
request by hand is told why it is refused, before either sees it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from dash import Dash
from dash.exceptions import DependencyException
from flask import Response, abort, request
from werkzeug.exceptions import HTTPException

from dashboard.errors import said
from layouts import ids
from layouts.theme import THEMES

_MOST_DEEP, _MOST_ITEMS = 12, 2000  # of a request's JSON; the page's own have 6 and 300
_PARTS = {"output", "outputs", "inputs", "state", "changedPropIds", "parsedChangedPropsIds"}
_HANDLES = {"endId": 1, "cacheKey": 1, "job": 1, "oldJob": 16, "cancelJob": 16}  # how many of each
_HANDLE = re.compile(r"[\w.:~-]{1,200}", re.ASCII)

Choices = Mapping[tuple[str, str], tuple[Any, bool]]  # by id and property: the values, and whether several are chosen


def install(app: Dash, *, max_bytes: int) -> None:
    """Refuse what is no request of the page's, and answer every error in plain words. To be called when the layout and
    all callbacks are there.
    """
    server, prefix = app.server, app.config.routes_pathname_prefix
    choices = _choices(app)

    def check() -> None:
        if request.endpoint == f"{prefix}<path:path>":  # where Dash would show the page under any other address
            abort(404, "There is nothing at this address.")
        if request.endpoint == f"{prefix}_dash-update-component" and request.method == "POST":
            _check_handles()
            _check_body(app, choices)

    server.config["MAX_CONTENT_LENGTH"] = max_bytes
    server.before_request(check)
    server.register_error_handler(HTTPException, _refused)
    server.register_error_handler(Exception, _failed)


def _check_handles() -> None:
    """What a page says of its jobs, beside the body."""
    for name, values in request.args.lists():
        if len(values) > _HANDLES.get(name, 0) or not all(map(_HANDLE.fullmatch, values)):
            _refuse("It names a job in a form that is not the server's.")


def _check_body(app: Dash, choices: Choices) -> None:
    try:
        body = request.get_json()
    except RecursionError:
        body = None
    if not isinstance(body, dict) or not body.keys() <= _PARTS or not _is_moderate(body):
        _refuse("It is no JSON of the form that the page sends.")
    output = body.get("output")
    callback = app.callback_map.get(output) if isinstance(output, str) else None
    if callback is None or "callback" not in callback:  # those without one run in the browser
        _refuse("It asks for what the server does not compute.")
    declared = callback["output"]
    outputs = [{"id": one.component_id, "property": one.component_property} for one in _listed(declared)]
    inputs, state = body.get("inputs"), body.get("state", [])
    if (
        body.get("outputs") != (outputs if isinstance(declared, list) else outputs[0])
        or not _are_values_of(inputs, callback["inputs"])
        or not _are_values_of(state, callback["state"])
        or not _are_names_of(body.get("changedPropIds"), callback["inputs"])
        or not _are_names_of(body.get("parsedChangedPropsIds", []), callback["inputs"])
    ):
        _refuse("It does not give what this part of the page gives.")
    if not all(_is_choice(choices, item) for item in [*inputs, *state]):
        _refuse("It has a choice that the page does not offer.")


def _choices(app: Dash) -> Choices:
    """What can be chosen on the page, from its layout."""
    controls = [item for item in app.layout._traverse() if getattr(item, "options", None)]
    found = {
        (control.id, "value"): ([option["value"] for option in control.options], isinstance(control.value, list))
        for control in controls
    }
    return {**found, (ids.THEME, "data"): (list(THEMES), False)}


def _is_choice(choices: Choices, item: dict[str, Any]) -> bool:
    values, several = choices.get((item["id"], item["property"]), (None, False))
    given = item.get("value")
    if values is None:
        return True
    if several:
        return isinstance(given, list) and all(one in values for one in given)
    return given in values


def _are_values_of(given: Any, declared: list[dict[str, str]]) -> bool:
    return (
        isinstance(given, list)
        and len(given) == len(declared)
        and all(
            isinstance(item, dict) and item.keys() <= {"id", "property", "value"} and {**item, **one} == item
            for item, one in zip(given, declared, strict=True)
        )
    )


def _are_names_of(given: Any, declared: list[dict[str, str]]) -> bool:
    names = [f"{one['id']}.{one['property']}" for one in declared]
    return isinstance(given, list) and len(given) <= len(names) and all(name in names for name in given)


def _is_moderate(body: Any) -> bool:
    """Whether the JSON is neither deep nor of many parts, and its numbers are numbers."""
    level, n_items = [body], 0
    for _ in range(_MOST_DEEP):
        n_items += len(level)
        if n_items > _MOST_ITEMS or any(isinstance(item, float) and not math.isfinite(item) for item in level):
            return False
        lists = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level = [inner for one in lists for inner in one]
        if not level:
            return True
    return False


def _listed(one: Any) -> list[Any]:
    return one if isinstance(one, list) else [one]


def _refuse(why: str) -> None:
    abort(400, f"This is no request of the page. {why} Reload the page.")


def _refused(error: HTTPException) -> Response | HTTPException:
    """The error in a line of text; as it is, where it is an answer of ours or sends the browser elsewhere."""
    if error.response or (error.code or 500) < 400:
        return error
    answer = error.get_response()
    answer.set_data(error.description or "")
    answer.content_type = "text/plain; charset=utf-8"
    return answer


def _failed(error: Exception) -> Response:
    # Dash lists some files that its packages do not have.
    missing = isinstance(error, FileNotFoundError) and "fingerprinted_path" in (request.view_args or {})
    if missing or isinstance(error, DependencyException):
        return _plain("There is no such file.", 404)
    return _plain(said(error), 500)


def _plain(words: str, status: int) -> Response:
    return Response(words, status, content_type="text/plain; charset=utf-8")
