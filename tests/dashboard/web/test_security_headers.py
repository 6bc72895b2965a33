"""Security headers: the policy that every response carries, and what browsers may cache."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from dash import Dash
from flask.testing import FlaskClient

from analysis.models.language_model import LanguageModel
from dashboard.app import create_app
from dashboard.settings import Settings

PATHS = ["/", "/_dash-layout", "/_dash-dependencies", "/assets/page.js", "/nowhere", "/_dash-update-component"]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, tiny_gpt2: LanguageModel) -> Dash:
    settings = Settings(cache_dir=str(tmp_path_factory.mktemp("cache")))
    return create_app(settings, models={"tiny": tiny_gpt2})


@pytest.fixture
def client(app: Dash) -> FlaskClient:
    return app.server.test_client()


def policy(client: FlaskClient) -> dict[str, list[str]]:
    """The sources that the page allows, by directive."""
    parts = [part.split() for part in client.get("/").headers["Content-Security-Policy"].split(";")]
    return {name: sources for name, *sources in parts}


def test_the_page_allows_its_own_scripts_alone(client: FlaskClient) -> None:
    inline = re.findall(r"<script(?![^>]* src)([^>]*)>(.*?)</script>", client.get("/").text, re.DOTALL)
    run = [text for attributes, text in inline if "application/json" not in attributes]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run]
    assert hashes
    assert policy(client)["script-src"] == ["'self'", *(f"'sha256-{one}'" for one in hashes)]


def test_nothing_comes_from_or_goes_to_elsewhere(client: FlaskClient) -> None:
    allowed = policy(client)
    assert allowed["default-src"] == allowed["object-src"] == allowed["frame-ancestors"] == ["'none'"]
    assert allowed["connect-src"] == allowed["base-uri"] == allowed["form-action"] == ["'self'"]
    assert allowed["style-src"] == ["'self'", "'unsafe-inline'"]
    sources = {source for name in allowed for source in allowed[name] if not source.startswith("'sha256-")}
    assert sources == {"'none'", "'self'", "'unsafe-inline'", "data:", "blob:"}


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "fullscreen=(self)" in headers["Permissions-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers


def test_only_who_came_by_https_is_told_to_stay_with_it(client: FlaskClient) -> None:
    assert not {"Strict-Transport-Security", "Cross-Origin-Opener-Policy"} & set(client.get("/").headers.keys())
    assert "max-age=31536000" in client.get("/", base_url="https://host").headers["Strict-Transport-Security"]


@pytest.mark.parametrize("path", ["/", "/_dash-layout", "/_dash-dependencies", "/nowhere", "/_reload-hash"])
def test_what_may_tell_of_a_visitor_is_not_kept(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["Cache-Control"] == "no-store"
    assert client.post("/_dash-update-component", json={}).headers["Cache-Control"] == "no-store"


def test_files_are_kept_as_long_as_before(client: FlaskClient) -> None:
    links = re.findall(r'src="(/_dash-component-suites[^"]+)"', client.get("/").text)
    assert links
    for link in links:
        assert client.get(link).headers["Cache-Control"] == "max-age=31536000"
    assert client.get("/assets/page.js").headers["Cache-Control"] == "no-cache"  # asked for again, and not sent again
    assert "no-store" not in client.get("/_favicon.ico").headers.get("Cache-Control", "")


def test_scripts_that_callbacks_bring_along_are_allowed(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    """As `app.csp_hashes()` knows them only when it is asked after they are registered."""
    app = create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2})
    client = app.server.test_client()
    assert all(one in client.get("/").headers["Content-Security-Policy"] for one in app.csp_hashes())
