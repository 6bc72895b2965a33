"""The model menu and its bar, for models whose weights are not in memory."""

import json
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from analysis.errors import AnalysisError, NotLoaded, TextError
from analysis.models.hub import Hub, HubModel
from analysis.models.language_model import LanguageModel
from analysis.models.registry import ModelRegistry
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.architecture import draw_architecture
from callbacks.attention import draw_attention
from callbacks.models import draw_models
from callbacks.prompt import count_typed, draw_prompt
from callbacks.summary import draw_summary, draw_summary_model
from dashboard.models.downloads import Download, Downloads
from dashboard.services import AppServices
from tests.serving import wait_until
from tests.tiny import TEXT, make_services

SELECTION = Selection.parse("block.23.attention.head.15")
MEDIUM = Prompt("gpt2-medium", TEXT)


@pytest.fixture
def services(tmp_path: Path, tiny_gpt2: LanguageModel) -> AppServices:
    """Services that know a model in memory, one in a folder, and one that is not here."""
    tiny_gpt2.network.save_pretrained(tmp_path / "mine")
    tiny_gpt2.tokenizer.save_pretrained(tmp_path / "mine")
    sources = {"tiny": tiny_gpt2, "mine": tmp_path / "mine", "gpt2-medium": HubModel("gpt2-medium")}
    hub = Hub(cache=tmp_path / "hub", endpoint="http://127.0.0.1:9")
    return make_services(tmp_path, {**sources, "owner/other": HubModel("owner/other")}, hub=hub)


def bar(services: AppServices, prompt: Prompt, **how: Any) -> dict[str, Any]:
    return dict(draw_models(services, draw_prompt(services, prompt)["prompt"], **how))


def test_a_model_that_is_not_here_has_its_sizes_and_no_positions(services: AppServices) -> None:
    assert services.possible_prompt(MEDIUM, None) == (MEDIUM, "")
    shown = draw_prompt(services, MEDIUM)
    assert (shown["text"], shown["model"]) == (TEXT, "gpt2-medium")
    data = shown["prompt"]
    assert (data["n_blocks"], data["n_heads"], data["n_neurons"], data["n_vocab"]) == (24, 16, 4096, 50257)
    assert (data["n_positions"], data["opening"], data["most"]) == (0, None, 64)
    assert shown["findings"] == []
    assert count_typed(services, data) == {"edit": None, "n_tokens": 0, "problem": ""}


def test_of_a_model_without_a_configuration_nothing_is_known(services: AppServices) -> None:
    data = draw_prompt(services, Prompt("owner/other", TEXT))["prompt"]
    assert (data["n_blocks"], data["n_positions"]) == (0, 0)
    with pytest.raises(NotLoaded, match="owner/other has not been downloaded"):
        services.question({"model": "owner/other", "text": TEXT}, "output")
    assert draw_summary_model(services, Prompt("owner/other", TEXT)) == {"menu": "", "parameters": ""}


def test_the_selection_is_checked_against_the_sizes_alone(services: AppServices) -> None:
    asked = {"model": "gpt2-medium", "text": TEXT}
    assert services.question(asked, "block.23.attention.head.15@7~50256")[1].position == 7
    ranges = {"block.24.mlp": "0–23", "block.0.attention.head.16": "0–15", "output~50257": "0–50256"}
    for text, possible in ranges.items():
        with pytest.raises(AnalysisError, match=f"this model has .* {possible}"):
            services.question(asked, text)


def test_its_architecture_is_drawn_without_values(services: AppServices) -> None:
    drawn = draw_architecture(services, MEDIUM, SELECTION)
    figure = drawn["figure"]
    assert isinstance(figure, go.Figure)
    heads, tiles, ends = figure.data[:3]
    assert len(heads.customdata) == 24 * 16
    assert len(heads.x) == 24 * 16 * 8
    assert len(tiles.x) == 24 * 64 * 8
    assert (tiles.meta["per_block"], tiles.customdata[65]) == (64, 64)  # neuron 64 of block 1
    assert (heads.meta["values"], tiles.meta["values"], ends.meta["values"]) == ([], [], [])
    assert "attention heads" in heads.colorbar.ticktext  # a legend of kinds
    assert figure.data[3].meta["values"] == []  # the residual stream
    assert figure.layout.scene.annotations[0].text == ""
    assert drawn["reading"] == (
        "24 blocks, each with 16 attention heads (above the residual stream) and 4,096 MLP neurons (below it, "
        "64 per tile). No values are shown: the weights are not in memory."
    )
    assert drawn["scene"] == services.outline(MEDIUM).info.fingerprint


def test_its_summary_is_exact(services: AppServices) -> None:
    card = draw_summary(services, MEDIUM, SELECTION)
    assert card["figure"].layout.annotations[0].text == "No values without the weights."
    assert (card["title"], card["reading"]) == ("Block 23 · head 15", "")
    assert "262,336 parameters" in str(card["part"])
    model = draw_summary_model(services, MEDIUM)
    assert len(model["menu"]) == 24 * 2 + 3
    for number in ("354,823,168", "24 × 4,198,400", "24 × 8,393,728", "384 heads", "98,304 MLP neurons"):
        assert number in str(model["parameters"])


def test_what_needs_weights_says_that_they_are_missing(services: AppServices) -> None:
    with pytest.raises(NotLoaded, match="The weights of gpt2-medium are not on this machine"):
        draw_attention(services, MEDIUM, SELECTION)


def test_the_bar_offers_the_download(services: AppServices) -> None:
    shown = bar(services, MEDIUM)
    assert "gpt2-medium are not on this machine" in shown["words"]
    assert (shown["download"], shown["download_class"], shown["cancel_class"]) == ("Download 1.52 GB", "", "job-hidden")
    assert shown["idle"]
    assert not shown["changed"]
    assert [option["value"] for option in shown["options"]] == ["tiny", "mine", "gpt2-medium", "owner/other"]
    json.dumps(shown)


def test_nothing_is_said_of_a_model_that_is_there(services: AppServices) -> None:
    shown = bar(services, Prompt("tiny", TEXT))
    assert (shown["words"], shown["bar"]) == ("", "model-bar job-hidden")
    assert shown["idle"]
    assert not shown["changed"]


def test_a_download_shows_how_far_it_is(services: AppServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Downloads, "progress", lambda _self, _name: Download(3 * 10**8, 15 * 10**8, running=True))
    shown = bar(services, MEDIUM)
    assert shown["words"] == "Downloading gpt2-medium: 300 MB of 1.5 GB."
    assert shown["fill"] == {"width": "20.0%"}
    assert (shown["download_class"], shown["cancel_class"]) == ("job-hidden", "")
    assert not shown["idle"]


def test_a_model_in_a_folder_is_loaded_meanwhile_and_then_shown(services: AppServices) -> None:
    mine = Prompt("mine", TEXT)
    before = draw_prompt(services, mine)["prompt"]  # which begins to load it
    assert (before["n_blocks"], before["n_positions"]) == (3, 0)
    wait_until(lambda: services.loaded(mine))
    shown = draw_models(services, before, polled=True)
    assert shown["idle"]
    assert shown["changed"], "the page has to ask anew"
    after = draw_prompt(services, mine)["prompt"]
    assert after["n_positions"] > 1
    assert not draw_models(services, after)["changed"], "and then no more"
    assert draw_attention(services, mine, Selection.parse("block.1.attention.head.2@3"))


def test_a_text_that_turns_out_to_be_too_long_gives_way_to_the_example(services: AppServices) -> None:
    long = Prompt("mine", "%" * 65)
    shown = draw_prompt(services, long)["prompt"]
    wait_until(lambda: services.loaded(long))
    asked, problem = services.possible_prompt(long, shown)
    assert asked == Prompt("mine", TEXT)
    assert "at most 64" in problem
    with pytest.raises(TextError):
        services.trace(long)


def test_a_job_waits_until_its_model_is_loaded(tmp_path: Path, services: AppServices) -> None:
    registry = ModelRegistry({"mine": tmp_path / "mine"})
    waiting = AppServices(
        registry, services._traces, services.jobs, services.menu, max_tokens=64, example=TEXT, waits=True
    )
    assert waiting.trace(Prompt("mine", TEXT)).n_positions > 1
