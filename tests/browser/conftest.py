"""Browser fixtures: a served page, opened in Chromium."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt, Trace
from layouts.examples import EXAMPLES
from tests.browser.explorer import BEGINNING, HAS_BEEN_HERE, NO_WEBGL, Explorer
from tests.serving import served


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The served page's address."""
    with served() as url:
        yield url


@pytest.fixture(scope="session")
def trace(bundled_model: LanguageModel) -> Trace:
    """The trace of the opening page's text, computed in this process."""
    return compute_trace(bundled_model, Prompt("bundled", next(iter(EXAMPLES.values())).text))


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A fresh visitor with a desktop screen and a light theme; with the 3D scene in tests marked `webgl`."""
    context = _visitor(browser, webgl="webgl" in request.keywords)
    yield context
    context.close()


def _visitor(browser: Browser, *, webgl: bool) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    if not webgl:
        context.add_init_script(NO_WEBGL)
    context.add_init_script(HAS_BEEN_HERE)
    return context


@pytest.fixture(scope="module")
def shared_page(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Explorer]:
    """The opening page for all tests of a module: opening one takes several seconds."""
    context = _visitor(browser, webgl="webgl" in request.node.keywords)
    explorer = opened(context, address)
    yield explorer
    context.close()


# Not of the page: what Chromium says of drawing in software, and Plotly of a browser without WebGL and of its own zoom.
_REMARKS = "GL Driver Message|willReadFrequently|webgl setup failed|unrecognized GUI edit: scene.aspectratio"


@pytest.fixture
def explorer(request: pytest.FixtureRequest) -> Iterator[Explorer]:
    """The opening page after it is drawn. Fails at the end if the console has errors or another host was contacted.

    In modules marked `shared_page` it is the same page for all tests, and each test begins at the opening question.
    """
    if "shared_page" in request.keywords:
        explorer: Explorer = request.getfixturevalue("shared_page")
        explorer.restart()
    else:
        explorer = opened(request.getfixturevalue("context"), request.getfixturevalue("address"))
    yield explorer
    errors = [*explorer.errors]
    explorer.errors.clear()
    explorer.page.unroute_all()
    assert not errors, errors


def opened(context: BrowserContext, address: str, **fragment: str) -> Explorer:
    """The page in a visitor's new tab, after it is drawn; at a fragment if one is given."""
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: _note_problem(message, errors))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: _note_stranger(request, address, errors))
    explorer = Explorer(page, address, errors)
    explorer.open(**{"select": BEGINNING, **fragment})
    return explorer


def _note_problem(message: ConsoleMessage, problems: list[str]) -> None:
    if message.type not in ("log", "info", "debug") and not re.search(_REMARKS, message.text):
        problems.append(message.text)


def _note_stranger(request: Any, address: str, problems: list[str]) -> None:
    if not re.match(r"(data|blob):", request.url) and not request.url.startswith(address):
        problems.append(f"another host: {request.url}")
