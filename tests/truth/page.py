"""Checks of the page that opens with the model: what a person clicks in it, and sees."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from analysis.attention import find_opening
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt, Trace
from tests.browser.conftest import opened
from tests.browser.explorer import Explorer
from tests.browser.projection import Projection
from tests.chromium import CHROMIUM, chromium_path
from tests.serving import PLAIN, served, server_of
from tests.truth.check import Check, apart, apart_relatively
from tests.truth.numbers import MARY
from tests.truth.steps import Step

BLOCKS = (0, 14, 29)
STEP_NAMES = ["page: until it is drawn (memory of the server)", "page: click on a head, until all panels follow"]


@dataclass
class Visit:
    """What was seen. clicked: the heads, by block. seen: their heat maps. norms: of the residual stream."""

    trace: Trace
    label: str = ""
    n_boxes: int = 0
    clicked: dict[int, int] = field(default_factory=dict)
    seen: dict[int, np.ndarray] = field(default_factory=dict)
    norms: list[float] = field(default_factory=list)
    first_choice: str = ""
    problems: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def visit(path: Path, model: LanguageModel) -> Visit:
    """Open the page, click a head in three blocks of the scene, a token and an MLP."""
    found = Visit(compute_trace(model, Prompt("any", MARY)))
    with sync_playwright() as playwright, served((*PLAIN, "--model", str(path), "--text", MARY)) as url:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM)
        try:
            _visit(browser, url, found)
        finally:
            browser.close()
    return found


def _visit(browser: Browser, url: str, found: Visit) -> None:
    last = found.trace.n_positions - 1
    opening = find_opening(found.trace)
    assert opening
    begun = time.perf_counter()
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    explorer = opened(context, url, select=f"block.{opening.block}.attention.head.{opening.head}@{last}")
    memory = sum(one.memory_full_info().pss for one in [server_of(url), *server_of(url).children(recursive=True)])
    found.steps.append(Step(STEP_NAMES[0], time.perf_counter() - begun, memory))
    page = explorer.page
    found.label = page.inner_text("#model-words")
    found.n_boxes = len(explorer.data("architecture-graph", "_fullData[0].customdata"))
    begun = time.perf_counter()
    for block in BLOCKS:
        found.clicked[block] = _click_a_head(explorer, block)
        explorer.follows(f"block.{block}.attention.head.{found.clicked[block]}@{last}")
        found.seen[block] = np.array(explorer.data("attention-graph", "_fullData[0].z"), dtype=float)
    found.steps.append(Step(STEP_NAMES[1], (time.perf_counter() - begun) / 3))
    page.locator("#strip-panel [data-select='@7']").click()
    page.click("#summary-mlp")
    explorer.follows(f"block.{BLOCKS[-1]}.mlp@7")
    found.norms = explorer.data("activation-graph", "_fullData[1].y")
    explorer.open(select=f"output@{last}")
    found.first_choice = page.inner_text("#summary-reading")
    found.problems = explorer.errors


def _click_a_head(explorer: Explorer, block: int) -> int:
    """Click the first head of a block that can be seen."""
    explorer.scene_box()
    projection = Projection.of(explorer.page)
    head = next(head for head in range(9) if projection.point(0, block * 9 + head))
    explorer.click_box(0, block * 9 + head, hold_ms=50)
    return head


def _heat_maps(seen: Visit) -> float:
    """Of all pairs of a token and one that it can attend to; nothing is drawn for the others."""
    pairs = np.tri(seen.trace.n_positions, dtype=bool)
    return max(
        apart(grid[pairs], seen.trace.attention(block)[seen.clicked[block]][pairs]) for block, grid in seen.seen.items()
    )


def _norms(seen: Visit) -> float:
    right = [np.linalg.norm(seen.trace.residual(depth)[7]) for depth in range(31)]
    return apart_relatively(seen.norms[:31], right)


CHECKS: list[Check[Visit]] = [
    Check("page: heads in the scene", "30 × 9", 0, lambda seen: abs(seen.n_boxes - 270)),
    Check("page: heat maps of 3 heads that were clicked in the scene", "the trace", 1e-5, _heat_maps),
    Check("page: norms of the stream at a token that was clicked", "the trace, relatively", 1e-5, _norms),
    Check(
        "page: first choice at the output",
        "‘·Mary’ (90%)",
        0,
        lambda seen: float("‘·Mary’ (90%)" not in seen.first_choice),
    ),
    Check(
        "page: the model’s label",
        "4-bit weights, dequantized",
        0,
        lambda seen: float("4-bit weights, dequantized" not in seen.label),
    ),
    Check("page: errors in the browser’s console", "none", 0, lambda seen: float(len(seen.problems))),
]
