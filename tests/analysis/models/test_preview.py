"""Model preview: what paths and ids name, and that only configurations are read."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from analysis.errors import ModelError
from analysis.models.hub import Hub, HubModel
from analysis.models.preview import locate, preview
from tests.checkpoints import tiny_gpt2
from tests.gguf_files import tiny, write_gguf
from tests.hub import SmallHub, served_hub
from tests.tiny import make_tiny

FOX = HubModel("owner/fox")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model as `save_pretrained` writes it."""
    return tiny_gpt2(tmp_path / "run-3")


@pytest.fixture
def small_hub(folder: Path) -> Iterator[SmallHub]:
    with served_hub() as hub:
        hub.hold("owner/fox", folder)
        yield hub


@pytest.fixture
def hub(small_hub: SmallHub, tmp_path: Path) -> Hub:
    return Hub(endpoint=small_hub.url, cache=tmp_path / "hub")


# What a text names.


def test_a_path_in_any_spelling_is_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.chdir(folder.parent)
    (folder.parent / "link").symlink_to(folder)
    for text in (str(folder), f"  {folder}/ ", f'"{folder}"', "~/run-3", "run-3", "./run-3", "link"):
        assert locate(text) == folder.resolve()


def test_a_gguf_file_is_a_model_and_other_files_are_none(tmp_path: Path) -> None:
    for name in ("fox.gguf", "fox.bin"):
        (tmp_path / name).touch()
    assert locate(str(tmp_path / "fox.gguf")) == locate(str(tmp_path)) == tmp_path.resolve() / "fox.gguf"
    with pytest.raises(ModelError, match=r"fox\.bin' is not a \.gguf file.*give the folder"):
        locate(str(tmp_path / "fox.bin"))


def test_what_is_no_path_here_is_an_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate(" owner/fox@v1 ") == HubModel("owner/fox", "v1")
    assert locate("gpt2") == HubModel("gpt2")
    assert locate(f"{constants.ENDPOINT}/owner/fox/") == HubModel("owner/fox")  # the address of its page
    assert locate(f"{constants.ENDPOINT}/owner/fox/tree/v1") == HubModel("owner/fox", "v1")
    (tmp_path / "owner" / "fox").mkdir(parents=True)
    assert locate("owner/fox") == tmp_path.resolve() / "owner" / "fox"


@pytest.mark.parametrize("text", ["/no/such/folder", "~/nothing", "./nothing", "../nothing", "no.gguf", "/tmp/\0"])
def test_a_path_that_does_not_exist_is_not_looked_up_on_the_hub(text: str) -> None:
    with pytest.raises(ModelError, match=r"There is no folder or file .* on this machine"):
        locate(text)


@pytest.mark.parametrize("text", ["a/b/c", "a b", "x" * 5000, "owner/..", "@main", "https://host/owner/name"])
def test_what_can_be_neither_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match=r"is no folder or file in .*, and cannot be an id") as refused:
        locate(text)
    assert len(str(refused.value)) < 500


# A folder.


def test_a_folder_is_known_from_its_configuration(folder: Path, hub: Hub, small_hub: SmallHub) -> None:
    (folder / "model.safetensors").write_bytes(b"not read")
    found = preview(folder, hub)
    assert found.outline.info.n_parameters == make_tiny("gpt2").info.n_parameters
    assert (found.outline.info.family, found.download_bytes) == ("GPT-2", 0)
    assert small_hub.asked == []


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def configured(text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "config.json").write_text(text) and None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without("config.json"), "'run-3' is not a model: it has no config.json. Open a folder that"),
        (without("tokenizer.json"), r"'run-3' has the configuration of a GPT-2 model, but no tokenizer"),
        (without("model.safetensors"), "of a GPT-2 model, but no weights in safetensors format"),
        (configured('{"model_type": "gpt2",\n "n_layer": }'), "not valid JSON: Expecting value, in line 2, column 13"),
        (configured("{}"), r"'run-3' cannot be read.* does not name the family"),
        (configured("[]"), "'run-3' cannot be read"),
        (configured('{"model_type": "mamba"}'), "family 'mamba', which is not supported: it has no attention"),
        (configured('{"model_type": "gpt2", "n_embd": 30}'), "configuration of this GPT-2 model cannot be used"),
    ],
)
def test_a_folder_that_cannot_be_opened(damage: Callable[[Path], None], message: str, folder: Path, hub: Hub) -> None:
    damage(folder)
    with pytest.raises(ModelError, match=message):
        preview(folder, hub)


def test_a_gguf_file_is_known_from_its_header(tmp_path: Path, hub: Hub) -> None:
    model = tiny("llama")
    (tmp_path / "gguf").mkdir()
    file = write_gguf(model, tmp_path / "gguf" / "fox.Q4_0.gguf")
    found = preview(locate(str(file.parent)), hub)
    assert (found.outline.info.family, found.outline.info.n_parameters) == ("Llama", model.info.n_parameters)
    assert (found.outline.info.weights_note, found.download_bytes) == ("4-bit weights, dequantized", 0)
    file.with_name("fox.Q8_0.gguf").touch()
    with pytest.raises(ModelError, match=r"'gguf' has 2 GGUF files\. Name one of them"):
        locate(str(file.parent))
    (tmp_path / "damaged.gguf").write_bytes(b"GGUF\0\0")
    with pytest.raises(ModelError, match=r"damaged\.gguf"):
        preview(locate(str(tmp_path / "damaged.gguf")), hub)


def test_a_shard_that_is_missing_is_named(folder: Path, hub: Hub) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=r"but no file of weights model-00002-of-00002\.safetensors"):
        preview(folder, hub)


def test_a_folder_of_models_names_them(folder: Path, hub: Hub) -> None:
    for number in range(6):
        (folder.parent / f"run-{number}").mkdir(exist_ok=True)
        (folder.parent / f"run-{number}" / "config.json").touch()
    with pytest.raises(ModelError, match=r"Open one of the models in it: 'run-0', .*'run-4', …\."):
        preview(folder.parent, hub)


# A model on the hub.


def test_of_a_model_on_the_hub_the_configuration_alone_is_fetched(folder: Path, hub: Hub, small_hub: SmallHub) -> None:
    (folder / "other.safetensors").write_bytes(b"x" * 5000)
    small_hub.hold("owner/fox", folder)
    found = preview(FOX, hub)
    assert {path.rpartition("/")[2] for method, path, _ in small_hub.asked if method == "GET"} == {"fox", "config.json"}
    needed = ("model.safetensors", "tokenizer.json", "tokenizer_config.json")
    assert found.download_bytes == sum((folder / name).stat().st_size for name in needed)
    assert found.outline.info.family == "GPT-2"
    hub.fetch(FOX, lambda _done, _total: None)
    small_hub.asked.clear()
    assert preview(FOX, hub).download_bytes == 0
    assert small_hub.asked == [], "everything is on this machine"


def test_the_sizes_of_shards_are_summed(folder: Path, hub: Hub, small_hub: SmallHub) -> None:
    files = {"config.json": (folder / "config.json").read_bytes(), "model.safetensors.index.json": b"{}"}
    files |= {f"model-0000{n}-of-00002.safetensors": b"x" * 1000 * n for n in (1, 2)}
    small_hub.files["owner/shards"] = {**files, "consolidated.safetensors": b"x" * 3000}  # the same once more
    assert preview(HubModel("owner/shards"), hub).download_bytes == 3000
    assert not small_hub.sent("index.json")


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        ((404, "RepoNotFound"), "no public model 'owner/fox'.* No folder or file in .* has this name, either"),
        ((403, "GatedRepo"), r"gated: its owner asks for an agreement.*HF_TOKEN to a token of your account\.$"),
        ((401, ""), r"refused the look-up of 'owner/fox' \(status 401\). Set HF_TOKEN"),
        ((500, ""), r"status 500\). Try again later\.$"),
    ],
)
def test_a_hub_that_refuses(hub: Hub, small_hub: SmallHub, refusal: tuple[int, str], message: str) -> None:
    small_hub.refusals["owner/fox"] = refusal
    with pytest.raises(ModelError, match=message):
        preview(FOX, hub)


def test_without_a_network_the_reason_is_said(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Hub(endpoint="http://127.0.0.1:9", cache=tmp_path / "empty")
    with pytest.raises(ModelError, match=r"cannot be reached, so 'owner/fox' cannot be looked up.*, either"):
        preview(FOX, nowhere)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="'owner/fox' cannot be looked up: the variable HF_HUB_OFFLINE"):
        preview(FOX, hub)


def test_what_is_not_supported_is_said_before_any_weights_are_sent(hub: Hub, small_hub: SmallHub) -> None:
    held = small_hub.files["owner/fox"]
    small_hub.files["owner/mamba"] = {**held, "config.json": b'{"model_type": "mamba"}'}
    small_hub.files["owner/pickled"] = {"config.json": held["config.json"], "pytorch_model.bin": b"x"}
    small_hub.files["owner/gguf"] = {"fox.Q4_0.gguf": b"x"}
    for name, message in [
        ("owner/mamba", "family 'mamba'"),
        ("owner/pickled", "no weights in safetensors format"),
        ("owner/gguf", "no config.json.*GGUF"),
    ]:
        with pytest.raises(ModelError, match=message):
            preview(HubModel(name), hub)
    assert not [path for _, path, _ in small_hub.asked if path.endswith((".safetensors", ".bin", ".gguf"))]
