"""The client of a request: its address behind trusted proxies."""

import pytest
from flask import Flask

from dashboard.web import client
from dashboard.web.client import client_address


def server(*, trusted_proxies: int = 0) -> Flask:
    """A server that answers with the client's address."""
    app = Flask(__name__)
    app.add_url_rule("/", "client", client_address)
    client.install(app, trusted_proxies=trusted_proxies)
    return app


def seen(app: Flask, address: str, forwarded: str | None = None) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return app.test_client().get("/", headers=headers, environ_base={"REMOTE_ADDR": address}).text


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", "unknown"),
        ("somewhere", "unknown"),
    ],
)
def test_a_client_is_an_address_or_an_ipv6_network(address: str, name: str) -> None:
    assert seen(server(), address) == name


def test_unknown_outside_a_request() -> None:
    assert client_address() == "unknown"


def test_without_proxies_the_header_is_ignored() -> None:
    assert seen(server(), "192.0.2.1", "198.51.100.7") == "192.0.2.1"


@pytest.mark.parametrize(
    ("n_proxies", "forwarded", "name"),
    [
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "203.0.113.9, 198.51.100.7", "198.51.100.7"),  # the client's own words stand before the proxy's
        (2, "203.0.113.9, 198.51.100.7, 192.0.2.2", "198.51.100.7"),
        (2, "198.51.100.7", "192.0.2.1"),  # it did not pass both
        (1, "<script>", "unknown"),
        (1, None, "192.0.2.1"),
    ],
)
def test_as_many_proxies_as_the_host_says_are_trusted(n_proxies: int, forwarded: str | None, name: str) -> None:
    assert seen(server(trusted_proxies=n_proxies), "192.0.2.1", forwarded) == name
