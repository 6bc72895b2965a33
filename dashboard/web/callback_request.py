"""The callback request: parsed once per HTTP request, strictly, into one object that everything in front of Dash reads.

Admission control, the request checks, the log and metrics all use it, and Dash gets the same parsed body, so that no
two of them can take one request for different things.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import flask
from flask.json.provider import DefaultJSONProvider

from dashboard.web import strict_json
from layouts.job import JobIds

_PARTS = {"output", "outputs", "inputs", "state", "changedPropIds", "parsedChangedPropsIds"}
_HANDLE = re.compile(r"[\w.:~-]{1,200}", re.ASCII)
_PAGE = {"endId": 1}  # which handles a query may have, and how many of each
_RUN = _PAGE | {"cacheKey": 1, "job": 1, "oldJob": 16}  # to start or follow a job, instead of older ones of the page
_CANCEL = _PAGE | {"cancelJob": 16}
_IDS = JobIds(r"([\w-]+)")
_JOB_OUTPUT = re.compile(rf"{_IDS.done}\.data|{_IDS.cancel}\.id", re.ASCII)  # the second is Dash's own callback


@dataclass(frozen=True)
class CallbackRequest:
    """What a page asks of a callback.

    Attributes:
        output: the callback's key in `app.callback_map`.
        component: the id of the component that it writes first, which stands for it in the log and in metrics.
        panel: the panel whose job it starts, follows or cancels; empty for every other callback.
        body: the parsed JSON object, which is also what Dash reads.
        handles: Dash's signed names of the page and of jobs, from the query.
    """

    output: str
    component: str
    panel: str
    body: Mapping[str, Any]
    handles: Mapping[str, Sequence[str]]


class StrictJSONProvider(DefaultJSONProvider):
    """Flask's JSON, read strictly."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Parse a JSON text, as `strict_json.loads` does."""
        return strict_json.loads(s.encode() if isinstance(s, str) else s)


class StrictRequest(flask.Request):
    """A request whose body is JSON in UTF-8 or is refused, and which keeps its callback request once parsed."""

    callback: CallbackRequest | None = None

    @property
    def is_json(self) -> bool:
        """Whether the headers say that the body is JSON, in UTF-8 and not compressed."""
        charset = self.mimetype_params.get("charset", "utf-8").lower()
        return self.mimetype == "application/json" and charset == "utf-8" and not self.content_encoding

    def on_json_loading_failed(self, e: ValueError | None) -> NoReturn:
        """Refuse the body. e: None if its headers say that it is something else."""
        if e is None:
            flask.abort(415, "This request did not come from the page: its body is not sent as JSON. Reload the page.")
        if isinstance(e, UnicodeEncodeError):  # which a person can type
            flask.abort(400, "The text has half a character (a lone surrogate). Remove it.")
        refuse("its body is not valid JSON")


def install(server: flask.Flask) -> None:
    """Parse the JSON of all requests strictly, whoever asks for it first; Flask keeps the result for the next."""
    server.request_class = StrictRequest
    server.json = StrictJSONProvider(server)


def callback_request() -> CallbackRequest:
    """The current request to a callback, parsed at the first call.

    Raises: BadRequest or UnsupportedMediaType if the page's own script cannot have sent it.
    """
    request = flask.request
    assert isinstance(request, StrictRequest), "callback_request.install comes first"
    if request.callback is None:
        request.callback = _parse(request.get_json(), dict(request.args.lists()))
    return request.callback


def parsed_request() -> CallbackRequest | None:
    """The current request to a callback, if there is one and it has been parsed."""
    if flask.has_request_context() and isinstance(flask.request, StrictRequest):
        return flask.request.callback
    return None


def job_panel() -> str:
    """The panel whose job the current request is about; empty if it is about none."""
    found = parsed_request()
    return found.panel if found else ""


def refuse(reason: str) -> NoReturn:
    """Answer 400 to a request that the page's own script would not send."""
    flask.abort(400, f"This request did not come from the page: {reason}. Reload the page.")


def _parse(body: Any, handles: dict[str, list[str]]) -> CallbackRequest:
    output = body.get("output") if isinstance(body, dict) else None
    if not isinstance(output, str) or not body.keys() <= _PARTS:
        refuse("its body does not have the form that the page sends")
    job = _JOB_OUTPUT.fullmatch(output)
    allowed = _PAGE if job is None else _RUN if job[1] else _CANCEL
    for name, values in handles.items():
        if len(values) > allowed.get(name, 0) or not all(map(_HANDLE.fullmatch, values)):
            refuse("it names a job in a form that the server does not use")
    component = output.strip(".").split(".", maxsplit=1)[0]
    return CallbackRequest(output, component, (job[1] or job[2]) if job else "", body, handles)
