"""The attention panel of A minus B."""

from pathlib import Path

import numpy as np
import pytest
from dash import Dash

import callbacks.attention
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from callbacks.attention import draw_attention_difference
from dashboard.services import AppServices
from layouts.figures.image import BLANK, MISSING
from tests.callbacks.comparisons import A, B, with_models
from tests.tiny import make_tiny

HEAD = Selection.parse("block.1.attention.head.2@5")


@pytest.mark.parametrize("view", ["raw", "without_first", "value_weighted", "rollout"])
def test_a_head_is_drawn_with_what_is_missing(services: AppServices, view: str):
    comparison = services.comparison(A, B)
    drawn = draw_attention_difference(services, comparison, HEAD, view=view, theme="dark")
    (heat,) = drawn["figure"].data
    cells, missing = np.asarray(heat.z), comparison.aligned < 0
    below = np.tri(len(missing), dtype=bool)
    assert ((cells == MISSING) == (below & (missing[:, None] | missing))).all()
    assert len(drawn["heads"].data) == 4
    assert drawn["title"].startswith("Attention · A − B · ")
    assert drawn["reading"].endswith(" in A than in B.") or "less)" in drawn["reading"] or "more)" in drawn["reading"]


def test_equal_questions_say_so(services: AppServices):
    drawn = draw_attention_difference(services, services.comparison(A, A), HEAD)
    (heat,) = drawn["figure"].data
    assert set(np.unique(heat.z).tolist()) == {BLANK, 129}
    assert drawn["title"] == "Attention · A − B · block 1, head 2"
    assert drawn["reading"] == "A and B are equal here: every difference is 0."


def test_models_that_cannot_be_compared_are_words(tmp_path: Path, tiny_gpt2: LanguageModel):
    for shape, words in [({"num_attention_heads": 2}, "Heads cannot"), ({"num_hidden_layers": 1}, "B has no block 1")]:
        services, comparison = with_models(tmp_path / words, tiny_gpt2, make_tiny("gpt2", **shape))
        drawn = draw_attention_difference(services, comparison, HEAD)
        assert drawn["figure"].layout.annotations[0].text == drawn["reading"]
        assert words in drawn["reading"]
        assert not len(drawn["heads"].data)
    drawn = draw_attention_difference(services, comparison, Selection.parse("output"))
    assert drawn["figure"].layout.annotations[0].text == "This part has no attention. Select a block."


def test_it_is_registered(services: AppServices):
    registered = callbacks.attention.register(Dash("one"), services)
    assert registered.difference is not None
    drawn = registered.difference(services.comparison(A, B), HEAD, theme="light", view="raw")
    assert drawn.keys() | {"selection", "drawn"} == registered.outputs.keys() | {"results"}
