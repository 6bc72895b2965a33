"""Opening any model from the page of a local server: by keyboard, with reasons, from a folder and from a hub."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt
from layouts.models import OPEN_ANOTHER
from tests.browser.explorer import Explorer
from tests.hub import SmallHub, served_hub
from tests.serving import served
from tests.tiny import make_tiny

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.thorough]
TEXT = "The fox met a crow, and the crow met another fox"


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return make_tiny("gpt2", seed=3)


@pytest.fixture(scope="module")
def folder(model: LanguageModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "step-500"
    model.network.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def small_hub(folder: Path) -> Iterator[SmallHub]:
    with served_hub() as hub:
        hub.hold("owner/fox", folder)
        yield hub


@pytest.fixture(scope="module")
def address(small_hub: SmallHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page on a fresh machine."""
    with served(HF_HOME=str(tmp_path_factory.mktemp("home")), HF_ENDPOINT=small_hub.url) as url:
        yield url


def test_a_model_is_opened_from_a_folder_and_from_a_hub(
    explorer: Explorer, folder: Path, model: LanguageModel, small_hub: SmallHub
) -> None:
    page = explorer.page
    menu, field, found = (
        page.locator(f"#{name}") for name in ("prompt-model", "open-model-source", "open-model-found")
    )
    dialog, button = page.get_by_role("dialog", name="Open another model"), page.locator("#open-model-open")
    explorer.analyse(TEXT)
    explorer.page.wait_for_function("(text) => dash_clientside.explorer.shown().text === text", arg=TEXT)
    selection, fragment = explorer.selection(), page.url

    # By keyboard: the last entry of the menu opens the dialog, and Escape leaves everything as it was.
    menu.focus()
    page.keyboard.press("End")
    expect(dialog).to_be_visible()
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(menu).to_be_focused()
    assert (menu.input_value(), explorer.selection(), page.url) == ("bundled", selection, fragment)

    # A reason is said in the dialog; a changed text takes away what was found.
    page.select_option("#prompt-model", OPEN_ANOTHER)
    for text, words in [
        (f"{folder}-7", "There is no folder or file"),
        ("owner/absent", "no public model 'owner/absent'"),
    ]:
        field.fill(text)
        page.keyboard.press("Enter")
        expect(found).to_contain_text(words)
        expect(button).to_be_disabled()
    field.fill(str(folder))
    expect(found).to_be_empty()
    page.keyboard.press("Enter")
    expect(found).to_contain_text(f"{model.info.n_parameters:,}")
    field.press_sequentially("x")
    expect(button).to_be_disabled()
    field.press("Backspace")
    page.click("#open-model-look")
    expect(button).to_be_enabled()
    assert page.url == fragment, "looking changes nothing"

    button.click()
    expect(dialog).to_be_hidden()
    shows_values(explorer, model, "step-500")
    # Another tab and a reload find it; a link to what was not opened says so, and keeps its text.
    explorer.open(model="step-500", text=TEXT)
    shows_values(explorer, model, "step-500")
    explorer.open(model=str(folder), text="a crow")
    assert "among those that this server has opened. Choose ‘Open another…’" in explorer.notice()
    assert (page.input_value("#prompt-text"), menu.input_value()) == ("a crow", "bundled")

    # A model on the hub: its weights are sent when it is opened, and not before.
    explorer.open(text=TEXT)
    page.select_option("#prompt-model", OPEN_ANOTHER)
    field.fill("owner/fox")
    page.keyboard.press("Enter")
    expect(button).to_contain_text("Download")
    assert not small_hub.sent("model.safetensors")
    button.click()
    shows_values(explorer, model, "owner/fox")


def shows_values(explorer: Explorer, model: LanguageModel, name: str) -> None:
    """Fail unless the page shows the text's attention in this model, chosen in the menu under its name."""
    trace = compute_trace(model, Prompt("any", TEXT))
    explorer.page.wait_for_function(
        "([name, n]) => { const { model, n_positions } = dash_clientside.explorer.shown();"
        " return model === name && n_positions === n; }",
        arg=[name, trace.n_positions],
    )
    expect(explorer.page.locator("#prompt-model")).to_have_value(name)
    assert explorer.stored("model") == name
    explorer.page.locator("[data-select='@3'] >> nth=0").click()
    explorer.page.wait_for_function("document.getElementById('panels').dataset.selection.endsWith('@3')")
    explorer.page.wait_for_function(
        f"document.querySelector('#attention-graph .js-plotly-plot')?._fullData?.[0]?.z?.length === {trace.n_positions}"
    )
    _, block, _, _, head = explorer.selection().partition("@")[0].split(".")
    explorer.shows_attention(trace, int(block), int(head))
