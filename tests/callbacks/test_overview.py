"""The overview panel: the numbers of the trace, with the scene's colouring."""

import numpy as np
import pytest

from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.overview import draw_overview
from dashboard.services import AppServices
from layouts.theme import DARK

SELECTION = Selection.parse("block.1.attention.head.1@2")


def test_numbers_and_reading_are_those_of_the_position(services: AppServices, prompt: Prompt) -> None:
    values = draw_overview(services, prompt, SELECTION)
    trace = services.trace(prompt)
    shown = np.reshape(values["figure"].data[0].meta["values"], (trace.info.n_blocks, trace.info.n_heads))
    for block in range(trace.info.n_blocks):
        assert shown[block] == pytest.approx(trace.head_norms(block)[2], rel=5e-3)
    assert values["reading"].startswith(f"Block 1 head 1: L2 norm {trace.head_norms(1)[2, 1]:.3g}, rank ")
    assert trace.tokens[2].label in values["reading"]


def test_colouring_and_theme(services: AppServices, prompt: Prompt) -> None:
    values = draw_overview(services, prompt, SELECTION, theme="dark", color_by="first")
    share = services.trace(prompt).attention(1)[1, 2, 0]
    n_heads = services.trace(prompt).info.n_heads
    assert values["figure"].data[0].meta["values"][n_heads + 1] == pytest.approx(float(share), rel=5e-3)
    assert values["figure"].layout.font.color == DARK.text
