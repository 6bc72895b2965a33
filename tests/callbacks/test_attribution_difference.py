"""The direct attribution panel in mode A − B."""

from pathlib import Path

import numpy as np
import pytest

from analysis.models.language_model import LanguageModel
from callbacks.attribution import draw_attribution_difference as draw
from layouts.figures.text import ALL_EQUAL
from layouts.theme import DARK
from tests.comparing import BLOCK, HEAD, LONGER, A, B, compared_services, without_head
from tests.tiny import make_tiny

VIEWS = ("map", "bars", "neurons", "depth")


@pytest.mark.parametrize("view", VIEWS)
def test_of_equals_all_is_0(tmp_path: Path, tiny_gpt2: LanguageModel, view: str):
    drawn = compared_services(tmp_path, A, A, tiny_gpt2).draw(draw, "block.1.mlp@3", view=view)
    assert drawn["reading"] == ALL_EQUAL
    assert drawn["title"] == "Direct attribution · A − B · position 3, ‘·a’"
    numbers = {"map": "z", "depth": "y"}.get(view, "x")
    assert not np.nan_to_num(drawn["figure"].data[0][numbers]).any()


def test_a_head_that_writes_nothing_in_b_is_named_and_marked(tmp_path: Path, tiny_gpt2: LanguageModel):
    pair = compared_services(tmp_path, A, A, tiny_gpt2, without_head(tiny_gpt2))
    selection = f"block.{BLOCK}.attention.head.{HEAD}@4~17"
    drawn = pair.draw(draw, selection, theme="dark")
    heat = drawn["figure"].data[0]
    assert heat.colorbar.title.text.startswith("logits, A − B")
    assert [list(stop) for stop in heat.colorscale] == DARK.signed
    assert (heat.zmin, heat.zmax) == (-1, 1)
    assert heat.hovertext[BLOCK][HEAD].startswith(f"block {BLOCK} head {HEAD}: ")
    assert f"The selected part, block {BLOCK} head {HEAD}: " in drawn["reading"]
    assert "(top 1)" not in drawn["target"]
    swapped = pair.swapped().draw(draw, selection, theme="dark")["figure"].data[0]
    np.testing.assert_array_equal(np.nan_to_num(swapped.z), -np.nan_to_num(heat.z))


def test_what_has_no_counterpart_is_grey_not_0(tmp_path: Path, tiny_gpt2: LanguageModel):
    pair = compared_services(tmp_path, A, A, tiny_gpt2, make_tiny("gpt2", seed=1, num_hidden_layers=2))
    drawn = pair.draw(draw, "block.2.attention.head.1@4")
    grey, heat = drawn["figure"].data[:2]
    n_heads = tiny_gpt2.info.n_heads
    missing = np.zeros((3, n_heads + 4), dtype=bool)
    missing[2, [*range(n_heads), *range(n_heads + 1, n_heads + 4)]] = True
    np.testing.assert_array_equal(np.isfinite(grey.z), missing)
    assert np.isnan(np.asarray(heat.z)[missing]).all()
    assert grey.hovertext[2][1] == "block 2 head 1: no counterpart in B"
    assert grey.customdata[2][1] == "block.2.attention.head.1"
    assert "The selected part, block 2 head 1: no counterpart in B." in drawn["reading"]
    assert f"{n_heads + 3} parts of A: no counterpart in B." in drawn["reading"]
    for view in VIEWS:
        assert pair.draw(draw, "block.2.mlp.neuron.1@4", view=view)["figure"].to_plotly_json()
    line = pair.draw(draw, "output@4", view="depth")["figure"].data[0]
    assert np.isnan(line.y[5:7]).all()
    assert "no counterpart" in line.hovertext[5]
    bars = pair.draw(draw, "output@4", view="bars")["figure"].data[0]
    assert np.isfinite(bars.x).all()


def test_what_cannot_be_compared_is_told_in_the_panel(tmp_path: Path, tiny_gpt2: LanguageModel):
    other = compared_services(tmp_path, A, A, tiny_gpt2, make_tiny("llama")).draw(draw, "output")
    assert "different vocabularies" in other["reading"]
    assert other["figure"].layout.annotations[0].text == "Not compared."
    missing = compared_services(tmp_path, LONGER, B, tiny_gpt2).draw(draw, "output@3")
    assert "no counterpart" in missing["reading"]
