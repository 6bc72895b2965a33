"""Error responses: one line of plain text for every HTTP error, and nothing of an exception that is a bug."""

from __future__ import annotations

import math
import time

from dash.exceptions import DependencyException
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from dashboard.errors import user_message


def install(server: Flask) -> None:
    """Answer every exception that reaches Flask."""
    server.register_error_handler(HTTPException, _http_error)
    server.register_error_handler(Exception, _server_error)


def plain_text(message: str, status: int, **headers: str) -> Response:
    """A response of one line. headers: underscores stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(f"{message}\n", status, named, content_type="text/plain; charset=utf-8")


def too_many_requests(until: float) -> Response:
    """429, to try again at a time in seconds since 1970."""
    seconds = max(1, math.ceil(until - time.time()))
    message = f"Too many requests from your address. Try again in {seconds} seconds."
    return plain_text(message, 429, Retry_After=str(seconds))


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.response or (error.code or 500) < 400:  # a response of our own, or a redirect
        return error
    response = error.get_response()
    response.set_data(f"{error.description or error.name}\n")
    response.content_type = "text/plain; charset=utf-8"
    return response  # type: ignore[return-value]


def _server_error(error: Exception) -> Response:
    # Dash lists some files that its packages do not contain.
    missing = isinstance(error, FileNotFoundError) and "fingerprinted_path" in (request.view_args or {})
    if missing or isinstance(error, DependencyException):
        return plain_text("There is no such file.", 404)
    return plain_text(user_message(error), 500)
