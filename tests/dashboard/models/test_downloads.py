"""Model downloads from a hub on loopback, as all processes of a machine see them."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from analysis.errors import AnalysisError
from analysis.models.hub import Hub, HubModel
from dashboard.models.downloads import Download, Downloads
from tests.hub import SmallHub, served_hub
from tests.serving import wait_until
from tests.tiny import make_tiny

FOX = HubModel("owner/fox")


@pytest.fixture
def small_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 2**13)  # the model is small
    model = make_tiny("gpt2", hidden_size=96)
    model.network.save_pretrained(tmp_path / "model")
    model.tokenizer.save_pretrained(tmp_path / "model")
    with served_hub() as hub:
        hub.hold("owner/fox", tmp_path / "model")
        hub.gate = threading.Event()
        yield hub


@pytest.fixture
def hub(small_hub: SmallHub, tmp_path: Path) -> Hub:
    return Hub(endpoint=small_hub.url, cache=tmp_path / "hub")


def processes(tmp_path: Path, hub: Hub) -> tuple[Downloads, Downloads]:
    """Two that know nothing of each other but the folder."""
    return Downloads(tmp_path / "downloads", hub), Downloads(tmp_path / "downloads", hub)


def seen(downloads: Downloads) -> Download:
    found = downloads.progress("owner/fox")
    assert found
    return found


def test_one_process_downloads_and_another_sees_how_far_it_is(hub: Hub, small_hub: SmallHub, tmp_path: Path) -> None:
    one, other = processes(tmp_path, hub)
    assert other.progress("owner/fox") is None
    one.start("owner/fox", FOX)
    wait_until(lambda: seen(other).total)
    assert seen(other).running
    assert seen(other).done < seen(other).total
    other.start("owner/fox", FOX)  # is under way already
    with pytest.raises(AnalysisError, match="owner/fox is being downloaded already"):
        other.run("owner/fox", FOX, lambda _done, _total: None)
    assert small_hub.gate
    small_hub.gate.set()
    wait_until(lambda: not seen(other).running)
    assert seen(one) == seen(other) == Download(seen(one).total, seen(one).total, running=False)
    assert hub.folder(FOX)
    assert len(small_hub.sent("/stored/owner/fox/model.safetensors")) == 1


def test_anyone_may_cancel_and_what_arrived_is_kept(hub: Hub, small_hub: SmallHub, tmp_path: Path) -> None:
    one, other = processes(tmp_path, hub)
    one.start("owner/fox", FOX)
    wait_until(lambda: list((tmp_path / "hub").rglob("*.part.incomplete")))
    other.cancel("owner/fox")
    assert small_hub.gate
    small_hub.gate.set()
    wait_until(lambda: not seen(other).running)
    assert seen(other).problem == "The download was cancelled. What has arrived is kept."
    assert hub.folder(FOX) is None
    (part,) = (tmp_path / "hub").rglob("*.part.incomplete")
    assert part.stat().st_size > 0
    other.start("owner/fox", FOX)
    wait_until(lambda: not seen(one).running)
    assert seen(one).problem == ""
    assert hub.folder(FOX)


def test_a_download_that_fails_says_why(hub: Hub, small_hub: SmallHub, tmp_path: Path) -> None:
    small_hub.refusals["owner/fox"] = (401, "RepoNotFound")
    one, other = processes(tmp_path, hub)
    one.start("owner/fox", FOX)
    wait_until(lambda: not seen(other).running)
    assert "no public model 'owner/fox'" in seen(other).problem


def test_a_bug_is_told_by_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("secret")

    hub = Hub(cache=tmp_path)
    monkeypatch.setattr(hub, "fetch", broken)
    downloads = Downloads(tmp_path, hub)
    downloads.start("owner/fox", FOX)
    wait_until(lambda: not seen(downloads).running)
    assert "logged under the number" in seen(downloads).problem
    assert "secret" not in seen(downloads).problem


def test_a_download_whose_process_is_gone_was_interrupted(hub: Hub, tmp_path: Path) -> None:
    downloads = Downloads(tmp_path / "downloads", hub)
    (tmp_path / "downloads" / "owner%2Ffox.json").write_text(
        '{"done": 5, "total": 10, "running": true, "problem": ""}'  # as it was last told, and nobody holds the lock
    )
    assert seen(downloads) == Download(5, 10, running=False, problem=seen(downloads).problem)
    assert seen(downloads).problem == "The download was interrupted. What has arrived is kept."


def test_a_name_is_no_path(hub: Hub, tmp_path: Path) -> None:
    Downloads(tmp_path / "downloads", hub).cancel("../../elsewhere")
    assert [file.name for file in (tmp_path / "downloads").iterdir()] == ["..%2F..%2Felsewhere.cancel"]
