"""Middleware: everything between the web server and a callback, in one ordered list with a reason for each position.

Hooks before a request run in this order, hooks after it in the reverse order.
"""

from __future__ import annotations

from collections.abc import Callable

from dash import Dash

from dashboard.settings import Settings
from dashboard.web import (
    admission,
    callback_request,
    client,
    compression,
    error_responses,
    rate_limit,
    request_checks,
    security_headers,
    sign_in,
)

Install = Callable[[Dash, Settings], object]
MIDDLEWARE: tuple[tuple[Install, str], ...] = (
    (
        lambda app, _: callback_request.install(app.server),
        "first: whoever reads a body, Dash too, gets the one strictly parsed object",
    ),
    (
        lambda app, _: error_responses.install(app.server),
        "catches what any of the following raises",
    ),
    (
        lambda app, _: compression.install(app.server),
        "its hook after a request then runs last, on the finished response",
    ),
    (
        lambda app, settings: client.install(app.server, trusted_proxies=settings.trusted_proxies),
        "before anything counts by the client's address, or answers a page of another site",
    ),
    (
        lambda app, settings: rate_limit.install(app.server, settings),
        "before anything costly: no body is read and no password hashed for a client above the limit",
    ),
    (
        lambda app, settings: sign_in.install(app.server, settings.basic_auth_users.by_name()),
        "before anything of the page is shown or said about a request",
    ),
    (
        lambda app, _: security_headers.install(app),
        "also on what the hooks above have answered, as hooks after a request always run",
    ),
    (
        lambda app, settings: request_checks.install(app, max_bytes=settings.max_request_kb * 1000),
        "the last hook before a request: what passes is a request of the page",
    ),
    (
        lambda app, _: admission.install(app.server),
        "innermost, around the view that runs callbacks: only a checked request takes a slot",
    ),
)


def install(app: Dash, settings: Settings) -> None:
    """Install all of it. To be called when the app has its layout, all callbacks and all routes.

    The request log is installed before (`create_app`), so that it sees every request, refused ones too.
    """
    for install_one, _reason in MIDDLEWARE:
        install_one(app, settings)
