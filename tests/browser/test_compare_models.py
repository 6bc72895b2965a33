"""Compare two models in the browser: the bundled one, and its copy in which one head writes nothing."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from safetensors.torch import load_file, save_file

from tests.browser.explorer import Explorer
from tests.serving import served
from tests.tiny import BUNDLED

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.slow]
BLOCK, HEAD, D_HEAD = 2, 5, 32


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page that offers both models."""
    folder = tmp_path_factory.mktemp("models")
    copy = folder / "without_a_head"
    shutil.copytree(BUNDLED, copy, ignore=shutil.ignore_patterns("*.py", "*.md", "*.txt", "__pycache__"))
    silence_head(copy / "model.safetensors")
    with served(MODELS_DIR=str(folder), MODELS=copy.name) as url:
        yield url


def silence_head(file: Path) -> None:
    """The rows of attention's output map that belong to the head become 0."""
    weights = load_file(file)
    (name,) = [name for name in weights if name.endswith(f"h.{BLOCK}.attn.c_proj.weight")]
    weights[name][HEAD * D_HEAD : (HEAD + 1) * D_HEAD] = 0
    save_file(weights, file, metadata={"format": "pt"})


@pytest.mark.thorough
def test_the_first_difference_of_two_models_is_the_head_that_differs(explorer: Explorer) -> None:
    page = explorer.page
    page.click("#compare-open")
    page.select_option("#compare-model", "without_a_head")
    expect(page.locator("#compare-words")).to_contain_text("The same 19 tokens", timeout=60_000)
    page.click(".compare-side label:text-is('A − B')")
    expect(page.locator("#activation-title")).to_contain_text("A − B")
    page.evaluate("dash_clientside.set_props('architecture-color', { value: 'norm' })")
    explorer.show("overview")
    expect(page.locator("#overview-reading")).to_contain_text(f"block {BLOCK} head {HEAD}")
    lengths = explorer.data("activation-graph", "_fullData[0].y")
    assert {y for y in lengths[: BLOCK + 1] if y is not None} == {0}
    page.click(".compare-side label:text-is('B')")
    expect(page.locator("#attention-title")).not_to_contain_text("A − B")
    assert explorer.stored("compare-model") == "without_a_head"
    page.reload()
    expect(page.locator("#compare-words")).to_contain_text("The same 19 tokens", timeout=60_000)
    assert page.input_value("#compare-model") == "without_a_head"
