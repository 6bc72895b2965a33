"""The architecture and overview panels of A minus B, which have the same numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from dash import Dash, Patch

import callbacks.architecture
import callbacks.overview
from analysis.architecture import ColorBy, compute_architecture
from analysis.attribution import compute_attribution
from analysis.causes.sweep import plan_sweep
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.architecture import draw_architecture, draw_architecture_difference
from callbacks.overview import draw_overview_difference
from dashboard.services import AppServices
from layouts.figures.architecture import HEADS, TILES
from tests.analysis.comparison.pairs import ONE, without_head
from tests.callbacks.comparisons import A, B, with_models
from tests.tiny import make_services, make_tiny

HEAD = Selection.parse("block.1.attention.head.2@5")
DRAW = (draw_architecture_difference, draw_overview_difference)
EQUAL = "A and B are equal here: every difference is 0."


def values(drawn: Any, trace: int = HEADS) -> list[Any]:
    return list(drawn["figure"].data[trace].meta["values"])


@pytest.mark.parametrize("draw", DRAW)
def test_numbers_are_those_of_a_minus_those_of_b(services: AppServices, draw: Any):
    comparison = services.comparison(A, B)
    there = comparison.counterpart(5)
    drawn = draw(services, comparison, HEAD, theme="dark")
    one, two = (compute_architecture(*both) for both in ((comparison.a, HEAD, 5), (comparison.b, HEAD, there)))
    assert values(drawn) == pytest.approx((one.heads - two.heads).ravel(), rel=5e-3)
    assert values(drawn, TILES)[:10] == pytest.approx((one.tiles - two.tiles).ravel()[:10], rel=5e-3)
    assert "A − B" in drawn["title"]
    assert "largest difference of all heads" in drawn["reading"]


@pytest.mark.parametrize("draw", DRAW)
@pytest.mark.parametrize("color_by", ["norm", "entropy", "first", "attribution", "copying", "induction"])
def test_equal_questions_say_so(services: AppServices, draw: Any, color_by: ColorBy):
    drawn = draw(services, services.comparison(A, A), HEAD, color_by=color_by)
    assert set(values(drawn)) == {0}
    assert drawn["reading"].startswith(EQUAL)
    assert ("model alone" in drawn["reading"]) == (color_by in ("copying", "induction"))


def test_only_colours_are_sent_on_the_same_scene(services: AppServices):
    comparison = services.comparison(A, B)
    plain = draw_architecture(services, A, HEAD)
    patch = draw_architecture_difference(services, comparison, HEAD, scene=plain["scene"])["figure"]
    assert isinstance(patch, Patch)
    places = [step["location"] for step in patch.to_plotly_json()["operations"]]
    boxes = {place[2] for place in places if place[0] == "data" and place[1] in (HEADS, TILES)}
    assert boxes.isdisjoint("xyzijk")
    back = draw_architecture(services, A, HEAD, scene=plain["scene"])["figure"].to_plotly_json()["operations"]
    assert [step["location"] for step in back] == places, "each mode writes over the other"


def test_attention_is_sent_once(services: AppServices):
    comparison = services.comparison(A, B)
    first = draw_overview_difference(services, comparison, HEAD, wall=[2, 1])
    assert isinstance(first["figure"], go.Figure)
    again = draw_overview_difference(services, comparison, HEAD, wall=[2, 1], patterns=first["patterns"])
    assert isinstance(again["figure"], Patch)
    plain = callbacks.overview.draw_overview(services, A, HEAD, wall=[2, 1], patterns=first["patterns"])
    assert isinstance(plain["figure"], go.Figure)
    other = draw_overview_difference(services, services.comparison(A, A), HEAD, wall=[2, 1], patterns=first["patterns"])
    assert isinstance(other["figure"], go.Figure)


def test_the_logit_of_as_target_is_explained_in_both(services: AppServices):
    comparison = services.comparison(A, B)
    model, there = services.model(A), comparison.counterpart(5)
    drawn = draw_architecture_difference(services, comparison, HEAD, color_by="attribution")
    one = compute_attribution(model, comparison.a, HEAD, 5)
    two = compute_attribution(model, comparison.b, Selection.parse(f"output~{one.target.id}"), there)
    assert values(drawn) == pytest.approx((one.heads - two.heads).ravel(), rel=5e-3)
    assert f"of the logit for ‘{one.target.label}’" in drawn["reading"]


def test_effects_are_compared_once_both_are_there(services: AppServices, monkeypatch: pytest.MonkeyPatch):
    comparison = services.comparison(A, B)
    model, there = services.model(A), comparison.counterpart(5)
    for draw in DRAW:
        missing = draw(services, comparison, HEAD, color_by="effect")
        assert missing["reading"].startswith("What removing each part does to the logit has not been computed")
    one = plan_sweep(model, comparison.a, 5).run_now()
    two = plan_sweep(model, comparison.b, there, target=one.target.id).run_now()
    found = {comparison.a: one}
    monkeypatch.setattr(services.jobs, "show", lambda task, _question: (found.get(task.trace), None))
    assert draw_architecture_difference(services, comparison, HEAD, color_by="effect")["reading"].startswith(
        "In B: What"
    )
    found[comparison.b] = two
    drawn = draw_architecture_difference(services, comparison, HEAD, color_by="effect")
    assert values(drawn) == pytest.approx((one.shown - two.shown)[:, :-1].ravel(), rel=5e-3)


def test_a_head_that_writes_nothing_is_the_strongest(tmp_path: Path):
    model = make_tiny("gpt2")
    services, comparison = with_models(tmp_path, model, without_head(model, 1, 3))
    drawn = draw_architecture_difference(services, comparison, HEAD)
    sizes = np.abs(values(drawn)).reshape(3, 4)
    assert sizes.any(axis=1).tolist() == [False, True, True]
    assert np.unravel_index(sizes.argmax(), sizes.shape) == (1, 3)
    assert "largest difference of all heads is at block 1 head 3 (+" in drawn["reading"]


@pytest.mark.long
@pytest.mark.parametrize("draw", DRAW)
def test_what_cannot_be_compared_is_said(tmp_path: Path, tiny_gpt2: LanguageModel, draw: Any):
    for shape, words in [
        ({"num_attention_heads": 2}, "Heads cannot be compared"),
        ({"num_hidden_layers": 1}, "A’s blocks 1–2 have no counterpart in B."),
        ({"num_hidden_layers": 2}, "A’s block 2 has no counterpart in B."),
        ({"n_inner": 100}, "MLP tiles cannot be compared"),
    ]:
        services, comparison = with_models(tmp_path / words, tiny_gpt2, make_tiny("gpt2", seed=1, **shape))
        drawn = draw(services, comparison, HEAD)
        assert words in drawn["reading"]
        assert "largest difference of all" in drawn["reading"]
        assert ("no counterpart in B" in values(drawn)) == (shape.keys() != {"n_inner"})
    drawn = draw(services, comparison, HEAD, color_by="copying")
    assert "largest difference of all heads" in drawn["reading"]


@pytest.mark.parametrize("draw", DRAW)
def test_other_vocabularies_have_no_common_logit(tmp_path: Path, tiny_gpt2: LanguageModel, draw: Any):
    services, comparison = with_models(tmp_path, tiny_gpt2, make_tiny("llama"))
    for color_by in ("attribution", "effect"):
        reading = draw(services, comparison, HEAD, color_by=color_by)["reading"]
        assert reading.startswith("Predictions cannot be compared")
    kinds = draw(services, services.comparison(A, A), HEAD, color_by="kind")
    assert kinds["reading"].startswith("Kinds of parts have no difference.")


@pytest.mark.parametrize("draw", DRAW)
def test_a_token_without_a_counterpart_is_grey_with_words(services: AppServices, draw: Any):
    comparison = services.comparison(A, B)
    missing = int(np.flatnonzero(comparison.aligned < 0)[0])
    selection = Selection.parse(f"block.1.attention.head.2@{missing}")
    drawn = draw(services, comparison, selection)
    assert set(values(drawn)) == {"no counterpart in B"}
    assert drawn["reading"].startswith("B has no counterpart of")
    assert set(values(draw(services, comparison, selection, color_by="induction"))) == {0}


@pytest.mark.parametrize("module", [callbacks.architecture, callbacks.overview])
def test_it_is_registered(services: AppServices, module: Any):
    registered = module.register(Dash("one"), services)
    assert registered.difference is not None
    knobs = {**dict.fromkeys(registered.choices), **dict.fromkeys(registered.state, "")}
    drawn = registered.difference(
        services.comparison(A, B), HEAD, theme="light", **{**knobs, "color_by": "norm", "against": ""}
    )
    assert drawn.keys() | {"selection", "drawn"} == registered.outputs.keys() | {"results"}


def test_texts_and_models_may_both_differ(tmp_path: Path, tiny_gpt2: LanguageModel):
    services = make_services(tmp_path, {"tiny": tiny_gpt2, "other": make_tiny("gpt2", seed=1)})
    comparison = services.comparison(A, Prompt("other", f"{ONE}, too"))
    assert "largest difference of all" in draw_overview_difference(services, comparison, HEAD)["reading"]
