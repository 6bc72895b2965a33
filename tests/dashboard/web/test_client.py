"""The client of a request: its address behind trusted proxies, and whether it is this machine."""

import flask
import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from dashboard.web import client
from dashboard.web.client import client_address, is_loopback, not_from_own_page


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


# A local server.


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1"])
def test_names_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0", "0.0.0.0", "::", "192.168.1.5", "127.0.0.1.evil.example", "localhost.evil.example", "127.1", "*"]
)
def test_what_others_may_reach_is_not_this_machine(host: str) -> None:
    assert not is_loopback(host)


def local_server() -> Flask:
    """A server that says whether the request may open models."""
    app = Flask(__name__)
    app.config["LOCAL_ONLY"] = True
    app.add_url_rule("/", "own", lambda: not_from_own_page() or "yes", methods=["GET", "POST"])
    client.install(app, trusted_proxies=0)
    return app


@pytest.mark.parametrize("host", ["localhost", "localhost:8050", "127.0.0.1:9000", "[::1]:8050", "[::1]"])
def test_a_local_server_answers_to_its_names(host: str) -> None:
    answer = local_server().test_client().get("/", headers={"Host": host})
    assert (answer.status_code, answer.text) == (200, "yes")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8050", "127.0.0.1.evil.example", "localhost.", "[::1", "", "a b", "@127.0.0.1:x"],
)
def test_a_local_server_refuses_every_other_name(host: str) -> None:
    """As a browser sends it for a page whose name was rebound to this machine."""
    answer = local_server().test_client().get("/", headers={"Host": host})
    assert answer.status_code == 403
    assert "its own machine only" in answer.text


def test_a_host_answers_to_any_name() -> None:
    assert server().test_client().get("/", headers={"Host": "explorer.example.org"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:9000"},
        {"Origin": "null"},
        {"X-Forwarded-For": "192.0.2.1"},
        {"X-Forwarded-Host": "explorer.example.org"},
        {"Forwarded": "for=192.0.2.1"},
        {"X-Real-IP": "192.0.2.1"},
    ],
)
def test_only_the_servers_own_page_opens_models(headers: dict[str, str]) -> None:
    asked = local_server().test_client()
    assert asked.post("/", headers={"Host": "localhost:8050", "Origin": "http://localhost:8050"}).text == "yes"
    assert "server’s own machine" in asked.post("/", headers={"Host": "localhost:8050", **headers}).text


def test_there_is_no_session_even_for_a_cookie_that_the_server_has_signed() -> None:
    app = server()
    app.secret_key = "secret"
    app.add_url_rule("/session", "session", lambda: dict(flask.session))
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer
    cookie = serializer.dumps({"name": "Ann"})
    asker = app.test_client()
    asker.set_cookie("session", str(cookie))
    answer = asker.get("/session")
    assert answer.json == {}
    assert "Set-Cookie" not in answer.headers
