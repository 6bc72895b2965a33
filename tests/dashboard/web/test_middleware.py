"""The order of the middleware, as a client sees it: which check refuses first, and which bodies are not read."""

import base64
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from werkzeug.security import generate_password_hash

from analysis.models.language_model import LanguageModel
from dashboard.app import create_app
from dashboard.settings import Settings, Users
from dashboard.web import admission
from dashboard.web.callback_request import StrictRequest
from dashboard.web.middleware import MIDDLEWARE
from dashboard.web.paths import CALLBACK

USERS = Users(f"ada:{generate_password_hash('p', 'pbkdf2:sha256:1')}")
ADA = {"Authorization": "Basic " + base64.b64encode(b"ada:p").decode()}


@pytest.fixture
def client(tmp_path: Path, tiny_gpt2: LanguageModel) -> FlaskClient:
    settings = Settings(cache_dir=str(tmp_path), requests_per_minute=3, basic_auth_users=USERS, max_request_kb=2)
    return create_app(settings, models={"tiny": tiny_gpt2}).server.test_client()


@pytest.fixture
def bodies_read(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    read: list[Any] = []
    get_data = StrictRequest.get_data

    def noted(self: flask.Request, *args: Any, **named: Any) -> Any:
        read.append(self.path)
        return get_data(self, *args, **named)

    monkeypatch.setattr(StrictRequest, "get_data", noted)
    return read


def test_limit_sign_in_size_and_form_are_checked_in_this_order(client: FlaskClient, bodies_read: list[Any]) -> None:
    huge = b"x" * 3000
    assert client.post(CALLBACK, data=huge, content_type="application/json").status_code == 401
    assert bodies_read == []
    assert client.post(CALLBACK, data=huge, content_type="application/json", headers=ADA).status_code == 413
    assert client.post(CALLBACK, data=b"x", content_type="application/json", headers=ADA).status_code == 400
    bodies_read.clear()
    assert client.post(CALLBACK, data=b"x", content_type="application/json", headers=ADA).status_code == 429
    assert bodies_read == []


def test_a_refused_request_takes_no_slot(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission.AdmissionControl, "slot", lambda _self: pytest.fail("a slot was taken"))
    assert client.post(CALLBACK, json={"output": "no.such"}, headers=ADA).status_code == 400


def test_every_refusal_has_security_headers(client: FlaskClient) -> None:
    statuses = set()
    for headers in ({}, ADA, ADA, ADA):
        answer = client.post(CALLBACK, json={}, headers=headers)
        statuses.add(answer.status_code)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Request-Id"]
    assert statuses == {401, 400, 429}


def test_each_place_in_the_list_has_a_reason() -> None:
    reasons = [reason for _, reason in MIDDLEWARE]
    assert len(set(reasons)) == len(reasons)
    assert all(len(reason) > 20 for reason in reasons)
