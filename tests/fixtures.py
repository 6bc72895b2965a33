"""Shared fixtures: tiny models, the bundled model, services that use them, and a browser."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from playwright.sync_api import Browser, sync_playwright

from analysis.families import FAMILIES
from analysis.machine.threads import use_one_thread
from analysis.models import open as open_models
from analysis.models.language_model import LanguageModel
from analysis.models.load import load_model
from analysis.trace import Prompt
from dashboard.services import AppServices
from tests.chromium import CHROMIUM, chromium_path
from tests.tiny import BUNDLED, TEXT, make_services, tiny_of

use_one_thread()  # as the server does; and the processes of one test run share the cores
hypothesis.settings.register_profile("no deadline", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("no deadline")


@pytest.fixture(scope="session", autouse=True)
def _no_threads_here() -> Iterator[None]:
    """Jobs that run in the tests' own process leave no threads of OpenMP there: what is forked later would hang."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dashboard.jobs.run.use_threads", lambda _n_threads: 1)
        yield


@pytest.fixture(scope="session", params=sorted(FAMILIES))
def tiny_model(request: pytest.FixtureRequest) -> LanguageModel:
    """A tiny random model of each family."""
    return tiny_of(request.param)


@pytest.fixture(scope="session")
def tiny_gpt2() -> LanguageModel:
    """The GPT-2 among the tiny models."""
    return tiny_of("gpt2")


@pytest.fixture(scope="session")
def bundled_model() -> LanguageModel:
    """The bundled model."""
    return load_model(BUNDLED, name="bundled")


@pytest.fixture
def no_model_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebook interface without a chosen model, neither by `use` nor by the environment."""
    monkeypatch.setattr(open_models, "_default", None)
    monkeypatch.delenv("LLM_MODEL", raising=False)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium that draws 3D in software; one for all tests of a process, as Playwright allows no more."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture
def services(tmp_path: Path, tiny_gpt2: LanguageModel) -> AppServices:
    """Services that know one tiny model, named "tiny"."""
    return make_services(tmp_path, {"tiny": tiny_gpt2})


@pytest.fixture
def prompt() -> Prompt:
    """A text with a repeated word, an emoji of several tokens, markup and a newline."""
    return Prompt("tiny", TEXT)
