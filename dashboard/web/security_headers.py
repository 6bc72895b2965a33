"""What browsers are told to allow on the page, and that answers to a visitor are kept nowhere.

`secure` writes and checks the headers; Flask-Talisman, the other kept library for it, was last released in 2023, and
would send browsers to HTTPS by itself, which is the host's to decide.
"""

from __future__ import annotations

from dash import Dash
from flask import Response, request
from secure import Secure
from secure.headers import (
    ContentSecurityPolicy,
    CrossOriginOpenerPolicy,
    CrossOriginResourcePolicy,
    PermissionsPolicy,
    ReferrerPolicy,
    StrictTransportSecurity,
    XContentTypeOptions,
)

_SELF, _NONE = "'self'", "'none'"
_YEAR = 365 * 24 * 3600  # seconds


def install(app: Dash) -> None:
    """Send the headers with every answer. To be called when all callbacks are registered: some bring scripts along."""
    always = Secure(
        csp=_content_policy(app.csp_hashes()),
        corp=CrossOriginResourcePolicy().same_origin(),
        permissions=_permissions(),
        referrer=ReferrerPolicy().no_referrer(),
        xcto=XContentTypeOptions().nosniff(),
    )
    by_https = Secure(  # browsers ignore both elsewhere, and complain of the one
        coop=CrossOriginOpenerPolicy().same_origin(), hsts=StrictTransportSecurity().max_age(_YEAR)
    )

    def send(answer: Response) -> Response:
        always.set_headers(answer)
        if request.is_secure:
            by_https.set_headers(answer)
        if not is_file():
            answer.headers["Cache-Control"] = "no-store"
        return answer

    app.server.after_request(send)


def is_file() -> bool:
    """Whether the request is for one of the page's scripts, styles and pictures, the same for all visitors."""
    arguments = request.view_args or {}
    return bool({"filename", "fingerprinted_path"} & arguments.keys()) or request.path.endswith("_favicon.ico")


def _content_policy(script_hashes: list[str]) -> ContentSecurityPolicy:
    return (
        ContentSecurityPolicy()
        .default_src(_NONE)
        .script_src(_SELF, *script_hashes)
        .style_src(_SELF, "'unsafe-inline'")  # Plotly writes its styles into the page
        .img_src(_SELF, "data:", "blob:")  # heat maps; pictures that are saved
        .connect_src(_SELF)
        .base_uri(_SELF)
        .form_action(_SELF)
        .frame_ancestors(_NONE)
        .object_src(_NONE)
    )


def _permissions() -> PermissionsPolicy:
    """A panel can fill the screen; nothing else of the machine is for the page."""
    policy = PermissionsPolicy().fullscreen("self")
    for feature in ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb"):
        policy.add_directive(feature)
    return policy
