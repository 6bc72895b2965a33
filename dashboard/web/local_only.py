"""Local-only server: one that listens on loopback answers to its own names, and knows which requests are its person's.

A web page from elsewhere can have a browser send requests to this machine. With DNS rebinding such a page reaches the
server under a name of its own, and would read the answers, too: a server that can open models refuses every name but
its own. Requests that a proxy passes on, or that come from a page of another origin, must not open models either.
"""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, abort, request

_OF_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


def is_loopback(host: str) -> bool:
    """Whether a host name or address stands for this machine, and for nothing that others can reach."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def install(server: Flask) -> None:
    """Refuse requests under another name, if the server is local (`LOCAL_ONLY` in its configuration)."""

    def check_host() -> None:
        with suppress(ValueError):  # no host's name
            if is_loopback(urlsplit(f"//{request.host}").hostname or ""):
                return
        abort(403, "This server is for its own machine only: open it there, as localhost.")

    if server.config.get("LOCAL_ONLY"):
        server.before_request(check_host)


def refusal() -> str:
    """Why the current request must not open models; empty if it comes from a page of this server on this machine."""
    origin = request.headers.get("Origin")
    if (origin and urlsplit(origin).netloc != request.host) or any(name in request.headers for name in _OF_PROXIES):
        return "Models can be opened only in a browser on the server’s own machine, without a proxy in between."
    return ""
