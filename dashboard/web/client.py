"""The client of a request, known by its address: behind trusted proxies, and an IPv6 network (/64) as one client.

A local server listens on loopback, and its only client is this machine. But web pages from elsewhere can have a browser
send it requests, and with DNS rebinding, under a name of their own, read the answers. So it refuses every name but its
own, and lets only requests of its own page, with no proxy in between, open models.
"""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from flask import Flask, Request, abort, has_request_context, request
from flask.sessions import SessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix

_NETWORK_BITS = 64  # of an IPv6 address; a home or a machine has all addresses of one such network
_FROM_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


class NoSession(SessionInterface):
    """No session: nothing about a client is kept in a cookie, and none is read."""

    def open_session(self, app: Flask, request: Request) -> None:
        """Flask then gives the request a session that cannot be written."""


def install(server: Flask, *, trusted_proxies: int) -> None:
    """Take the address from `X-Forwarded-For`, as far as that many proxies in front of the server have written it; or
    refuse other names than this machine's, if the server is local (`LOCAL_ONLY` in its configuration).
    """
    server.session_interface = NoSession()
    if trusted_proxies:
        server.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            server.wsgi_app, x_for=trusted_proxies, x_proto=trusted_proxies
        )
    if server.config.get("LOCAL_ONLY"):
        server.before_request(_refuse_other_names)


def client_address() -> str:
    """The client of the current request; "unknown" for all whose address cannot be read, and outside a request."""
    try:
        address = ip_address((request.remote_addr or "") if has_request_context() else "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(ip_network((int(address), _NETWORK_BITS), strict=False))
        address = address.ipv4_mapped
    return str(address)


def is_loopback(host: str) -> bool:
    """Whether a host's name or address means this machine, and nothing that others can reach."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def not_from_own_page() -> str:
    """Why the current request must not open models; empty if it comes from a page of a local server."""
    origin = request.headers.get("Origin")
    if (origin and urlsplit(origin).netloc != request.host) or any(name in request.headers for name in _FROM_PROXIES):
        return "Models can be opened only in a browser on the server’s own machine, with no proxy in between."
    return ""


def _refuse_other_names() -> None:
    with suppress(ValueError):  # it is no host's name at all
        if is_loopback(urlsplit(f"//{request.host}").hostname or ""):
            return
    abort(403, "This server is for its own machine only. Open it there, as localhost.")
