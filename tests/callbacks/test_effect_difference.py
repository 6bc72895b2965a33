"""The what-if panel in mode A − B: two sweeps, and removals in both."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.causes.sweep import compute_sweep
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from callbacks.effect import draw_effect
from callbacks.effect_difference import draw_effect_difference as draw
from callbacks.panel import Values
from layouts.figures.text import ALL_EQUAL
from layouts.theme import LIGHT
from tests.callbacks.test_effect import buttons, run_job
from tests.comparing import LONGER, A, B, Compared, compared_services, without_head
from tests.tiny import make_tiny

REMOVED = "block.1.attention.head.2=zero"


def computed(pair: Compared, selection: str, **knobs: Any) -> Values:
    """The panel after the jobs that it offers."""
    for _side in "AB":
        drawn = pair.draw(draw, selection, **knobs)
        if "kept" not in drawn["offer"]:
            run_job(pair.services, drawn["offer"])
    return pair.draw(draw, selection, **knobs)


def test_of_equals_all_is_0(tmp_path: Path, tiny_gpt2: LanguageModel):
    pair = compared_services(tmp_path, A, A, tiny_gpt2)
    for removed in ("", REMOVED):
        drawn = computed(pair, "block.1.mlp@3", removed=removed)
        assert drawn["reading"] == ALL_EQUAL
        assert not np.nan_to_num(drawn["sweep"].data[0].z).any()


@pytest.mark.long
def test_the_sweeps_are_offered_one_after_the_other(tmp_path: Path, tiny_gpt2: LanguageModel):
    pair = compared_services(tmp_path, A, LONGER, tiny_gpt2, without_head(tiny_gpt2))
    choices: dict[str, Any] = {"replacement": "zero", "against": "7"}
    first = pair.draw(draw, "block.1.mlp@4", **choices)
    alone = draw_effect(pair.services, pair.a, Selection.parse("block.1.mlp@4"), **choices)
    assert first["offer"]["question"] == alone["offer"]["question"]
    assert first.keys() == alone.keys()
    assert "A’s is not computed yet" not in alone["reading"]
    assert "A’s is not computed yet; B’s is next." in first["reading"]
    run_job(pair.services, first["offer"])
    second = pair.draw(draw, "block.1.mlp@4", outdated="false", **choices)
    assert (second["outdated"], "sweep" in second) == ("true", False)
    assert second["offer"]["question"]["prompt"]["model"] == "other"
    run_job(pair.services, second["offer"])
    drawn = pair.draw(draw, "block.0.attention.head.1@4", **choices)
    target = int(pair.services.trace(pair.a).logits()[4].argmax())
    a, b = (
        compute_sweep(
            pair.services.model(prompt),
            pair.services.trace(prompt),
            position,
            replacement="zero",
            target=target,
            against=7,
        )
        for prompt, position in ((pair.a, 4), (pair.b, 9))
    )
    cells = np.asarray(drawn["sweep"].data[-1].z)
    np.testing.assert_allclose(cells[:, [0, 1, 2, 3, 5]], a.effects - b.effects, atol=1e-5)
    assert drawn["sweep"].data[-1].colorbar.title.text.endswith("(A − B)")
    assert "(A − B)" in drawn["sweep"].data[-1].text[0][0]
    assert "Of all heads and MLPs, removing " in drawn["reading"]
    swapped = computed(pair.swapped(), f"block.0.attention.head.1@9~{target}", **choices)
    np.testing.assert_array_equal(np.asarray(swapped["sweep"].data[-1].z)[:, 5], -cells[:, 5])


def test_removals_change_both_predictions(tmp_path: Path, tiny_gpt2: LanguageModel):
    pair = compared_services(tmp_path, A, B, tiny_gpt2)
    before = pair.draw(draw, "block.1.attention.head.2@4", replacement="zero")
    assert [bar.name for bar in before["figure"].data] == ["A", "B"]
    assert list(buttons(before["list"]).values()) == [REMOVED]
    after = pair.draw(draw, "block.1.attention.head.2@4", removed=REMOVED)
    assert [bar.name for bar in after["figure"].data] == ["A before", "A after", "B before", "B after"]
    colors = [bar.marker.color for bar in after["figure"].data]
    assert colors == [LIGHT.accent] * 2 + [LIGHT.accent2] * 2
    assert "With 1 part removed, the logit of" in after["reading"]
    assert "effect, " in str(after["numbers"])


def test_what_b_does_not_have_is_grey_or_told(tmp_path: Path, tiny_gpt2: LanguageModel):
    pair = compared_services(tmp_path, A, A, tiny_gpt2, make_tiny("gpt2", seed=1, num_hidden_layers=2))
    drawn = computed(pair, "block.0.mlp@4")
    grey, effects = drawn["sweep"].data
    assert np.isfinite(grey.z[2]).tolist() == [True] * 4 + [False, True]
    assert not np.isfinite(grey.z[:2]).any()
    assert np.isnan(effects.z[2]).all()
    assert "5 parts of A: no counterpart in B." in drawn["reading"]
    removed = pair.draw(draw, "block.2.mlp@4", removed="block.2.mlp=zero")
    assert removed["reading"].startswith("In B: ")
    assert removed["reading"].endswith("Take it back.")


def test_what_cannot_be_compared_is_told_in_the_panel(tmp_path: Path, tiny_gpt2: LanguageModel):
    llama = compared_services(tmp_path, A, A, tiny_gpt2, make_tiny("llama")).draw(draw, "output")
    assert "different vocabularies" in llama["reading"]
    longer = compared_services(tmp_path, LONGER, A, tiny_gpt2)
    assert "no counterpart" in longer.draw(draw, "output@4")["reading"]
    patches = longer.draw(draw, "output@4", grid="stream", text=B)
    assert "compare B with A already" in patches["reading"]
    assert patches["offer"] is None


def test_a_sweep_that_is_too_large_for_b_alone_is_told(
    tmp_path: Path, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch
):
    pair = compared_services(tmp_path, A, LONGER, tiny_gpt2)
    monkeypatch.setattr("analysis.causes.run.MOST_WORK", 100)
    drawn = pair.draw(draw, "output@4")
    assert drawn["reading"].startswith("In B: This grid would need the work of ")
