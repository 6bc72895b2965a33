import json
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import analysis.models.registry
from analysis.errors import ModelError, NotLoaded
from analysis.models.catalogue import make_outline
from analysis.models.forward import compute_trace
from analysis.models.hub import Hub, HubModel
from analysis.models.language_model import LanguageModel
from analysis.models.load import load_model
from analysis.models.registry import ModelRegistry
from analysis.trace import Prompt
from tests.tiny import make_tiny

BYTES = 4 * make_tiny("gpt2").info.n_parameters


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three models of one size as `save_pretrained` writes them."""
    found = {}
    for seed, name in enumerate(("one", "two", "three")):
        found[name] = tmp_path_factory.mktemp(name)
        model = make_tiny("gpt2", seed=seed)
        model.network.save_pretrained(found[name])
        model.tokenizer.save_pretrained(found[name])
    return found


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the models that were loaded, one after another."""
    seen: list[str] = []

    def load(path: Path, *, name: str) -> LanguageModel:
        seen.append(name)
        return load_model(path, name=name)

    monkeypatch.setattr(analysis.models.registry, "load_model", load)
    return seen


def eventually(holds: Callable[[], Any], seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.01)


def status(registry: ModelRegistry, name: str) -> str:
    return registry.status(name)[0]


def test_a_model_is_loaded_at_first_use_and_once(folders: dict[str, Path], loads: list[str]):
    registry = ModelRegistry({"first": make_tiny("gpt2"), **folders, "absent": folders["one"] / "nowhere"})
    assert registry.names() == ("first", "one", "two", "three", "absent")
    assert loads == []
    with ThreadPoolExecutor(8) as threads:
        models = set(threads.map(registry.get, ["two"] * 8))
    assert len(models) == 1
    assert models.pop().name == "two"
    assert loads == ["two"]
    with pytest.raises(ModelError, match="'absent' cannot be read"):
        registry.get("absent")
    assert status(registry, "absent") == "unusable"


@pytest.mark.parametrize("name", ["", "../secret", "/etc/passwd", "gpt2", "owner/name", "x" * 10_000])
@pytest.mark.parametrize("ask", ["get", "get_nowait", "outline", "status"])
def test_an_unknown_name_is_never_looked_for(
    ask: str, name: str, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
):
    for way in ("load_model", "read_configuration", "builtin_configuration"):
        monkeypatch.setattr(analysis.models.registry, way, lambda *_, **__: sys.exit("looked for"))
    registry = ModelRegistry({"one": folders["one"], "two": folders["two"]})
    with pytest.raises(ModelError) as refused:
        getattr(registry, ask)(name)
    assert str(refused.value) == f"There is no model '{name[:60]}' here. Choose one of: 'one', 'two'."


# Loading in a thread.


def test_a_request_does_not_wait_for_a_model(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch):
    go, loads = threading.Event(), []

    def load(path: Path, *, name: str) -> LanguageModel:
        loads.append(name)
        assert go.wait(20)
        return load_model(path, name=name)

    monkeypatch.setattr(analysis.models.registry, "load_model", load)
    registry = ModelRegistry(folders)
    assert status(registry, "one") == "on disk"
    for _ in range(3):
        with pytest.raises(NotLoaded, match="The weights of one are being loaded"):
            registry.get_nowait("one")
    assert status(registry, "one") == "loading"
    go.set()
    eventually(lambda: status(registry, "one") == "ready")
    assert registry.get_nowait("one") is registry.get("one")
    assert loads == ["one"]


def test_a_model_that_cannot_be_loaded_says_so_and_is_tried_again_later(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "config.json").write_bytes((folders["one"] / "config.json").read_bytes())
    registry = ModelRegistry({"broken": tmp_path})
    with pytest.raises(NotLoaded):
        registry.get_nowait("broken")
    eventually(lambda: status(registry, "broken") == "unusable")
    with pytest.raises(ModelError, match="'broken' cannot be read"):
        registry.get_nowait("broken")
    assert "cannot be read" in registry.status("broken")[1]
    for file in folders["one"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(analysis.models.registry, "_RETRY_SECONDS", 0)
    with pytest.raises(NotLoaded):
        registry.get_nowait("broken")
    eventually(lambda: status(registry, "broken") == "ready")


def test_a_load_that_breaks_is_not_begun_again_and_again(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch):
    def load(path: Path, *, name: str) -> LanguageModel:
        raise RuntimeError("can't allocate memory")

    monkeypatch.setattr(analysis.models.registry, "load_model", load)
    registry = ModelRegistry(folders)
    with pytest.raises(NotLoaded):
        registry.get_nowait("one")
    eventually(lambda: status(registry, "one") == "unusable")
    with pytest.raises(ModelError, match="one could not be loaded; the server's log says why"):
        registry.get_nowait("one")


def test_a_configuration_that_cannot_be_built_is_read_once(folders: dict[str, Path], tmp_path: Path):
    config = json.loads((folders["one"] / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"n_head": 5}))
    registry = ModelRegistry({"odd": tmp_path})
    for _ in range(2):
        assert status(registry, "odd") == "unusable"
        assert "configuration of this GPT-2 model cannot be used" in registry.status("odd")[1]
        (tmp_path / "config.json").unlink(missing_ok=True)


# Memory.


def test_a_pinned_model_is_not_unloaded_and_counts(folders: dict[str, Path], loads: list[str]):
    registry = ModelRegistry(folders, max_bytes=2 * BYTES - 1)
    registry.get("one")
    registry.pin("one")
    for _ in range(2):
        with pytest.raises(NotLoaded, match="two is too large"):
            registry.get("two")
    assert registry.get("one").name == "one"
    assert loads == ["one"]


@pytest.mark.long
def test_the_least_recently_used_model_is_unloaded(folders: dict[str, Path], loads: list[str]):
    registry = ModelRegistry(folders, max_bytes=2 * BYTES)
    gone = weakref.ref(registry.get("one").network)
    stays = weakref.ref(registry.get("two").network)
    registry.get("one")
    gone, stays = stays, gone
    registry.get("three")
    assert gone() is None, "its memory is free"
    assert stays() is not None
    assert [status(registry, name) for name in folders] == ["ready", "on disk", "ready"]
    assert registry.get("two").name == "two"
    assert loads == ["one", "two", "three", "two"]


def test_asking_for_the_status_does_not_count_as_a_use(folders: dict[str, Path], loads: list[str]):
    registry = ModelRegistry(folders, max_bytes=2 * BYTES)
    registry.get("one")
    registry.get("two")
    for _ in range(3):
        registry.status("one")
        registry.untrained("one")
        registry.outline("one")
    registry.get("three")
    assert status(registry, "one") == "on disk"


@pytest.mark.long
def test_a_model_in_use_is_unloaded_when_it_is_idle(folders: dict[str, Path]):
    registry = ModelRegistry(folders, max_bytes=BYTES)
    one = registry.get("one")
    with pytest.raises(NotLoaded):
        registry.get_nowait("two")
    time.sleep(0.3)
    assert status(registry, "two") == "loading"
    assert registry.get_nowait("one") is one
    assert compute_trace(one, Prompt("one", "a fox")).n_positions > 1
    del one
    eventually(lambda: status(registry, "two") == "ready")
    assert status(registry, "one") == "on disk"


@pytest.mark.long
def test_all_models_stay_in_use(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(analysis.models.registry, "_IDLE_TIMEOUT_SECONDS", 0.2)
    registry = ModelRegistry(folders, max_bytes=BYTES)
    one = registry.get("one")
    with pytest.raises(ModelError, match="All models in memory are in use"):
        registry.get("two")
    assert registry.get("one") is one


def test_a_model_that_could_never_fit_is_not_loaded(folders: dict[str, Path], loads: list[str]):
    registry = ModelRegistry(folders, max_bytes=BYTES - 1)
    for ask in (registry.get, registry.get_nowait):
        with pytest.raises(NotLoaded, match="one is too large"):
            ask("one")
    assert status(registry, "one") == "too large"
    assert loads == []


# Without weights.


def test_a_model_of_the_hub_that_is_not_here(tmp_path: Path):
    registry = ModelRegistry({"gpt2": HubModel("gpt2"), "other": HubModel("owner/other")}, hub=Hub(cache=tmp_path))
    for name in registry.names():
        assert registry.status(name) == ("not downloaded", "")
        with pytest.raises(NotLoaded, match=f"The weights of {name} are not on this machine"):
            registry.get_nowait(name)
    assert registry.outline("gpt2").info.n_parameters == 124_439_808
    with pytest.raises(NotLoaded, match="other has not been downloaded, not even its configuration"):
        registry.outline("other")


def test_an_outline_is_that_of_the_loaded_model(tiny_model: LanguageModel):
    assert ModelRegistry({"tiny": tiny_model}).outline("tiny").info == tiny_model.info
    info = make_outline(tiny_model.network.config, tiny_model).info  # as from a folder
    assert info.fingerprint != tiny_model.info.fingerprint
    sizes = ("family", "n_blocks", "n_heads", "d_model", "n_neurons", "n_vocab", "max_positions", "n_parameters")
    assert [getattr(info, size) for size in sizes] == [getattr(tiny_model.info, size) for size in sizes]
