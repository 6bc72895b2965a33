"""Models that are not in memory when the server starts: from a folder, and from a hub on loopback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt
from dashboard.panels import PANELS
from tests.hub import SmallHub, served_hub
from tests.page import Page, of_address
from tests.page import words as text_of
from tests.serving import GUNICORN, served, wait_until
from tests.tiny import byte_level_tokenizer, make_tiny

pytestmark = [pytest.mark.long, pytest.mark.slow]

TEXT = "The fox met a crow"


def save(model: LanguageModel, folder: Path) -> None:
    model.network.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module")
def small_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallHub]:
    folder = tmp_path_factory.mktemp("model")
    save(make_tiny("gpt2", seed=5), folder)
    with served_hub() as hub:
        hub.hold("owner/fox", folder)
        yield hub


@pytest.fixture(scope="module")
def address(small_hub: SmallHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    models, home = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("home")
    save(make_tiny("gpt_neox", seed=7), models / "mine")
    fresh = AutoModelForCausalLM.from_config(make_tiny("gpt2").network.config)
    fresh.save_pretrained(models / "fresh")
    byte_level_tokenizer().save_pretrained(models / "fresh")
    environment = {"MODELS_DIR": str(models), "MODELS": "mine,fresh,owner/fox,owner/absent"}
    with served(GUNICORN, HF_ENDPOINT=small_hub.url, HF_HOME=str(home), **environment) as url:
        yield url


def show(page: Page, model: str, selection: str = "block.1.attention.head.2", **sizes: int) -> None:
    page.values["selection", "data"] = selection
    page.set("prompt", "data", {"model": model, "text": TEXT, "start": False, "n_positions": 0, **sizes})


def words(page: Page) -> str:
    """What the bar says, now."""
    page.set("model-poll", "n_intervals", 1)
    said: str = page.values["model-words", "children"]
    return said


def came(page: Page, model: str) -> bool:
    """Whether a model is there, asked as a page does: it asks anew when there is news."""
    before = page.values.get(("model-changed", "data"))
    said = words(page)
    if page.values.get(("model-changed", "data")) != before:
        show(page, model)
    return said == ""


def list_entry(page: Page, model: str) -> str:
    (label,) = [option["label"] for option in page.values["prompt-model", "options"] if option["value"] == model]
    return str(label)


def shows(page: Page, model: LanguageModel, block: int, head: int) -> None:
    """Fail unless the heat map holds this head's attention, computed here."""
    trace = compute_trace(model, Prompt("any", TEXT))
    figure = page.values["attention-graph", "figure"]
    assert trace.n_positions == len(page.values["strip-chips", "children"])
    reading = text_of(page.values["attention-reading", "children"])
    row = trace.attention(block)[head, 3]
    key = int(row.argmax())
    assert {0: "the first token, ", 3: "itself "}.get(key, f"position {key} ") in reading
    assert figure["data"]


def test_a_model_in_a_folder_is_loaded_when_it_is_chosen_and_jobs_find_it(address: str) -> None:
    page = of_address(address)
    show(page, "mine")
    wait_until(lambda: words(page) == "")
    show(page, "mine", "block.1.attention.head.2@3", n_positions=5, n_blocks=3)
    shows(page, make_tiny("gpt_neox", seed=7), 1, 2)
    asked: dict[str, Any] = {"prompt": {"model": "mine", "text": TEXT}, "selection": "output@3"}
    job = page.start_job("saliency", {**asked, "choices": ["integrated", "mean", ""]})
    wait_until(lambda: job.outcome() is not None, 60)
    page.set("saliency-job-fresh", "data", 1)  # as the page does when a job has ended
    assert page.values["saliency-job-offer", "data"]["kept"] > 0, "the process of the job loaded the model itself"


@pytest.mark.thorough
def test_random_weights_are_called_so(address: str) -> None:
    page = of_address(address)
    show(page, "fresh")
    wait_until(lambda: words(page).startswith("Untrained model: the weights of fresh are random"))
    assert list_entry(page, "fresh").endswith("ready, untrained")
    show(page, "fresh", "block.1.attention.head.2@3", n_positions=5, n_blocks=3)
    assert "Untrained model" in text_of(page.values["summary-reading", "children"])
    assert "Untrained model" in str(page.values["summary-parameters", "children"])


def test_a_model_is_downloaded_from_the_page(address: str, small_hub: SmallHub) -> None:
    page = of_address(address)
    show(page, "owner/fox")
    assert list_entry(page, "owner/fox") == "owner/fox · to download"
    assert "Nothing else is known about it yet. To see values, download them." in page.values["model-words", "children"]
    assert {page.values[f"{panel.name}-reading", "children"] for panel in PANELS} == {""}, "the bar says it"
    assert page.values["summary-menu", "children"] == page.values["summary-parameters", "children"] == ""
    page.set("model-download", "n_clicks", 1)
    wait_until(lambda: came(page, "owner/fox"))
    show(page, "owner/fox", "block.1.attention.head.2@3", n_positions=5, n_blocks=3)
    shows(page, make_tiny("gpt2", seed=5), 1, 2)
    assert len(small_hub.sent("/stored/owner/fox/model.safetensors")) == 1


def test_a_download_that_fails_is_said_in_the_bar(address: str) -> None:
    page = of_address(address)
    show(page, "owner/absent")
    page.set("model-download", "n_clicks", 1)
    wait_until(lambda: "no public model 'owner/absent'" in words(page))
    assert page.values["model-poll", "disabled"]
    assert page.values["model-download", "class_name"] == ""
