"""The life cycle of a server's processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.models.catalogue import BUNDLED
from analysis.models.language_model import LanguageModel
from dashboard.app import Explorer, create_app
from dashboard.serving.lifecycle import prepare_to_fork, start_process
from dashboard.settings import Settings
from tests.serving import wait_until


@pytest.fixture
def app(tmp_path: Path, tiny_gpt2: LanguageModel) -> Iterator[Explorer]:
    app = create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2})
    yield app
    app.jobs.manager.close()


def test_after_preparing_to_fork_the_page_is_served_and_handles_are_signed_alike(app: Explorer) -> None:
    prepare_to_fork(app)
    assert app.server.secret_key == app.jobs.secret(), "the one that all processes share"
    assert app.server.test_client().get("/").status_code == 200


def test_a_process_that_has_started_is_ready(app: Explorer) -> None:
    prepare_to_fork(app)
    start_process(app)
    wait_until(lambda: app.server.test_client().get("/readyz").status_code == 200)


def test_processes_share_the_bundled_model(tmp_path: Path) -> None:
    app = create_app(Settings(cache_dir=str(tmp_path)))
    prepare_to_fork(app)
    assert app.registry.status(BUNDLED) == ("ready", "")
