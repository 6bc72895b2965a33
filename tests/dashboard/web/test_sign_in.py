"""Basic authentication: required for everything but the health checks, slow to guess, and fast once signed in."""

import base64
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.security import check_password_hash, generate_password_hash

from analysis.models.language_model import LanguageModel
from dashboard.app import create_app
from dashboard.serving.lifecycle import prepare_to_fork
from dashboard.settings import Settings, Users
from dashboard.web import sign_in

PASSWORD = "correct horse: ‘battery’ 🐎"
ENTRY = f"ada:{generate_password_hash(PASSWORD, 'scrypt:1024:8:1')}"
OTHER = f"bob:{generate_password_hash('b', 'pbkdf2:sha256:1')}"


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that were computed."""
    found: list[str] = []

    def check(known: str, password: str) -> bool:
        found.append(known)
        return check_password_hash(known, password)

    monkeypatch.setattr("dashboard.web.sign_in.check_password_hash", check)
    return found


def server(*entries: str) -> Flask:
    app = Flask(__name__)
    for path in ("/", "/healthz", "/other"):
        app.add_url_rule(path, path, lambda: "seen")
    sign_in.install(app, Users(" ".join(entries)).by_name())
    return app


def ask(app: Flask, name: str = "", password: str = "", *, path: str = "/", address: str = "192.0.2.1") -> Any:
    headers = {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()} if name else {}
    return app.test_client().get(path, headers=headers, environ_base={"REMOTE_ADDR": address})


def test_without_users_nothing_is_required() -> None:
    assert ask(server()).status_code == 200


@pytest.mark.parametrize("path", ["/", "/other", "/static/x", "/nowhere"])
def test_every_path_requires_it(path: str) -> None:
    answer = ask(server(ENTRY), path=path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="')
    assert "seen" not in answer.text


def test_the_probe_needs_no_password() -> None:
    assert ask(server(ENTRY), path="/healthz").status_code == 200


@pytest.mark.parametrize(
    ("name", "password", "status"),
    [
        ("ada", PASSWORD, 200),
        ("bob", "b", 200),
        ("ada", "b", 401),
        ("bob", PASSWORD, 401),
        ("eve", PASSWORD, 401),
        ("ada", "", 401),
        ("ADA", PASSWORD, 401),
        ("ada", PASSWORD + " ", 401),
    ],
)
def test_name_and_password_must_both_be_right(name: str, password: str, status: int) -> None:
    assert ask(server(ENTRY, OTHER), name, password).status_code == status


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic YWRh", "Bearer x", "Digest a=b", "Basic /////w=="])
def test_a_header_that_cannot_be_read_is_challenged(header: str) -> None:
    assert server(ENTRY).test_client().get("/", headers={"Authorization": header}).status_code == 401


def test_a_click_computes_no_hash(checked: list[str]) -> None:
    app = server(ENTRY)
    assert {ask(app, "ada", PASSWORD).status_code for _ in range(20)} == {200}
    assert len(checked) == 1


def test_concurrent_requests_of_one_page_compute_one_hash(checked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    app, found = server(ENTRY), []
    check = sign_in.check_password_hash

    def slowly(known: str, password: str) -> bool:
        time.sleep(0.3)  # all others have come meanwhile
        return check(known, password)

    monkeypatch.setattr("dashboard.web.sign_in.check_password_hash", slowly)
    threads = [threading.Thread(target=lambda: found.append(ask(app, "ada", PASSWORD).status_code)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 8
    assert len(checked) == 1


def test_an_unknown_name_takes_as_long(checked: list[str]) -> None:
    ask(server(ENTRY), "eve", PASSWORD)
    assert checked == [ENTRY.partition(":")[2]]


def test_passwords_are_not_guessed_quickly(checked: list[str]) -> None:
    app = server(ENTRY)
    assert [ask(app, "ada", str(guess)).status_code for guess in range(12)] == [401] * 10 + [429] * 2
    assert ask(app, "ada", PASSWORD).status_code == 429
    assert "Retry-After" in ask(app, "ada", "x").headers
    assert len(checked) == 10
    assert ask(app, "ada", PASSWORD, address="192.0.2.2").status_code == 200


def test_guesses_from_the_same_address_do_not_lock_out_a_signed_in_user() -> None:
    app = server(ENTRY)
    ask(app, "ada", PASSWORD)
    for guess in range(12):
        ask(app, "ada", str(guess))
    assert ask(app, "ada", PASSWORD).status_code == 200


def test_few_are_remembered_and_none_in_clear_text() -> None:
    names = [f"n{number}" for number in range(70)]
    credentials = sign_in.Credentials({name: generate_password_hash(name, "pbkdf2:sha256:1") for name in names})
    assert all(credentials.correct(name, name) for name in names)
    assert not credentials.remembered("n0", "n0")
    assert credentials.remembered("n69", "n69")
    assert len(credentials._known) == 64
    assert not any(b"n69" in digest for digest in credentials._known)


def test_the_whole_page_is_behind_it_and_its_scripts_are_served(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    """The page is made ready before anyone has signed in."""
    app = create_app(Settings(cache_dir=str(tmp_path), basic_auth_users=Users(ENTRY)), models={"tiny": tiny_gpt2})
    prepare_to_fork(app)
    app.jobs.manager.close()
    script = "/_dash-component-suites/dash/dash-renderer/build/dash_renderer.min.js"
    for path in ("/", "/_dash-layout", "/assets/page.js", script):
        assert ask(app.server, path=path).status_code == 401
    assert app.server.test_client().post("/_dash-update-component", json={}).status_code == 401
    for path in (script, "/", "/_dash-layout", "/assets/page.js"):
        assert ask(app.server, "ada", PASSWORD, path=path).status_code == 200


def test_entries_come_from_the_environment() -> None:
    settings = Settings.from_environment({"BASIC_AUTH_USERS": f"{ENTRY}  {OTHER}"})
    assert list(settings.basic_auth_users.by_name()) == ["ada", "bob"]
    assert "scrypt" not in repr(settings)


@pytest.mark.parametrize(
    "text",
    ["ada", "ada:password", ":" + ENTRY.partition(":")[2], ENTRY[:10], "ada:scrypt:3:8:1$salt$00", f"{ENTRY} bob:b",
     "ada:md5$salt$00"],
)  # fmt: skip
def test_entries_that_cannot_be_read_are_named_by_their_number(text: str) -> None:
    with pytest.raises(ValueError, match=f"BASIC_AUTH_USERS: entry {len(text.split())} ") as error:
        Settings.from_environment({"BASIC_AUTH_USERS": text})
    assert "password:" not in str(error.value)
