"""Full disk, and damaged or deleted files: the page keeps working, and recovers without a restart.

Files are replaced by damaged ones here, as after a crash; who cuts one short that is mapped into memory kills the
process that reads it, after which there is another (test_killed.py).
"""

import json
import resource
import shutil
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from dashboard.panels import PANELS
from tests.page import Page, of_address
from tests.serving import GUNICORN, served, server_of, wait_until

pytestmark = [pytest.mark.long, pytest.mark.slow]
SELECTION = "block.3.attention.head.0@2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(GUNICORN, CACHE_DIR=str(folder), WEB_CONCURRENCY="2") as url:
        yield url


def limit_files(url: str, n_bytes: int) -> None:
    """Let no process of the server, nor what comes of it, write beyond so many bytes of any file."""
    server = server_of(url)
    for process in (server, *server.children(recursive=True)):
        with suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (n_bytes, resource.RLIM_INFINITY))


def ready(url: str) -> dict[str, str]:
    try:
        answer = urllib.request.urlopen(f"{url}readyz", timeout=30)
    except HTTPError as error:
        answer = error
    found: dict[str, str] = json.load(answer)
    return found


def show(page: Page, text: str) -> Any:
    """All panels, with what the saliency panel offers; fails if one does not answer, or if the notice is shown."""
    page.values |= {
        ("selection", "data"): SELECTION,
        ("saliency-method", "value"): "occlusion",
        ("saliency-baseline", "value"): "zero",
    }
    page.set("prompt", "data", {"model": "bundled", "text": text, "start": False})
    for panel in PANELS:
        assert page.values[f"{panel.name}-panel", "data-selection"] == SELECTION
    return page.values["saliency-job-offer", "data"]


def compute(page: Page, text: str) -> Any:
    prompt = {"model": "bundled", "text": text, "start": False}
    question = {"prompt": prompt, "selection": SELECTION, "choices": ["occlusion", "zero", ""]}
    job = page.start_job("saliency", question)
    if started := job.outcome_in(job.answer):
        return started
    found: list[Any] = []
    wait_until(lambda: found.append(job.outcome()) or found[-1], 90)
    return found[-1]


def test_a_full_disk(address: str) -> None:
    page = of_address(address)
    show(page, "The fox met a crow")
    assert (ended := compute(page, "The fox met a crow"))["kind"] == "done", ended
    limit_files(address, 0)
    try:
        assert ready(address) == {"model": "ok", "cache": "fails", "jobs": "fails"}
        show(page, "The fox met a crow")
        show(page, "The fox met a duck")
        show(of_address(address), "Another visitor came")
        ended = compute(page, "The fox met a duck")
        assert ended["kind"] == "error"
        assert "disk cannot keep results at the moment (is it full?)" in ended["message"]
        assert urllib.request.urlopen(f"{address}metrics", timeout=30).status == 200
    finally:
        limit_files(address, resource.RLIM_INFINITY)
    assert set(ready(address).values()) == {"ok"}
    assert (ended := compute(page, "The fox met a duck"))["kind"] == "done", ended
    for text in ("The fox met a crow", "The fox met a duck"):
        assert show(page, text)["kept"] > 0


def _replace(files: Iterable[Path], damaged: Callable[[bytes], bytes]) -> None:
    for file in files:
        new = file.with_suffix(".new")
        new.write_bytes(damaged(file.read_bytes()))
        new.replace(file)


def _files(folder: Path) -> list[Path]:
    return [*folder.glob("traces/*"), *folder.glob("jobs/results/cache.db"), *folder.glob("jobs/results/*/*/*.val")]


def _damage(folder: Path) -> None:
    _replace(_files(folder), lambda raw: b"garbage" * 2000)


def _empty(folder: Path) -> None:
    _replace(_files(folder), lambda raw: b"")


def _halve(folder: Path) -> None:
    _replace(_files(folder), lambda raw: raw[: len(raw) // 2])


def _delete(folder: Path) -> None:
    """As one who tidies up may."""
    for one in folder.iterdir():
        if one.is_dir():
            shutil.rmtree(one)


@pytest.mark.parametrize(
    "damage", [_damage, *(pytest.param(one, marks=pytest.mark.thorough) for one in (_empty, _halve)), _delete]
)
def test_damaged_files(address: str, folder: Path, damage: Callable[[Path], None]) -> None:
    """What they held, and cannot be read, is computed again, once for all visitors."""
    page, other = of_address(address), of_address(address)
    text = f"The fox met a crow, {damage.__name__}"
    show(page, text)
    assert (ended := compute(page, text))["kind"] == "done", ended
    assert show(other, text)["kept"] > 0
    damage(folder)
    for one in (other, page, of_address(address)):
        show(one, text)
        show(one, f"{text}, and a duck")
    assert (ended := compute(page, text))["kind"] == "done", ended
    for one in (other, page, of_address(address)):
        assert show(one, text)["kept"] > 0
    assert set(ready(address).values()) == {"ok"}
