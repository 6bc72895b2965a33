"""Models of several families, from a folder, clicked through as a person does."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import expect

from analysis.attention import find_opening
from analysis.models.forward import compute_trace
from analysis.trace import Prompt
from tests.browser.explorer import Explorer
from tests.serving import served
from tests.tiny import make_tiny

pytestmark = [pytest.mark.browser, pytest.mark.webgl, pytest.mark.thorough]
TEXT = "The fox met a crow with a cheese"
FAMILIES = ("gpt2", "gpt_neox", "llama")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page that offers a model of each."""
    folder = tmp_path_factory.mktemp("models")
    for family in FAMILIES:
        model = make_tiny(family)
        model.network.save_pretrained(folder / family)
        model.tokenizer.save_pretrained(folder / family)
    with served(MODELS_DIR=str(folder), MODELS=",".join(FAMILIES)) as url:
        yield url


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_clicked_through(explorer: Explorer, family: str) -> None:
    trace = compute_trace(make_tiny(family), Prompt(family, TEXT))
    last = trace.n_positions - 1
    page = explorer.page
    explorer.open(model=family, text=TEXT)
    page.wait_for_function(f"document.querySelectorAll('#strip-chips button').length === {trace.n_positions}")
    opening = find_opening(trace)
    assert opening
    explorer.follows(f"block.{opening.block}.attention.head.{opening.head}@{last}")
    explorer.click_box(0, 2)  # of the first block, which none stands before
    explorer.follows(f"block.0.attention.head.2@{last}")
    explorer.shows_attention(trace, 0, 2)
    page.locator("#strip-panel [data-select='@7']").click()
    explorer.follows("block.0.attention.head.2@7")
    page.click("#summary-mlp")
    explorer.follows("block.0.mlp@7")
    norms = [float(np.linalg.norm(trace.residual(passed)[7])) for passed in range(trace.info.n_blocks + 1)]
    assert explorer.data("activation-graph", "_fullData[1].y")[: len(norms)] == pytest.approx(norms, rel=1e-4)
    explorer.compute()
    expect(page.locator("#saliency-job-words")).to_contain_text(re.compile("^(Computed|Cached)"), timeout=90_000)
    assert f"{trace.info.n_parameters:,}" in (page.text_content("#summary-parameters") or "")
