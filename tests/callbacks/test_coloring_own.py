"""Own numbers as the colouring: scene and overview show them, of A and of B, and say why there are none."""

import base64
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from analysis.errors import SelectionError
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.architecture import draw_architecture, draw_architecture_difference
from callbacks.overview import draw_overview, draw_overview_difference
from dashboard.services import AppServices
from layouts.figures.architecture import HEADS
from tests.callbacks.comparisons import A, B

SELECTION = Selection.parse("block.1.attention.head.2@5")
PANELS = ((draw_architecture, HEADS), (draw_overview, 0))


def own_heads(n_blocks: int, n_heads: int) -> tuple[Any, dict[str, Any]]:
    values = np.random.default_rng(0).normal(size=(n_blocks, n_heads)).astype("<f4")
    text = base64.b64encode(values.tobytes()).decode()
    return values, {"kind": "head", "n_blocks": n_blocks, "n_units": n_heads, "n_given": values.size, "values": text}


def test_scene_and_overview_show_the_numbers(services: AppServices, prompt: Prompt) -> None:
    values, own = own_heads(3, 4)
    rank = 1 + int((np.abs(values) > abs(values[1, 2])).sum())
    for draw, heads_at in PANELS:
        drawn: Any = draw(services, prompt, SELECTION, color_by="own", own=own)
        assert_allclose(drawn["figure"].data[heads_at].meta["values"], values.ravel(), rtol=6e-3)
        block, head = np.unravel_index(np.abs(values).argmax(), values.shape)
        assert f"the strongest is at block {block} head {head} " in drawn["reading"]
        assert "12 of 12 heads have one" in drawn["reading"]
    assert f"rank {rank} of 12 heads by size" in drawn["reading"]


def test_without_numbers_or_with_another_models_the_words_say_so(services: AppServices, prompt: Prompt) -> None:
    for own, words in ((None, "no numbers of your own"), (own_heads(2, 4)[1], "another model, of 2 × 4 heads")):
        for draw, heads_at in PANELS:
            drawn: Any = draw(services, prompt, SELECTION, color_by="own", own=own)
            assert words in drawn["reading"]
            assert drawn["figure"].data[heads_at].meta["values"] == []
    with pytest.raises(SelectionError, match="damaged"):
        draw_overview(services, prompt, SELECTION, color_by="own", own={"kind": "head"})


def test_a_minus_b_has_none(services: AppServices) -> None:
    for draw in (draw_architecture_difference, draw_overview_difference):
        drawn: Any = draw(services, services.comparison(A, B), SELECTION, color_by="own", own=own_heads(3, 4)[1])
        assert drawn["reading"].startswith("Your own numbers depend on no text")
