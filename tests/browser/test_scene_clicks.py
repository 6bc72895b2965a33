"""No click in the 3D scene is lost: each selects the box that is seen there, which `Projection` says by other code."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import opened
from tests.browser.explorer import FRAMES, Explorer
from tests.browser.projection import Projection
from tests.serving import served
from tests.tiny import make_tiny

pytestmark = [pytest.mark.browser, pytest.mark.webgl, pytest.mark.long, pytest.mark.thorough]
N_CLICKS, HOLD_MS = 40, 20
HEADS = 0  # the trace of all heads
DEEP = {"num_hidden_layers": 30, "num_attention_heads": 8}
# What browsers do that falsify what is read from a canvas (facts of Brave, LibreWolf and Tor).
READ_PIXELS = {
    "true": "",
    "flipped": "pixels.forEach((_, n) => { if (Math.random() < 0.25) pixels[n] ^= 1; });",
    "random": "crypto.getRandomValues(pixels.subarray(0, 65536));",
}
ALTER = """for (const { prototype } of [WebGLRenderingContext, WebGL2RenderingContext]) {
  const read = prototype.readPixels;
  prototype.readPixels = function (...all) { read.apply(this, all); const pixels = all[6]; %s };
}"""
SLOW_FRAMES = "window.requestAnimationFrame = (draw) => setTimeout(() => draw(performance.now()), 333);"
LOG = """() => { const { explorer } = dash_clientside; window.selected = []; const { request } = explorer;
  explorer.request = (command) => { window.selected.push(command.select); request(command); }; }"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page with the bundled model and one of 30 blocks."""
    folder = tmp_path_factory.mktemp("models")
    deep = make_tiny("gpt2", **DEEP)
    deep.network.save_pretrained(folder / "deep")
    deep.tokenizer.save_pretrained(folder / "deep")
    with served(MODELS_DIR=str(folder), MODELS="deep") as url:
        yield url


def boxes_to_click(scene: Projection) -> list[tuple[int, int, tuple[float, float]]]:
    """Boxes that are seen, each with a point of it: ten heads, then boxes of all traces."""
    random = np.random.default_rng(1)
    order = random.permutation(len(scene.boxes))
    seen: list[tuple[int, int, tuple[float, float]]] = []
    for index in sorted(order, key=lambda n: len(seen) < 10 and scene.traces[n] != HEADS):
        trace, box = int(scene.traces[index]), int(scene.boxes[index])
        if len(seen) < 10 and trace != HEADS:
            continue
        point = scene.point(trace, box, random)
        if point:
            seen.append((trace, box, point))
        if len(seen) == N_CLICKS:
            break
    assert len(seen) == N_CLICKS
    return seen


def selection_text(explorer: Explorer, trace: int, box: int) -> str:
    """What a click on a box selects, as the figure says."""
    data, meta = (explorer.data("architecture-graph", f"_fullData[{trace}].{name}") for name in ("customdata", "meta"))
    own = data[box]
    return own if isinstance(own, str) else meta["select"].format(block=box // meta["per_block"], neuron=own)


# Model, device scale, what is read from a canvas, and whether only three frames are drawn in a second.
CASES = [
    ("bundled", 2, "flipped", False),
    ("deep", 1.5, "random", True),
    ("bundled", 1, "random", True),
    ("bundled", 1.5, "true", False),
    ("deep", 1, "flipped", True),
    ("deep", 2, "true", True),
]


@pytest.mark.parametrize("case", CASES)
def test_each_click_selects_what_is_drawn_there(
    browser: Browser, address: str, case: tuple[str, float, str, bool]
) -> None:
    """Ten heads, 250 ms apart, and thirty boxes one right after the other."""
    model, scale, pixels, slow_frames = case
    context = browser.new_context(viewport={"width": 1280, "height": 720}, device_scale_factor=scale)
    context.add_init_script(ALTER % READ_PIXELS[pixels])
    if slow_frames:
        context.add_init_script(SLOW_FRAMES)
    explorer = opened(context, address, model=model, text="The fox met a crow")
    page = explorer.page
    page.wait_for_function("document.querySelector('#architecture-graph .js-plotly-plot')._fullLayout.scene")
    page.evaluate(FRAMES)
    targets = boxes_to_click(Projection.of(page))
    expected = [selection_text(explorer, trace, box) for trace, box, _ in targets]
    assert page.evaluate("devicePixelRatio") == scale
    page.evaluate(LOG)
    for n, (_, _, (x, y)) in enumerate(targets):
        page.mouse.move(x, y)
        page.mouse.down()
        page.wait_for_timeout(HOLD_MS)
        page.mouse.up()
        page.wait_for_timeout(250 - HOLD_MS if n < 10 else 0)
    assert page.evaluate("selected") == expected
    page.wait_for_function(
        "(text) => document.getElementById('architecture-panel').dataset.selection.split('@')[0] === text",
        arg=expected[-1],
    )
    context.close()
    assert not explorer.errors
