"""Rate limit: with Redis, without, and while Redis cannot be reached."""

from pathlib import Path

import pytest
from flask import Flask

from analysis.models.language_model import LanguageModel
from dashboard.app import create_app
from dashboard.settings import Settings
from dashboard.web import rate_limit
from dashboard.web.rate_limit import RateLimit
from tests.serving import free_port, redis_server, wait_until


def server(**settings: object) -> Flask:
    return with_limit(**settings)[0]


def with_limit(**settings: object) -> tuple[Flask, RateLimit]:
    app = Flask(__name__)
    app.add_url_rule("/", "page", lambda: "ok")
    app.add_url_rule("/healthz", "healthz", lambda: "ok")
    return app, rate_limit.install(app, Settings(**settings))  # type: ignore[arg-type]


def statuses(app: Flask, n: int, address: str = "192.0.2.1", path: str = "/") -> list[int]:
    client = app.test_client()
    return [client.get(path, environ_base={"REMOTE_ADDR": address}).status_code for _ in range(n)]


def test_one_client_has_to_wait_and_others_do_not() -> None:
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


def test_processes_count_together_in_redis_and_alone_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "_RETRY_SECONDS", 0.5)
    port = free_port()
    settings = {"redis_url": f"redis://127.0.0.1:{port}/0", "requests_per_minute": 4}
    (first, limit), (second, limit_of_second) = with_limit(**settings), with_limit(**settings)
    assert statuses(first, 1) == [200]  # though Redis does not run yet
    assert limit.counts_alone
    with redis_server(tmp_path, port):
        wait_until(lambda: statuses(first, 1, "192.0.2.9") and not limit.counts_alone)
        assert statuses(first, 3, "192.0.2.3") == [200, 200, 200]
        assert statuses(second, 2, "192.0.2.3") == [200, 429]
    monkeypatch.setattr(rate_limit, "_RETRY_SECONDS", 60)
    assert statuses(first, 5, "192.0.2.4") == [200, 200, 200, 200, 429]
    assert statuses(second, 5, "192.0.2.4") == [200, 200, 200, 200, 429]
    assert limit.counts_alone
    limit._alone_until = limit_of_second._alone_until = 0  # the minute is over
    with redis_server(tmp_path, port):
        assert statuses(first, 3, "192.0.2.5") + statuses(second, 2, "192.0.2.5") == [200, 200, 200, 200, 429]
    assert not limit.counts_alone


def test_while_one_request_asks_redis_again_others_do_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = RateLimit(5, f"redis://127.0.0.1:{free_port()}/0")
    assert limit.refused_until("a") is None
    assert limit.counts_alone
    limit._alone_until = 1.0  # a time that has passed
    seen = []

    class Together:
        def hit(self, *_: object) -> bool:
            seen.append(limit.counts_alone)
            return True

    monkeypatch.setattr(limit, "_together", Together())
    assert limit.refused_until("a") is None
    assert seen == [True]
    assert not limit.counts_alone
