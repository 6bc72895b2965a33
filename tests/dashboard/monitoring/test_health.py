"""Health checks: alive from the start, ready when model, cache and jobs are."""

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from analysis.errors import NotLoaded
from analysis.models.hub import HubModel
from analysis.models.language_model import LanguageModel
from analysis.models.registry import ModelRegistry
from dashboard.app import Explorer, create_app
from dashboard.jobs.stores.redis_store import RedisStore
from dashboard.settings import Settings
from tests.serving import free_port, redis_server

ALL_WELL = {"model": "ok", "cache": "ok", "jobs": "ok"}


@pytest.fixture
def app(tmp_path: Path, tiny_gpt2: LanguageModel) -> Explorer:
    return create_app(Settings(cache_dir=str(tmp_path / "cache")), models={"tiny": tiny_gpt2})


def ready(app: Explorer) -> tuple[int, dict[str, str]]:
    answer = app.server.test_client().get("/readyz")
    assert answer.headers["Cache-Control"] == "no-store"
    found: dict[str, str] = answer.get_json()
    return answer.status_code, found


def test_alive_checks_nothing(app: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModelRegistry, "status", lambda *_: pytest.fail("nothing is asked"))
    answer = app.server.test_client().get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


def test_ready_when_all_checks_pass(app: Explorer) -> None:
    assert ready(app) == (200, ALL_WELL)


@pytest.mark.parametrize("status", ["loading", "on disk", "unusable"])
def test_not_ready_until_the_opening_model_is_loaded(
    app: Explorer, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    monkeypatch.setattr(ModelRegistry, "status", lambda _self, name: (status if name == "tiny" else "ready", "/x"))
    assert ready(app) == (503, ALL_WELL | {"model": status})


def test_not_ready_with_a_model_that_is_not_on_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setattr(ModelRegistry, "get", _absent)
    app = create_app(Settings(cache_dir=str(tmp_path)), models={"owner/none": HubModel.parse("owner/none")})
    assert ready(app) == (503, ALL_WELL | {"model": "not downloaded"})


def _absent(_registry: ModelRegistry, _name: str) -> Any:
    raise NotLoaded("not here")


def test_not_ready_with_a_temporary_cache(
    tmp_path: Path, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "traces").write_text("in the way")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    app = create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2})
    assert ready(app) == (503, ALL_WELL | {"cache": "temporary"})


def _full(*_: Any, **__: Any) -> Any:
    raise OSError(28, "No space left on device", "/a/path")


@pytest.mark.parametrize(
    ("what", "broken"),
    [("cache", "dashboard.probes.TemporaryFile"), ("jobs", "dashboard.jobs.stores.disk_cache.DiskCache.set")],
)
def test_not_ready_when_nothing_can_be_written(
    app: Explorer, monkeypatch: pytest.MonkeyPatch, what: str, broken: str
) -> None:
    with monkeypatch.context() as full:
        full.setattr(broken, _full)
        assert ready(app) == (503, ALL_WELL | {what: "fails"})
    assert ready(app) == (200, ALL_WELL)


def test_not_ready_when_slots_cannot_be_acquired(app: Explorer, tmp_path: Path) -> None:
    slots = tmp_path / "cache" / "jobs" / "slots"
    assert ready(app) == (200, ALL_WELL)
    shutil.rmtree(slots)
    slots.write_text("in the way")
    assert ready(app) == (503, ALL_WELL | {"jobs": "fails"})


def test_a_redis_that_cannot_be_reached_is_found_out_soon(tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        store = RedisStore(url)
        assert store.works()
    began = time.monotonic()
    assert not store.works()
    assert time.monotonic() - began < 2, "what the probes wait for"
    assert not RedisStore(f"redis://127.0.0.1:{free_port()}/0").works()


def test_probes_are_not_answered_with_the_page(app: Explorer) -> None:
    client = app.server.test_client()
    is_page = {path: "_dash-config" in client.get(path).text for path in ("/", "/healthz", "/readyz")}
    assert is_page == {"/": True, "/healthz": False, "/readyz": False}
