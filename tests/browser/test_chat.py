"""The switches of a text: the start token and the chat template, on a chat model."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.explorer import Explorer
from tests.checkpoints import chat_tokenizer, save
from tests.serving import served
from tests.tiny import make_tiny

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.thorough]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("models")
    network = make_tiny("qwen2", max_position_embeddings=128).network
    save(folder / "talks", network, chat_tokenizer())
    with served(MODELS_DIR=str(folder), MODELS="talks") as url:
        yield url


def test_a_text_as_a_chat_message(explorer: Explorer) -> None:
    page = explorer.page
    page.select_option("#prompt-model", "talks")
    page.wait_for_function("dash_clientside.explorer.shown().model === 'talks'")
    page.fill("#prompt-text", "a fox")
    page.click("#prompt-analyse")
    expect(page.locator("#prompt-count")).to_have_text("2 of 128 tokens")
    page.click(".question-more > summary")
    expect(page.get_by_label("Start with ‘<|endoftext|>’")).not_to_be_checked()
    page.get_by_label("As a chat message").check()
    expect(page.locator("#strip-chips button").first).to_have_text("<|im_start|>")
    own = page.locator("#strip-chips .chip:not(.chip-template)")
    expect(own).to_have_text(["a", "·fox"])
    page.get_by_label("Start with ‘<|endoftext|>’").check()
    expect(page.locator("#strip-chips button").first).to_have_text("<|endoftext|>")
    page.wait_for_function("location.hash.includes('chat=1') && location.hash.includes('start=1')")
    # The address opens the same again.
    link = page.url
    explorer.open()
    page.goto(link)
    page.reload()
    expect(own).to_have_text(["<|endoftext|>", "a", "·fox"])
    # A model that has neither a template nor the need for one shows the text as it is.
    page.select_option("#prompt-model", "bundled")
    page.wait_for_function("!dash_clientside.explorer.shown().chat")
    page.click(".question-more > summary")
    expect(page.get_by_label("As a chat message (this model has no chat template)")).to_be_disabled()
