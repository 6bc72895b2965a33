"""The saliency panel in mode A − B: two jobs, and what is drawn of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.models.language_model import LanguageModel
from analysis.saliency import compute_saliency
from analysis.selection import Selection
from callbacks.panel import Values
from callbacks.saliency import draw_saliency
from callbacks.saliency import draw_saliency_difference as draw
from layouts.figures.shade import missing_color
from layouts.figures.text import ALL_EQUAL
from layouts.theme import LIGHT
from tests.callbacks.test_saliency import run_job
from tests.comparing import LONGER, A, B, Compared, compared_services, sizes, without_head
from tests.tiny import long_text, make_tiny


def computed(pair: Compared, selection: str, **knobs: Any) -> Values:
    """The panel after the jobs that it offers."""
    for _side in "AB":
        drawn = pair.draw(draw, selection, **knobs)
        if "kept" not in drawn["offer"]:
            run_job(pair.services, drawn["offer"])
    return pair.draw(draw, selection, **knobs)


@pytest.mark.parametrize("method", ["integrated", "depth", "gradient_norm"])
def test_of_equals_all_is_0(tmp_path: Path, tiny_gpt2: LanguageModel, method: str):
    drawn = computed(compared_services(tmp_path, A, A, tiny_gpt2), "output@3", method=method)
    assert drawn["reading"] == ALL_EQUAL
    assert not drawn["figure"].data[2].y.any()
    assert drawn["outdated"] == "false"


def test_the_jobs_of_a_and_b_are_offered_one_after_the_other(tmp_path: Path, tiny_gpt2: LanguageModel):
    pair = compared_services(tmp_path, A, LONGER, tiny_gpt2, without_head(tiny_gpt2))
    first = pair.draw(draw, "block.1.mlp@4")
    assert "A’s is not computed yet" in first["reading"]
    assert (first["outdated"], first["figure"].layout.annotations[0].text) == ("", "Not computed yet.")
    assert (
        first["offer"]["question"]
        == draw_saliency(pair.services, pair.a, Selection.parse("output@4"))["offer"]["question"]
    )
    run_job(pair.services, first["offer"])
    second = pair.draw(draw, "block.1.mlp@4", outdated="false")
    assert second["reading"] == "A’s is computed, B’s not yet."
    assert ("figure" in second, second["outdated"]) == (False, "true")
    asked = second["offer"]["question"]
    assert asked["prompt"]["model"] == "other"
    target = int(pair.services.trace(pair.a).logits()[4].argmax())
    assert asked["selection"] == f"output@9~{target}"
    run_job(pair.services, second["offer"])
    drawn = pair.draw(draw, "block.0.attention.head.1@4")
    a, b, difference = drawn["figure"].data
    for bar, prompt, position in ((a, pair.a, 4), (b, pair.b, 9)):
        trace = pair.services.trace(prompt)
        expected = compute_saliency(pair.services.model(prompt), trace, position, target=target).attributions
        there = pair.services.comparison(pair.a, pair.b).aligned if prompt is pair.b else slice(None)
        np.testing.assert_allclose(bar.y, expected[there], atol=1e-5)
    np.testing.assert_allclose(difference.y, a.y - b.y, atol=1e-6)
    assert "in A, " in drawn["reading"]
    assert drawn["path_hidden"] is True
    assert any(" in B" in str(row) for row in drawn["numbers"])


def test_what_has_no_counterpart_is_grey(tmp_path: Path, tiny_gpt2: LanguageModel):
    drawn = computed(compared_services(tmp_path, LONGER, A, tiny_gpt2), "output@9", method="depth")
    assert np.isnan(drawn["figure"].data[2].y).tolist() == [False] * 3 + [True] * 5 + [False] * 2
    band = drawn["figure"].layout.shapes[0]
    assert (band.x0, band.x1, band.fillcolor) == (2.5, 7.5, missing_color(LIGHT))
    assert drawn["figure"].data[0].hovertext[4].endswith(", no counterpart in B")
    assert "5 tokens of A: no counterpart in B." in drawn["reading"]
    grey, heat = drawn["depth_figure"].data
    np.testing.assert_array_equal(np.isfinite(grey.z), np.isnan(heat.z))
    assert heat.colorbar.title.text.startswith("A − B: ")
    assert [button.style["background"] for button in drawn["text"]][4] == missing_color(LIGHT)


def test_doubtful_ones_are_not_compared(tmp_path: Path, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("analysis.saliency.DOUBTFUL", -1.0)
    drawn = computed(compared_services(tmp_path, A, B, tiny_gpt2), "output@4")
    assert "too uncertain in A and B" in drawn["reading"]
    assert drawn["figure"].data[2].marker.pattern.shape == "/"


def test_what_cannot_be_compared_is_told_in_the_panel(tmp_path: Path, tiny_gpt2: LanguageModel):
    other = compared_services(tmp_path, A, A, tiny_gpt2, make_tiny("llama")).draw(draw, "output")
    assert "different vocabularies" in other["reading"]
    assert other["offer"] is None
    assert "no counterpart" in compared_services(tmp_path, LONGER, B, tiny_gpt2).draw(draw, "output@4")["reading"]


def test_long_texts_stay_small(tmp_path: Path):
    model = make_tiny("gpt2", max_position_embeddings=300)
    text = f"the fox met{long_text(model, 200)}"
    pair = compared_services(tmp_path, text, f"a said{text[3:]}", model, max_tokens=300)
    drawn = computed(pair, "output", method="input_gradient")
    assert sizes({name: value for name, value in drawn.items() if name not in {"text", "numbers"}}) < 120_000
