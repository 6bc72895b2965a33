"""Procfile: its lines as a host runs them, from a clean checkout, with no variables but `PORT` and its own."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.explorer import BEGINNING, Explorer
from tests.serving import ROOT, answers, gunicorn_of, has_settled, procfile, redis_server, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.thorough]
TEXT = "The king gave a rose to the queen, and the queen gave a rose to the king."


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is in the repository, and nothing else."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    files = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(lambda name: name and (ROOT / name).exists(), files.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(params=["alone", "with a worker"])
def address(request: pytest.FixtureRequest, checkout: Path, tmp_path: Path) -> Iterator[str]:
    """Two web processes; and with a worker, as on two machines that have nothing but Redis in common."""
    with ExitStack() as stack:
        environment = {}
        if request.param == "with a worker":
            environment["REDIS_URL"] = stack.enter_context(redis_server(tmp_path))
            stack.enter_context(procfile("worker", checkout, CACHE_DIR=str(tmp_path / "worker"), **environment))
        url, runner = stack.enter_context(
            procfile("web", checkout, CACHE_DIR=str(tmp_path / "web"), WEB_CONCURRENCY="2", **environment)
        )
        wait_until(lambda: answers(url, runner), 120)
        wait_until(lambda: has_settled(url), 60)
        assert len(gunicorn_of(runner).children()) == 2
        yield url


def test_a_session(address: str, context: BrowserContext) -> None:
    errors: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    explorer = Explorer(page, address, errors)
    for _ in range(3):  # by whichever process
        explorer.open(select=BEGINNING)
    explorer.analyse(TEXT)
    page.wait_for_function("(text) => new URLSearchParams(location.hash.slice(1)).get('text') === text", arg=TEXT)
    page.click("#strip-panel [data-select] >> nth=7")
    explorer.follows(f"{BEGINNING}@7")
    explorer.compute()
    expect(page.locator("#saliency-numbers")).not_to_be_empty(timeout=90_000)
    assert not errors, errors
