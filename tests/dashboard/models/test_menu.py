from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from analysis.errors import AnalysisError, ModelError
from analysis.models.catalogue import Source
from analysis.models.hub import Hub, HubModel
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model
from analysis.models.registry import ModelRegistry
from dashboard.models.downloads import Download, Downloads
from dashboard.models.menu import ModelMenu, model_memory_bytes
from tests.tiny import byte_level_tokenizer


def make(tmp_path: Path, sources: dict[str, Source], *, max_bytes: int | None = None, allow: bool = True) -> ModelMenu:
    hub = Hub(cache=tmp_path / "hub", endpoint="http://127.0.0.1:9")  # where nothing listens
    registry = ModelRegistry(sources, max_bytes=max_bytes, hub=hub)
    return ModelMenu(registry, Downloads(tmp_path / "downloads", hub), allow_downloads=allow)


def test_the_list_says_what_each_model_costs(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    menu = make(tmp_path, {"tiny": tiny_gpt2, "gpt2": HubModel("gpt2"), "other": HubModel("owner/other")})
    tiny, gpt2, other = menu.entries()
    assert (tiny.state, tiny.n_parameters, tiny.memory_bytes) == ("ready", 49_824, 4 * 49_824)
    assert (tiny.download_bytes, tiny.untrained, tiny.problem) == (None, False, "")
    assert (gpt2.state, gpt2.n_parameters, gpt2.memory_bytes) == ("to download", 124_439_808, 497_759_232)
    assert (other.state, other.n_parameters, other.memory_bytes, other.family) == ("to download", None, None, None)


def test_random_weights_are_called_so(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    torch.manual_seed(0)
    fresh = AutoModelForCausalLM.from_config(tiny_gpt2.network.config)
    (entry,) = make(tmp_path, {"fresh": prepare_model("fresh", fresh, byte_level_tokenizer())}).entries()
    assert entry.untrained


def test_what_may_not_be_downloaded_is_not(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    models: dict[str, Source] = {"tiny": tiny_gpt2, "gpt2": HubModel("gpt2")}
    for menu, state, reason in [
        (make(tmp_path, models, allow=False), "forbidden", "ALLOW_DOWNLOADS is 0"),
        (make(tmp_path, models, max_bytes=10**8), "too large", "gpt2 is too large for this server; raise MODEL_MEMORY"),
    ]:
        assert menu.entry("gpt2").state == state
        with pytest.raises(AnalysisError, match=reason):
            menu.start_download("gpt2")
    with pytest.raises(AnalysisError, match="tiny is on this machine already"):
        menu.start_download("tiny")
    assert [file.name for file in (tmp_path / "downloads").iterdir() if file.suffix == ".json"] == []


@pytest.mark.parametrize("name", ["owner/other", "../tiny", ""])
def test_a_name_that_is_not_on_the_list_is_refused(name: str, tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    menu = make(tmp_path, {"tiny": tiny_gpt2})
    for ask in (menu.entry, menu.start_download, menu.cancel_download, menu.downloadable):
        with pytest.raises(ModelError, match="There is no model"):
            ask(name)
    assert list((tmp_path / "downloads").iterdir()) == []


def test_a_download_on_its_way_and_one_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    menu = make(tmp_path, {"gpt2": HubModel("gpt2")})
    found = Download(5, 10, running=True)
    monkeypatch.setattr(Downloads, "progress", lambda _self, _name: found)
    assert menu.entry("gpt2").state == "downloading"
    assert menu.entry("gpt2").download == found
    found = Download(5, 10, running=False, problem="The disk is full.")
    assert (menu.entry("gpt2").state, menu.entry("gpt2").problem) == ("to download", "The disk is full.")


def test_models_take_no_more_than_the_machine_has() -> None:
    assert model_memory_bytes(100) == 10**8
    assert 10**8 < model_memory_bytes(10**9) < 10**15
