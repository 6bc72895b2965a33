"""Models without weights: offline, the architecture of such a model is shown; online, it is downloaded, loaded and
shown.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from analysis.attention import find_opening
from analysis.models.forward import compute_trace
from analysis.trace import Prompt
from layouts.examples import EXAMPLES
from tests.browser.explorer import PLOT, Explorer
from tests.hub import served_hub
from tests.serving import free_port, served
from tests.tiny import make_tiny

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.thorough]


@pytest.fixture(scope="module")
def port() -> int:
    """Where the hub is looked for; there is none unless a test starts one."""
    return free_port()


@pytest.fixture(scope="module")
def address(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page on a fresh machine."""
    home = tmp_path_factory.mktemp("home")
    with served(HF_HOME=str(home), HF_ENDPOINT=f"http://127.0.0.1:{port}", MODELS="owner/fox") as url:
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


@pytest.mark.thorough
@pytest.mark.webgl
def test_models_without_weights(explorer: Explorer) -> None:
    bar, button = explorer.page.locator("#model-bar"), explorer.page.locator("#model-download")
    expect(bar).to_be_hidden()
    choose(explorer, "gpt2-medium", 24)
    shows_sizes(explorer, "354,823,168", 24, 16)
    expect(bar).to_contain_text("The weights of gpt2-medium are not on this machine.")
    expect(button).to_have_text("Download 1.52 GB")
    assert explorer.page.locator("main").inner_text().count("gpt2-medium") == 1, "said once"
    expect(explorer.page.locator("#architecture-color")).to_be_hidden()
    expect(explorer.page.locator("#attention-view")).to_be_hidden()
    expect(explorer.page.locator("#strip-chips button")).to_have_count(0)
    assert explorer.data("saliency-graph", "_fullLayout.annotations[0].text") == "No values without the weights."
    # The parts can be walked through; a click in the scene selects.
    explorer.page.click("#summary-mlp")
    explorer.follows("block.3.mlp")
    explorer.click_box(0, 20 * 16 + 14)
    explorer.page.wait_for_function("!document.getElementById('panels').dataset.selection.startsWith('block.3')")
    selected = explorer.selection()
    assert selected.startswith("block.20.attention.head.")
    assert explorer.page.inner_text("#summary-title") == f"Block 20 · head {selected.rsplit('.', 1)[1]}"
    # The hub cannot be reached, and the bar says so.
    explorer.page.click("#model-download")
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


def test_a_download_is_followed_until_its_values_are_there(explorer: Explorer, port: int, tmp_path: Path) -> None:
    model = make_tiny("gpt2", seed=3, max_position_embeddings=256)
    model.network.save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    bar = explorer.page.locator("#model-bar")
    explorer.page.select_option("#prompt-model", "owner/fox")
    expect(bar).to_contain_text("Nothing else is known about it yet. To see values, download them.")
    with served_hub(port) as hub:
        hub.hold("owner/fox", tmp_path)
        hub.gate = threading.Event()  # the weights wait for it in the middle
        explorer.page.click("#model-download")
        expect(bar).to_contain_text("Downloading owner/fox: ")
        # Its configuration has come, so its architecture is there before its weights are.
        expect(explorer.page.locator("#overview-reading")).to_contain_text("3 blocks, each with 4 attention heads")
        expect(explorer.page.locator("#summary-parameters")).to_contain_text(f"{model.info.n_parameters:,}")
        assert "@" not in explorer.selection()
        hub.gate.set()
        explorer.page.wait_for_function("document.getElementById('prompt-count').innerText.includes('tokens')")
    expect(bar).to_be_hidden()
    trace = compute_trace(model, Prompt("any", next(iter(EXAMPLES.values())).text))
    explorer.page.wait_for_function("document.getElementById('attention-title').innerText.includes('head')")
    opening = find_opening(trace)
    assert opening
    explorer.follows(f"block.{opening.block}.attention.head.{opening.head}@{trace.n_positions - 1}")
    explorer.page.wait_for_function(
        f"{PLOT.format(id='attention-graph')}?._fullData?.[0]?.z?.length === {trace.n_positions}"
    )
    explorer.shows_attention(trace, opening.block, opening.head)
    label = explorer.page.locator("#prompt-model option[value='owner/fox']").inner_text()
    assert label.endswith("· ready")
