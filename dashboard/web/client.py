"""The client of a request, known by its address: behind trusted proxies, and an IPv6 network (/64) as one client."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from flask import Flask, has_request_context, request
from werkzeug.middleware.proxy_fix import ProxyFix

_NETWORK_BITS = 64  # of an IPv6 address; a home or a machine has all addresses of one such network


def install(server: Flask, *, trusted_proxies: int) -> None:
    """Take the address from `X-Forwarded-For`, as far as that many proxies in front of the server have written it."""
    if trusted_proxies:
        server.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            server.wsgi_app, x_for=trusted_proxies, x_proto=trusted_proxies
        )


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
