"""Own numbers in the 3D scene: colours of the file's numbers, and each number under the mouse."""

import random

import numpy as np
import pytest
from playwright.sync_api import expect

from layouts.figures.architecture import HEADS
from layouts.figures.scene import VERTICES
from layouts.figures.scene_colors import MOST_LEVEL
from tests.browser.explorer import Explorer

pytestmark = [pytest.mark.browser, pytest.mark.webgl, pytest.mark.long, pytest.mark.slow]


@pytest.mark.thorough
def test_the_scene_has_the_numbers_colours_and_words(explorer: Explorer) -> None:
    page, numbers = explorer.page, random.Random(5)
    values = {(b, h): round(numbers.uniform(0.5, 0.9), 3) for b in range(6) for h in range(8) if (b, h) != (0, 0)}
    page.select_option("#architecture-color", "own")
    with page.expect_file_chooser() as chooser:
        page.click("#own-numbers-choose")
    text = "\n".join(["head,value,block", *(f"{h},{value},{b}" for (b, h), value in values.items())])
    chooser.value.set_files([{"name": "a.csv", "mimeType": "text/csv", "buffer": text.encode()}])
    expect(page.locator("#architecture-reading")).to_contain_text("47 of 48 heads have one.")
    explorer.selection()
    levels = np.array(explorer.data("architecture-graph", f"_fullData[{HEADS}].intensity"))[::VERTICES]
    low, high = min(values.values()), max(values.values())
    for box, level in enumerate(levels):
        value = values.get(divmod(box, 8))
        share = 0 if value is None else 0.06 + 0.94 * (value - low) / (high - low)
        assert level == pytest.approx(MOST_LEVEL * share, abs=1)
    assert explorer.hover_box(HEADS, 0) == "Block 0 · head 0: no number (your numbers)"
    assert explorer.hover_box(HEADS, 2) == f"Block 0 · head 2: {values[0, 2]:.3g} (your numbers)"
