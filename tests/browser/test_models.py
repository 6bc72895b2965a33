"""Choosing a model on a machine that has no weights and no network: its architecture is shown all the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.explorer import PLOT, Explorer
from tests.serving import served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page on a fresh machine whose way to the hub leads nowhere."""
    home: Path = tmp_path_factory.mktemp("home")
    with served(HF_HOME=str(home), HF_ENDPOINT="http://127.0.0.1:9") as url:
        yield url


def choose(explorer: Explorer, model: str, n_blocks: int) -> None:
    explorer.page.select_option("#prompt-model", model)
    explorer.page.wait_for_function(
        "(n) => document.getElementById('architecture-reading').innerText.startsWith(`${n} blocks`)", arg=n_blocks
    )


def shows_sizes(explorer: Explorer, n_parameters: str, n_blocks: int, n_heads: int) -> None:
    expect(explorer.page.locator("#summary-parameters")).to_contain_text(n_parameters)
    expect(explorer.page.locator("#architecture-reading")).to_contain_text(
        f"{n_blocks} blocks, each with {n_heads} attention heads"
    )
    expect(explorer.page.locator("#architecture-reading")).to_contain_text("No values")
    plot = PLOT.format(id="architecture-graph")
    explorer.page.wait_for_function(f"(n) => {plot}._fullData[0].customdata.length === n", arg=n_blocks * n_heads)
    explorer.page.wait_for_function(f"{plot}._fullLayout.scene._scene.glplot.objects.length >= 3")
    assert len(explorer.data("architecture-graph", "_fullData[0].x")) == n_blocks * n_heads * 8


def test_models_without_weights(explorer: Explorer) -> None:
    bar, button = explorer.page.locator("#model-bar"), explorer.page.locator("#model-download")
    expect(bar).to_be_hidden()
    choose(explorer, "gpt2-medium", 24)
    shows_sizes(explorer, "354,823,168", 24, 16)
    expect(bar).to_contain_text("The weights of gpt2-medium are not on this machine.")
    expect(button).to_have_text("Download 1.52 GB")
    expect(explorer.page.locator("#attention-reading")).to_contain_text("The weights of gpt2-medium are not on this")
    expect(explorer.page.locator("#strip-chips button")).to_have_count(0)
    assert "not on this machine" in explorer.data("saliency-graph", "_fullLayout.annotations[0].text").replace(
        "<br>", " "
    )
    # The parts can be walked through; a click in the scene selects.
    explorer.page.click("#summary-mlp")
    explorer.follows("block.3.mlp")
    explorer.click_box(0, 20 * 16 + 14)
    selected = explorer.selection()
    assert selected.startswith("block.20.attention.head.")
    assert explorer.page.inner_text("#summary-title") == f"Block 20 · head {selected.rsplit('.', 1)[1]}"
    # A panel's own offer presses the same button; the hub cannot be reached, and the bar says so.
    explorer.page.click("#attention-reading button")
    expect(bar).to_contain_text("The hub cannot be reached, so 'gpt2-medium' cannot be downloaded.")
    expect(button).to_be_visible()
    choose(explorer, "gpt2-xl", 48)
    shows_sizes(explorer, "1,557,611,200", 48, 25)
    expect(button).to_have_text("Download 6.43 GB")
    assert explorer.stored("model") == "gpt2-xl"
    # And back to what is there.
    explorer.page.select_option("#prompt-model", "bundled")
    expect(bar).to_be_hidden()
    expect(explorer.page.locator("#prompt-count")).to_have_text("19 of 256 tokens")
    assert "@18" in explorer.selection()
