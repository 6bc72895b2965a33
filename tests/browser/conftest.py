"""Browser fixtures: a served page, opened in Chromium."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage

from analysis.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt, Trace
from layouts.shell import EXAMPLES
from tests.browser.explorer import NO_WEBGL, Explorer
from tests.serving import served


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The served page's address."""
    with served() as url:
        yield url


@pytest.fixture(scope="session")
def trace(bundled_model: LanguageModel) -> Trace:
    """The trace of the opening page's text, computed in this process."""
    return compute_trace(bundled_model, Prompt("bundled", next(iter(EXAMPLES.values()))))


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A fresh visitor with a desktop screen and a light theme; with the 3D scene in tests marked `webgl`."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    if "webgl" not in request.keywords:
        context.add_init_script(NO_WEBGL)
    yield context
    context.close()


# Not of the page: what Chromium says of drawing in software, and Plotly of a browser without WebGL and of its own zoom.
_REMARKS = "GL Driver Message|willReadFrequently|webgl setup failed|unrecognized GUI edit: scene.aspectratio"


@pytest.fixture
def explorer(context: BrowserContext, address: str) -> Iterator[Explorer]:
    """The opening page after it is drawn. Fails at the end if the console has errors or another host was contacted."""
    page = context.new_page()
    errors: list[str] = []
    strangers: list[str] = []
    page.on("console", lambda message: _note_problem(message, errors))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: _note_stranger(request, address, strangers))
    explorer = Explorer(page, address, errors)
    explorer.open()
    yield explorer
    assert not errors, errors
    assert not strangers, strangers


def _note_problem(message: ConsoleMessage, problems: list[str]) -> None:
    if message.type not in ("log", "info", "debug") and not re.search(_REMARKS, message.text):
        problems.append(message.text)


def _note_stranger(request: Any, address: str, strangers: list[str]) -> None:
    if not re.match(r"(data|blob):", request.url) and not request.url.startswith(address):
        strangers.append(request.url)
