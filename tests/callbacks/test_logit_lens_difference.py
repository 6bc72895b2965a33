"""The logit lens panel in mode A − B."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dash import Patch
from plotly.io.json import to_json_plotly

import analysis.comparison.logit_lens
from analysis.errors import AnalysisError
from analysis.models.language_model import LanguageModel
from callbacks.logit_lens import draw_logit_lens_difference as draw
from callbacks.logit_lens import logit_lens_task
from layouts.figures.text import ALL_EQUAL
from layouts.theme import DARK
from tests.comparing import BLOCK, LONGER, A, B, compared_services, sizes, without_head
from tests.page import patched
from tests.tiny import long_text, make_tiny


def read(figure: Any) -> Any:
    return json.loads(to_json_plotly(figure))


def test_of_equals_all_is_0(tmp_path: Path, tiny_gpt2: LanguageModel):
    drawn = compared_services(tmp_path, A, A, tiny_gpt2).draw(draw, "block.1.mlp@3")
    assert drawn["reading"] == ALL_EQUAL
    (heat,) = drawn["figure"].data
    assert not heat.z.any()
    assert all("|" not in text and "≠" not in text for row in heat.text for text in row)
    assert drawn["title"] == "Logit lens · A − B · position 3, ‘·a’"
    assert (drawn["offer"], drawn["outdated"]) == (None, "false")


def test_the_depth_at_which_a_missing_head_shows_is_named(tmp_path: Path, tiny_gpt2: LanguageModel):
    pair = compared_services(tmp_path, A, A, tiny_gpt2, without_head(tiny_gpt2))
    drawn = pair.draw(draw, f"block.{BLOCK}.mlp@4", theme="dark", pins="7,9")
    assert f"They differ after block {BLOCK} and not before" in drawn["reading"]
    (heat,) = drawn["figure"].data
    assert not heat.z[: BLOCK + 1].any()
    assert (heat.z[BLOCK + 1 :] > 0).all()
    assert [list(stop) for stop in heat.colorscale] == DARK.probabilities
    assert "KL(A‖B) " in heat.hovertext[3][0]
    lines = drawn["probabilities"].data
    assert [line.line.dash for line in lines] == ["solid", "dash"] * 2
    np.testing.assert_array_equal(lines[0].y[: BLOCK + 1], lines[1].y[: BLOCK + 1])
    assert lines[0].y[-1] != lines[1].y[-1]
    assert lines[0].customdata[1] == "block.0"


def test_cells_name_both_tokens_where_they_differ(tmp_path: Path, tiny_gpt2: LanguageModel):
    pair = compared_services(tmp_path, A, B, tiny_gpt2)
    (heat,) = pair.draw(draw, "output")["figure"].data
    one, other = (pair.services.trace(prompt).logits().argmax(-1) for prompt in (pair.a, pair.b))
    assert [("|" in text or "≠" in text) for text in heat.text[-1]] == (one != other).tolist()


def test_what_has_no_counterpart_is_grey(tmp_path: Path, tiny_gpt2: LanguageModel):
    pair = compared_services(tmp_path, LONGER, A, tiny_gpt2)
    drawn = pair.draw(draw, "output@3")
    assert "no counterpart in B" in drawn["reading"]
    grey, heat = drawn["figure"].data
    missing = pair.services.comparison(pair.a, pair.b).aligned < 0
    np.testing.assert_array_equal(np.isfinite(grey.z[0]), missing)
    np.testing.assert_array_equal(np.isnan(heat.z[0]), missing)
    assert grey.hovertext[0][3].endswith(": no counterpart in B")
    assert "no counterpart in B" in drawn["probabilities"].data[1].hovertext[0]
    smaller = compared_services(tmp_path, A, A, tiny_gpt2, make_tiny("gpt2", num_hidden_layers=2))
    assert "B has no such row" in smaller.draw(draw, "block.1.mlp")["reading"]


def test_of_the_same_heat_map_only_the_mark_is_sent(tmp_path: Path, tiny_gpt2: LanguageModel):
    pair = compared_services(tmp_path, A, B, tiny_gpt2)
    first = pair.draw(draw, "output@2")
    moved, anew = (pair.draw(draw, "block.0.mlp@1", shown=shown) for shown in (first["shown"], ""))
    assert isinstance(moved["figure"], Patch)
    assert patched(read(first["figure"]), read(moved["figure"])) == read(anew["figure"])
    assert not isinstance(pair.swapped().draw(draw, "output@2", shown=first["shown"])["figure"], Patch)


def test_a_slow_one_is_computed_by_a_job(tmp_path: Path, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch):
    pair = compared_services(tmp_path, A, LONGER, tiny_gpt2, without_head(tiny_gpt2))
    monkeypatch.setattr(analysis.comparison.logit_lens, "AT_ONCE", 0)
    before = pair.draw(draw, "output@2")
    assert before["figure"].layout.annotations[0].text == "Not computed yet."
    assert "in the background" in before["reading"]
    stays = pair.draw(draw, "output@1", outdated="false")
    assert stays["offer"] == before["offer"]
    assert (stays["outdated"], "figure" in stays) == ("true", False)
    start = {"nonce": "a", "question": before["offer"]["question"], "measure": False}
    outcome = pair.services.jobs.run(partial(logit_lens_task, pair.services), start, lambda _: None)
    assert outcome == {"nonce": "a", "kind": "done", "message": ""}
    after = pair.draw(draw, "output@2")
    assert after["offer"]["kept"] > 0
    assert after["outdated"] == "false"


@pytest.mark.parametrize(
    "other", [["../x", "a", ""], ["other", "", ""], ["one", "\ud800", ""], [7, "a", ""], ["one", A]]
)
def test_a_malformed_question_is_an_error_in_words(tmp_path: Path, tiny_gpt2: LanguageModel, other: Any):
    pair = compared_services(tmp_path, A, B, tiny_gpt2)
    question = {"prompt": {"model": "one", "text": A}, "selection": "output", "choices": other}
    with pytest.raises(AnalysisError):
        logit_lens_task(pair.services, question)


def test_other_vocabularies_are_told_in_the_panel(tmp_path: Path, tiny_gpt2: LanguageModel):
    drawn = compared_services(tmp_path, A, A, tiny_gpt2, make_tiny("llama")).draw(draw, "output")
    assert "different vocabularies" in drawn["reading"]
    assert drawn["figure"].layout.annotations[0].text == "Not compared."


def test_long_texts_are_images_and_stay_small(tmp_path: Path):
    model = make_tiny("gpt2", max_position_embeddings=300)
    text = f"the fox met{long_text(model, 200)}"
    pair = compared_services(tmp_path, text, f"a said{text[3:]}", model, max_tokens=300)
    drawn = pair.draw(draw, "output@5")
    missing = pair.services.comparison(pair.a, pair.b).aligned < 0
    grey, *images = drawn["figure"].data
    np.testing.assert_array_equal(grey.z, [missing] * 4)
    assert {each.z.dtype for each in (grey, *images)} == {np.dtype(np.uint8)}
    for each in images:
        assert each.meta["values"][0] == "no counterpart in B"
        assert (each.z[:, missing] == 0).all()
    assert sizes(drawn) < 60_000
