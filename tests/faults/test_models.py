"""A model's weights file is missing, at the start or later: the page says so, other models still work, and the model
works again once the file is back.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dash import Dash

from dashboard.app import create_app
from dashboard.serving.lifecycle import prepare_to_fork, start_process
from dashboard.settings import Settings
from tests.page import Page, of_app, words
from tests.serving import wait_until
from tests.tiny import make_tiny

NAMES = ("one", "two")


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    for seed, name in enumerate(NAMES):
        model = make_tiny("gpt2", seed=seed)
        model.network.save_pretrained(tmp_path / name)
        model.tokenizer.save_pretrained(tmp_path / name)
    return {name: tmp_path / name for name in NAMES}


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be loaded is tried again when it is asked for next."""
    monkeypatch.setattr("analysis.models.registry._RETRY_SECONDS", 0.5)


def started(folders: dict[str, Path], cache: Path) -> Dash:
    app = create_app(Settings(cache_dir=str(cache)), models=dict(folders))
    prepare_to_fork(app)
    start_process(app)
    return app


@pytest.fixture
def app(folders: dict[str, Path], tmp_path: Path) -> Iterator[Dash]:
    """Served while both models are there."""
    app = started(folders, tmp_path / "cache")
    wait_until(lambda: ready(app) == "ok")
    yield app
    close(app)


def close(app: Dash) -> None:
    app.jobs.manager.close()


def ready(app: Dash) -> str:
    """How the model stands that the page opens with, as a host's probe is told."""
    answer = app.server.test_client().get("/readyz")
    assert (answer.status_code == 200) == (answer.get_json()["model"] == "ok")
    return str(answer.get_json()["model"])


def show(page: Page, model: str) -> str:
    """What the page says of a model that was chosen, once that is certain: nothing if it shows its values."""
    found: list[str] = []

    def said() -> bool:
        page.values["selection", "data"] = "block.1.attention.head.2@1"
        try:
            page.set("prompt", "data", {"model": model, "text": "The fox met", "start": False})
        except AssertionError as error:
            found.append(str(error))
            return True
        return "attends most to" in words(page.values["attention-reading", "children"])

    wait_until(said)
    return found[-1] if found else ""


def take(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder.parent / f"{folder.name}.gone")


def give_back(folder: Path) -> None:
    (folder.parent / f"{folder.name}.gone").rename(folder / "model.safetensors")


def test_at_the_start_the_model_that_the_page_opens_with(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(folders["one"])
    app = started(folders, tmp_path / "cache")
    wait_until(lambda: ready(app) == "unusable")
    page = of_app(app.server)
    words = show(page, "one")
    assert "The model 'one' cannot be read" in words
    assert "model.safetensors" in words
    assert str(tmp_path) not in words, "where it should be is not for visitors"
    assert show(page, "two") == ""
    give_back(folders["one"])
    monkeypatch.setattr("analysis.models.registry._RETRY_SECONDS", 0)
    assert show(page, "one") == ""
    assert ready(app) == "ok"
    close(app)


@pytest.mark.usefixtures("soon")
def test_later_one_that_nobody_has_chosen_yet(app: Dash, folders: dict[str, Path]) -> None:
    take(folders["two"])
    page = of_app(app.server)
    assert "model.safetensors" in show(page, "two")
    assert show(page, "one") == ""
    assert ready(app) == "ok"
    give_back(folders["two"])
    wait_until(lambda: show(page, "two") == "")


def test_later_one_that_is_loaded(app: Dash, folders: dict[str, Path]) -> None:
    """It is in memory, or mapped into it: its file is there for as long as anyone holds it."""
    page = of_app(app.server)
    assert show(page, "one") == ""
    take(folders["one"])
    page.set("selection", "data", "block.0.attention.head.1@2")
    assert page.values["attention-panel", "data-selection"] == "block.0.attention.head.1@2"
    assert ready(app) == "ok"
