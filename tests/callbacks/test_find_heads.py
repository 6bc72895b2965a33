"""The list of heads, for a tiny model and over HTTP."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.causes.copying import compute_copying
from analysis.causes.head_scores import compute_head_scores, probe_trace
from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt
from callbacks.find_heads import draw_find_heads
from dashboard.app import create_app
from dashboard.settings import Settings
from tests.layouts.texts import texts
from tests.page import of_app
from tests.tiny import TEXT


def order(table: Any) -> list[str]:
    return [texts(row)[0] for row in table.children[2].children]


def named(scores: Any) -> list[str]:
    ranked = np.argsort(-scores.ravel(), kind="stable")
    return [f"Block {n // scores.shape[1]}, head {n % scores.shape[1]}" for n in ranked]


@pytest.mark.parametrize("score", ["previous", "duplicate", "induction", "first", "self", "entropy"])
def test_all_heads_are_ordered_by_the_score(services: Any, prompt: Prompt, score: Any) -> None:
    model, trace = services.model(prompt), services.trace(prompt)
    by_probe, by_text = compute_head_scores(probe_trace(model)), compute_head_scores(trace)
    assert order(draw_find_heads(services, prompt, score, "probe")) == named(by_probe[score])
    assert order(draw_find_heads(services, prompt, score, "text")) == named(by_text[score])


def test_copying(services: Any, prompt: Prompt) -> None:
    table = draw_find_heads(services, prompt, "copying", "text")
    assert order(table) == named(compute_copying(services.model(prompt)))


@pytest.mark.parametrize(("score", "by"), [("magic", "probe"), ("first", "magic"), (None, "text")])
def test_what_does_not_exist_is_refused(services: Any, prompt: Prompt, score: Any, by: Any) -> None:
    with pytest.raises(SelectionError):
        draw_find_heads(services, prompt, score, by)


def test_opening_the_list_fills_it(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    page = of_app(create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2}).server)
    page.values["selection", "data"] = "output@0"
    page.set("prompt", "data", {"model": "tiny", "text": TEXT, "start": False})
    assert not page.values["summary-heads-found", "children"]
    page.set("summary-heads", "n_clicks", 1)
    rows = page.values["summary-heads-found", "children"]["props"]["children"][2]["props"]["children"]
    assert len(rows) == tiny_gpt2.info.n_blocks * tiny_gpt2.info.n_heads
    page.set("summary-heads-sort", "value", "copying")
    assert "from the weights" in str(page.values["summary-heads-found", "children"])
