"""Security headers: what browsers allow on the page, and that no cache keeps a response to a visitor.

`secure` writes and checks the headers. Flask-Talisman, the other library for it, was last released in 2023 and
redirects to HTTPS, which is for the host to decide.
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
    """Send the headers with every response. To be called after all callbacks: some bring inline scripts along."""
    always = Secure(
        csp=_content_policy(*app.csp_hashes()),
        corp=CrossOriginResourcePolicy().same_origin(),
        permissions=_permissions(),
        referrer=ReferrerPolicy().no_referrer(),
        xcto=XContentTypeOptions().nosniff(),
    )
    https_only = Secure(  # browsers ignore both elsewhere, and warn about one of them
        coop=CrossOriginOpenerPolicy().same_origin(), hsts=StrictTransportSecurity().max_age(_YEAR)
    )

    headers = always.headers

    def add_headers(response: Response) -> Response:
        response.headers.update(headers)
        if request.is_secure:
            https_only.set_headers(response)
        if not is_file():
            response.headers["Cache-Control"] = "no-store"
        return response

    app.server.after_request(add_headers)


def is_file() -> bool:
    """Whether the request is for a script, style sheet or picture of the page, which is the same for all visitors."""
    arguments = request.view_args or {}
    return bool({"filename", "fingerprinted_path"} & arguments.keys()) or request.path.endswith("_favicon.ico")


def _content_policy(*script_hashes: str) -> ContentSecurityPolicy:
    return (
        ContentSecurityPolicy()
        .default_src(_NONE)
        .script_src(_SELF, *script_hashes)
        .style_src(_SELF, "'unsafe-inline'")  # Plotly writes its styles into the page
        .img_src(_SELF, "data:", "blob:")  # heat maps; saved pictures
        .connect_src(_SELF)
        .base_uri(_SELF)
        .form_action(_SELF)
        .frame_ancestors(_NONE)
        .object_src(_NONE)
    )


def _permissions() -> PermissionsPolicy:
    """A panel can fill the screen; the page needs no other feature of the device."""
    policy = PermissionsPolicy().fullscreen("self")
    for feature in ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb"):
        policy.add_directive(feature)
    return policy
