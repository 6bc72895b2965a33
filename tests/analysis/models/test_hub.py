"""Hugging Face hub: the real client `huggingface_hub` against a hub on loopback."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from huggingface_hub import constants
from transformers import MambaConfig

import analysis.models.hub
from analysis.errors import ModelError
from analysis.models.hub import Hub, HubModel
from analysis.models.load import load_model
from tests.hub import COMMIT, SmallHub, served_hub
from tests.tiny import make_tiny

FOX = HubModel("owner/fox")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 1.5 MB as `save_pretrained` writes it, with a file of weights that must never be asked for."""
    path, model = tmp_path_factory.mktemp("model"), make_tiny("gpt2", hidden_size=96)
    model.network.save_pretrained(path)
    model.tokenizer.save_pretrained(path)
    (path / "pytorch_model.bin").write_bytes(b"x" * 1000)
    return path


@pytest.fixture
def small_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 2**14)  # the model is small
    with served_hub() as hub:
        hub.hold("owner/fox", folder)
        yield hub


@pytest.fixture
def hub(small_hub: SmallHub, tmp_path: Path) -> Hub:
    return Hub(endpoint=small_hub.url, cache=tmp_path / "hub")


def nothing(_done: int, _total: int) -> None:
    pass


def stop_after(least: int) -> Any:
    def report(done: int, _total: int) -> None:
        if done > least:
            raise KeyboardInterrupt

    return report


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_a_model_is_downloaded_with_progress_and_can_be_loaded(hub: Hub, small_hub: SmallHub, folder: Path):
    assert hub.folder(FOX) is None
    assert hub.configuration_folder(FOX) is None
    reports: list[tuple[int, int]] = []
    complete = hub.fetch(FOX, lambda done, total: reports.append((done, total)))
    assert hub.folder(FOX) == hub.configuration_folder(FOX) == complete
    assert weights(complete) == weights(folder)
    names = {"tokenizer.json", "tokenizer_config.json", "model.safetensors"}
    total = sum((folder / name).stat().st_size for name in names)
    assert reports[-1] == (total, total)
    assert {given for _, given in reports} == {total}
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)
    assert len(reports) > len(weights(folder)) // 2**14, "told while the file is on its way"
    assert load_model(complete).info.fingerprint == load_model(folder).info.fingerprint
    assert not small_hub.sent("pytorch_model.bin"), "pickled weights may run programs"
    assert hub.folder(HubModel("owner/fox", "main")) == hub.folder(HubModel("owner/fox", COMMIT)) == complete
    assert hub.folder(HubModel("owner/fox", "other")) is None


def test_what_is_here_is_not_sent_again(hub: Hub, small_hub: SmallHub):
    hub.fetch(FOX, nothing)
    hub.fetch(FOX, nothing)
    assert len([given for given in small_hub.sent("/model.safetensors") if given is None]) == 2  # one, redirected


def test_an_interrupted_download_goes_on_where_it_was(hub: Hub, small_hub: SmallHub, folder: Path, tmp_path: Path):
    size = len(weights(folder))
    with pytest.raises(KeyboardInterrupt):
        hub.fetch(FOX, stop_after(size // 2))
    (part,) = (tmp_path / "hub").rglob("*.part.incomplete")
    arrived = part.stat().st_size
    assert size // 3 < arrived < size
    assert hub.folder(FOX) is None
    assert hub.configuration_folder(FOX) is not None, "the architecture can be shown meanwhile"
    small_hub.asked.clear()
    reports: list[int] = []
    complete = hub.fetch(FOX, lambda done, _total: reports.append(done))
    assert set(small_hub.sent("/model.safetensors")) == {f"bytes={arrived}-"}
    assert weights(complete) == weights(folder)
    assert not list((tmp_path / "hub").rglob("*.part.incomplete"))


def test_a_connection_that_breaks_is_made_again(hub: Hub, small_hub: SmallHub, folder: Path):
    small_hub.cut_after = 100_000
    complete = hub.fetch(FOX, nothing)
    assert weights(complete) == weights(folder)
    ranges = [given for given in small_hub.sent("/model.safetensors") if given]
    assert ranges, "from the middle, not from the start"


def test_what_is_not_what_the_hub_announces_is_refused_and_removed(hub: Hub, small_hub: SmallHub, tmp_path: Path):
    small_hub.wrong = True
    with pytest.raises(ModelError, match=r"model\.safetensors of 'owner/fox' .* SHA-256 differs.* removed"):
        hub.fetch(FOX, nothing)
    assert hub.folder(FOX) is None
    assert not list((tmp_path / "hub").rglob("*.incomplete"))
    assert not list((tmp_path / "hub").rglob("model.safetensors"))
    small_hub.wrong = False
    assert hub.fetch(FOX, nothing) == hub.folder(FOX)


def test_weights_in_several_files_are_one_model(hub: Hub, small_hub: SmallHub, folder: Path, tmp_path: Path):
    model = make_tiny("gpt2", hidden_size=96)
    model.network.save_pretrained(tmp_path / "shards", max_shard_size="400kB")
    model.tokenizer.save_pretrained(tmp_path / "shards")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    small_hub.hold("owner/shards", tmp_path / "shards")
    shards = HubModel("owner/shards")
    complete = hub.fetch(shards, nothing)
    assert load_model(complete).info.fingerprint == load_model(folder).info.fingerprint
    next(complete.glob("*.safetensors")).unlink()
    assert hub.folder(shards) is None


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        ((401, "RepoNotFound"), "The hub has no public model 'owner/fox'.*HF_TOKEN"),
        ((404, "RepoNotFound"), "The hub has no public model 'owner/fox'"),
        ((401, ""), r"refused the download of 'owner/fox' \(status 401\). Set HF_TOKEN"),
        ((403, "GatedRepo"), "gated: its owner asks for an agreement"),
        ((403, ""), r"refused the download of 'owner/fox' \(status 403\). Set HF_TOKEN"),
        ((500, ""), r"status 500\). Try again later"),
    ],
)
def test_a_hub_that_refuses(hub: Hub, small_hub: SmallHub, refusal: tuple[int, str], message: str):
    small_hub.refusals["owner/fox"] = refusal
    with pytest.raises(ModelError, match=message):
        hub.fetch(FOX, nothing)


def test_a_revision_that_is_not_there(hub: Hub):
    with pytest.raises(ModelError, match="'owner/fox' on the hub has no revision 'v7'"):
        hub.fetch(HubModel("owner/fox", "v7"), nothing)


def test_a_hub_that_is_down(tmp_path: Path):
    with served_hub() as small_hub:
        url = small_hub.url
    with pytest.raises(ModelError, match=r"hub cannot be reached.*internet connection"):
        Hub(endpoint=url, cache=tmp_path).fetch(FOX, nothing)


def test_a_hub_that_goes_down_in_the_middle(hub: Hub, small_hub: SmallHub, monkeypatch: pytest.MonkeyPatch):
    def lost(*_: Any, **__: Any) -> None:
        raise httpx2.ConnectError("gone")

    monkeypatch.setattr(analysis.models.hub, "http_get", lost)  # which tries for several seconds
    with pytest.raises(ModelError, match="hub cannot be reached"):
        hub.fetch(FOX, nothing)


def without(files: dict[str, bytes], name: str) -> dict[str, bytes]:
    return {key: content for key, content in files.items() if key != name}


def test_a_model_without_safe_weights_is_refused(hub: Hub, small_hub: SmallHub):
    small_hub.files["owner/fox"] = without(small_hub.files["owner/fox"], "model.safetensors")
    with pytest.raises(ModelError, match="no weights in safetensors format"):
        hub.fetch(FOX, nothing)
    assert not small_hub.sent("pytorch_model.bin")


def test_a_repository_that_holds_no_model_is_refused(hub: Hub, small_hub: SmallHub):
    small_hub.files["owner/fox"] = without(small_hub.files["owner/fox"], "config.json")
    with pytest.raises(ModelError, match=r"no config\.json"):
        hub.fetch(FOX, nothing)


def test_a_repository_of_gguf_files_is_refused_with_advice(hub: Hub, small_hub: SmallHub):
    for gone in ("model.safetensors", "config.json"):
        files = without(small_hub.files["owner/fox"], gone)
        small_hub.files["owner/fox"] = {**files, "fox.Q8_0.gguf": b"GGUF", "fox.Q4_0.gguf": b"GGUF"}
        with pytest.raises(ModelError, match=r"Its GGUF files can be read: download one, such as fox\.Q4_0\.gguf"):
            hub.fetch(FOX, nothing)


def test_an_unknown_family_is_refused_before_its_weights_are_sent(hub: Hub, small_hub: SmallHub):
    config = json.dumps(MambaConfig().to_dict(), default=str).encode()
    small_hub.files["owner/fox"] = {**small_hub.files["owner/fox"], "config.json": config}
    with pytest.raises(ModelError, match="family 'mamba', which is not supported"):
        hub.fetch(FOX, nothing)
    assert not small_hub.sent("model.safetensors")


def test_a_disk_without_room_is_refused_before_the_weights_are_sent(
    hub: Hub, small_hub: SmallHub, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=10**6))
    with pytest.raises(ModelError, match=r"not have enough space for 'owner/fox': 0\.1 GB are needed, 0\.001 GB"):
        hub.fetch(FOX, nothing)
    assert not small_hub.sent("model.safetensors")


def test_a_disk_that_fills_up_is_said(hub: Hub, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(analysis.models.hub, "http_get", full)
    with pytest.raises(ModelError, match="The disk is full"):
        hub.fetch(FOX, nothing)


def test_two_downloads_of_one_file_do_not_write_into_each_other(hub: Hub, small_hub: SmallHub):
    def report(done: int, total: int) -> None:
        if 0 < total - done < 1_000_000:
            hub.fetch(FOX, nothing)

    with pytest.raises(ModelError, match="already being downloaded"):
        hub.fetch(FOX, report)


@pytest.mark.parametrize("text", ["", "../secret", "/etc/passwd", "a/b/c", "a b", "x" * 200, "owner/..", "@main"])
def test_what_cannot_be_a_models_name_is_refused(text: str):
    with pytest.raises(ModelError, match="cannot be the name of a model"):
        HubModel.parse(text)


def test_names_of_models():
    assert HubModel.parse("gpt2") == HubModel("gpt2")
    assert HubModel.parse("owner/fox@v1.0") == HubModel("owner/fox", "v1.0")
