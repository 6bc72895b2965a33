"""Who a visitor is, and how often one may ask, with Redis, without, and while Redis is away."""

from pathlib import Path

import pytest
from flask import Flask

from analysis.models.language_model import LanguageModel
from dashboard.app import create_app
from dashboard.settings import Count, Settings
from dashboard.web import rate_limit
from dashboard.web.rate_limit import visitor
from tests.serving import free_port, redis_server, wait_until


def server(**settings: object) -> Flask:
    """A server that says who asks."""
    app = Flask(__name__)
    app.add_url_rule("/", "who", visitor)
    app.add_url_rule("/healthz", "healthz", lambda: "ok")
    rate_limit.install(app, Settings(**settings))  # type: ignore[arg-type]
    return app


def who(app: Flask, address: str, forwarded: str | None = None) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return app.test_client().get("/", headers=headers, environ_base={"REMOTE_ADDR": address}).text


def statuses(app: Flask, n: int, address: str = "192.0.2.1", path: str = "/") -> list[int]:
    client = app.test_client()
    return [client.get(path, environ_base={"REMOTE_ADDR": address}).status_code for _ in range(n)]


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
def test_a_visitor_is_an_address_or_a_home(address: str, name: str) -> None:
    assert who(server(), address) == name


def test_nobody_outside_a_request() -> None:
    assert visitor() == "unknown"


def test_what_anyone_can_write_is_not_believed() -> None:
    assert who(server(), "192.0.2.1", "198.51.100.7") == "192.0.2.1"


@pytest.mark.parametrize(
    ("n_proxies", "forwarded", "name"),
    [
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "203.0.113.9, 198.51.100.7", "198.51.100.7"),  # what the visitor wrote stands before what the proxy wrote
        (2, "203.0.113.9, 198.51.100.7, 192.0.2.2", "198.51.100.7"),
        (2, "198.51.100.7", "192.0.2.1"),  # not by way of both
        (1, "<script>", "unknown"),
        (1, None, "192.0.2.1"),
    ],
)
def test_as_many_proxies_as_the_host_says_are_believed(n_proxies: int, forwarded: str | None, name: str) -> None:
    assert who(server(trusted_proxies=Count(n_proxies)), "192.0.2.1", forwarded) == name


def test_who_asks_too_often_has_to_wait_and_others_do_not() -> None:
    app = server(requests_per_minute=3)
    assert statuses(app, 4) == [200, 200, 200, 429]
    assert statuses(app, 1, address="192.0.2.2") == [200]
    answer = app.test_client().get("/", environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    assert answer.text.startswith("Too many requests from your address. Try again in")
    assert not [name for name, _ in answer.headers if "ratelimit" in name.lower()]


def test_probes_and_files_do_not_count(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    app = create_app(Settings(cache_dir=str(tmp_path), requests_per_minute=2), models={"tiny": tiny_gpt2}).server
    app.add_url_rule("/probe", "probe", lambda: "ok")
    for path in ("/assets/page.js", "/_favicon.ico", "/_dash-component-suites/dash/deps/react.js"):
        assert set(statuses(app, 4, path=path)) <= {200, 404}
    assert set(statuses(server(requests_per_minute=1), 3, path="/healthz")) == {200}
    assert statuses(app, 3, path="/_dash-layout") == [200, 200, 429]
    client = app.test_client()
    answer = client.post("/_dash-update-component", json={}, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (429, "no-store")


def test_processes_that_share_a_redis_count_together_and_by_themselves_while_it_is_away(
    tmp_path: Path,
) -> None:
    port = free_port()
    settings = {"redis_url": f"redis://127.0.0.1:{port}/0", "requests_per_minute": 4}
    first, second = server(**settings), server(**settings)
    assert statuses(first, 1) == [200]  # though Redis is not there yet
    with redis_server(tmp_path, port):
        wait_until(lambda: statuses(first, 1, "192.0.2.9") and not _alone(first))
        assert statuses(first, 3, "192.0.2.3") == [200, 200, 200]
        assert statuses(second, 2, "192.0.2.3") == [200, 429]
    assert statuses(first, 5, "192.0.2.4") == [200, 200, 200, 200, 429]
    assert statuses(second, 5, "192.0.2.4") == [200, 200, 200, 200, 429]
    assert _alone(first)
    with redis_server(tmp_path, port):
        wait_until(lambda: statuses(first, 1, "192.0.2.9") and not _alone(first))
        wait_until(lambda: statuses(second, 1, "192.0.2.9") and not _alone(second))
        assert statuses(first, 3, "192.0.2.5") + statuses(second, 2, "192.0.2.5") == [200, 200, 200, 200, 429]


def _alone(app: Flask) -> bool:
    """Whether a process counts by itself."""
    (limiter,) = app.extensions["limiter"]
    return bool(limiter._storage_dead)
