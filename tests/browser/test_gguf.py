"""A GGUF file that the server opens with, clicked through as a person does."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from analysis.models.forward import compute_trace
from analysis.models.load import load_model
from analysis.trace import Prompt
from tests.browser.explorer import Explorer
from tests.gguf_files import tiny, write_gguf
from tests.serving import PLAIN, served

pytestmark = [pytest.mark.browser, pytest.mark.webgl, pytest.mark.thorough]
TEXT = "The fox met a crow with a cheese"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama in 4 bits."""
    return write_gguf(tiny("llama"), tmp_path_factory.mktemp("gguf") / "fox.Q4_0.gguf")


@pytest.fixture(scope="module")
def address(path: Path) -> Iterator[str]:
    """A page of `python -m dashboard --model fox.Q4_0.gguf`."""
    with served((*PLAIN, "--model", str(path), "--text", TEXT)) as url:
        yield url


def test_a_gguf_file_is_clicked_through(explorer: Explorer, path: Path) -> None:
    trace = compute_trace(load_model(path), Prompt("any", TEXT))
    last, page = trace.n_positions - 1, explorer.page
    label = page.locator("#prompt-model option:checked")
    expect(label).to_have_text(re.compile(r"^fox\.Q4_0\.gguf \(Llama, .*\) · ready, 4-bit weights, dequantized$"))
    expect(page.locator("#model-words")).to_have_text("fox.Q4_0.gguf: 4-bit weights, dequantized.")
    assert explorer.stored("model") == "fox.Q4_0.gguf"
    explorer.click_box(0, 2)  # of the first block, which none stands before
    explorer.follows(f"block.0.attention.head.2@{last}")
    explorer.shows_attention(trace, 0, 2)
    page.locator("#strip-panel [data-select='@7']").click()
    page.click("#summary-mlp")
    explorer.follows("block.0.mlp@7")
    assert "(4-bit weights, dequantized)" in (page.text_content("#summary-parameters") or "")
    explorer.compute()  # in a process that has the weights by a fork
    expect(page.locator("#saliency-job-words")).to_contain_text(re.compile("^(Computed|Cached)"), timeout=90_000)
