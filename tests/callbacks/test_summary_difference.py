"""The selection card in mode A − B."""

from pathlib import Path

import pytest

from analysis.models.language_model import LanguageModel
from callbacks.summary import draw_summary
from callbacks.summary import draw_summary_difference as draw
from layouts.figures.text import ALL_EQUAL
from layouts.theme import LIGHT
from tests.comparing import LONGER, A, B, compared_services
from tests.layouts.texts import texts
from tests.tiny import make_tiny


@pytest.mark.parametrize("selection", ["embedding@3", "block.1.attention.head.2@3", "block.0.mlp.neuron.7", "output"])
def test_of_equals_all_is_0_and_the_buttons_work_as_ever(tmp_path: Path, tiny_gpt2: LanguageModel, selection: str):
    pair = compared_services(tmp_path, A, A, tiny_gpt2)
    drawn = pair.draw(draw, selection)
    assert drawn["reading"] == ALL_EQUAL
    assert set(drawn["figure"].data[2].text) == {"0"}
    alone = draw_summary(pair.services, pair.a, pair.services.question(vars(pair.a), selection)[1])
    assert drawn.keys() == alone.keys()
    changed = {"figure", "title", "reading", "role", "scores", "results"}
    assert {name: drawn[name] for name in drawn.keys() - changed} == {
        name: alone[name] for name in alone.keys() - changed
    }
    assert drawn["title"] == f"Selection · A − B · {alone['title']}"


def test_both_predictions_and_their_divergence(tmp_path: Path, tiny_gpt2: LanguageModel):
    drawn = compared_services(tmp_path, A, LONGER, tiny_gpt2).draw(draw, "output@4")
    a, b, differences = drawn["figure"].data
    assert [bar.name for bar in (a, b)] == ["A", "B"]
    assert (a.marker.color, b.marker.color) == (LIGHT.accent, LIGHT.accent2)
    for one, other, words, color in zip(a.x, b.x, differences.text, differences.textfont.color, strict=True):
        assert words.startswith("+" if one > other else "−")
        assert color == (LIGHT.accent if one > other else LIGHT.accent2)
    assert a.customdata[0].startswith("~")
    # Plotly makes labels as small as bars are thin, unless it is told not to and the rows have room for two labels.
    assert [(bar.constraintext, bar.textfont.size) for bar in (a, b)] == [("none", 11)] * 2
    assert drawn["figure"].layout.meta["lines"] == 2
    assert "KL(A‖B) is " in drawn["reading"]


def test_sizes_of_two_models_are_side_by_side_whatever_can_be_compared(tmp_path: Path, tiny_gpt2: LanguageModel):
    other = make_tiny("llama", num_hidden_layers=2)
    drawn = compared_services(tmp_path, A, A, tiny_gpt2, other).draw(draw, "output")
    assert "different vocabularies" in drawn["reading"]
    table = texts(drawn["part"][0])
    for words in ("A: one", "B: other", "blocks", "3", "2", f"{tiny_gpt2.info.n_parameters:,}"):
        assert words in table


def test_a_block_or_a_token_that_b_does_not_have_is_told(tmp_path: Path, tiny_gpt2: LanguageModel):
    smaller = compared_services(tmp_path, A, A, tiny_gpt2, make_tiny("gpt2", num_hidden_layers=2))
    assert "no block 2" in smaller.draw(draw, "block.2.mlp")["reading"]
    assert "no counterpart" in compared_services(tmp_path, LONGER, B, tiny_gpt2).draw(draw, "output@3")["reading"]
