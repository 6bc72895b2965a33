"""Callback of the logit lens panel: its figures and texts for a selection, and what is sent after a click."""

import json
from functools import partial
from typing import Any

import numpy as np
import pytest
from dash import Patch, html
from numpy.testing import assert_allclose
from plotly.io.json import to_json_plotly

import analysis.logit_lens
from analysis.errors import AnalysisError, SelectionError
from analysis.logit_lens import MOST_PINNED
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.logit_lens import draw_logit_lens, logit_lens_task
from layouts import logit_lens
from layouts.logit_lens import followed_tokens, pin_actions
from layouts.theme import DARK
from tests.page import patched
from tests.tiny import TEXT


def draw(services: Any, prompt: Prompt, selection: str, **knobs: Any) -> Any:
    return draw_logit_lens(services, prompt, Selection.parse(selection), **knobs)


def props(component: Any) -> dict[str, Any]:
    return component.to_plotly_json()["props"]


def test_a_click_shows_the_readings_of_the_model(services: Any, prompt: Prompt) -> None:
    drawn = draw(services, prompt, "block.1.attention.head.2@5")
    trace, model = services.trace(prompt), services.model(prompt)
    shown = drawn["figure"].data[0].z
    for block in range(3):
        logits = model.lens_logits(trace.residual(block)).astype(np.float64)
        best = np.exp(logits - logits.max(-1, keepdims=True))
        assert_allclose(shown[block], 1 / best.sum(-1), rtol=1e-4)
    mark = drawn["figure"].layout.shapes[0]
    assert (mark.x0, mark.y0) == (4.5, 0.5)
    predicted = model.vocabulary.piece(int(trace.logits()[5].argmax()))
    assert props(drawn["followed"][0])["children"] == f"‘{predicted.label}’, the model’s prediction"
    assert len(drawn["probabilities"].data) == len(drawn["ranks"].data) == 1
    assert drawn["ranks"].data[0].y[-1] == 1
    assert drawn["title"] == f"Logit lens · position 5, ‘{trace.tokens[5].label}’"
    assert "Between the attention and the MLP of block 1, the lens reads ‘" in drawn["reading"]
    assert (drawn["offer"], drawn["outdated"]) == (None, "false")


@pytest.mark.parametrize(
    ("selection", "y0"), [("embedding@2", -1.5), ("block.2.mlp@2", 1.5), ("norm@2", 1.5), ("output@2", 1.5)]
)
def test_every_part_has_its_row(services: Any, prompt: Prompt, selection: str, y0: float) -> None:
    drawn = draw(services, prompt, selection, theme="dark")
    assert drawn["figure"].layout.shapes[0].y0 == y0
    assert drawn["figure"].layout.font.color == DARK.text
    assert "attention" not in drawn["reading"]


def test_without_a_position_it_is_the_last(services: Any, prompt: Prompt) -> None:
    last = services.trace(prompt).n_positions - 1
    assert draw(services, prompt, "output")["figure"].layout.shapes[0].x0 == last - 0.5


def read(figure: Any) -> Any:
    """A figure, or what changes in it, as a page reads it."""
    return json.loads(to_json_plotly(figure))


@pytest.mark.parametrize(("before", "after"), [("output@2", "block.1.mlp@7"), ("norm", "embedding@0")])
def test_of_the_same_heat_map_only_the_mark_is_sent(services: Any, prompt: Prompt, before: str, after: str) -> None:
    first = draw(services, prompt, before)
    moved = draw(services, prompt, after, shown=first["shown"])
    anew = draw(services, prompt, after)
    assert isinstance(moved["figure"], Patch)
    assert patched(read(first["figure"]), read(moved["figure"])) == read(anew["figure"]) != read(first["figure"])
    assert len(json.dumps(read(moved["figure"]))) < 400
    for name in ("shown", "title", "reading"):
        assert moved[name] == anew[name]
    for name in ("probabilities", "ranks"):
        assert read(moved[name]) == read(anew[name])


@pytest.mark.parametrize("shown", [None, 7, [], "", "another"])
def test_another_heat_map_is_sent_whole(services: Any, prompt: Prompt, shown: Any) -> None:
    assert not isinstance(draw(services, prompt, "output", shown=shown)["figure"], Patch)


def test_another_text_or_theme_is_another_heat_map(services: Any, prompt: Prompt) -> None:
    shown = draw(services, prompt, "output@3")["shown"]
    for drawn in (
        draw(services, Prompt("tiny", f"{TEXT}!"), "output@3", shown=shown),
        draw(services, Prompt("tiny", TEXT, start=True), "output@3", shown=shown),
        draw(services, prompt, "output@3", shown=shown, theme="dark"),
    ):
        assert not isinstance(drawn["figure"], Patch)
        assert drawn["shown"] != shown


def test_pins_are_followed_and_can_be_unpinned(services: Any, prompt: Prompt) -> None:
    drawn = draw(services, prompt, "output@3", pins="40,7")
    logits = services.trace(prompt).logits()[3]
    assert [line.y[-1] for line in drawn["ranks"].data] == [1 + (logits > logits[pin]).sum() for pin in (40, 7)]
    assert len(drawn["probabilities"].data) == 2
    piece = services.model(prompt).vocabulary.piece
    assert [(props(b)["children"], props(b)["data-set"], props(b)["data-value"]) for b in drawn["followed"]] == [
        (f"‘{piece(40).label}’ ×", "logit_lens-pins", "7"),
        (f"‘{piece(7).label}’ ×", "logit_lens-pins", "40"),
    ]


@pytest.mark.parametrize("pins", ["300", "1,2,3,4", "x"])
def test_impossible_pins_are_refused(services: Any, prompt: Prompt, pins: str) -> None:
    with pytest.raises(SelectionError, match="Unpin"):
        draw(services, prompt, "output", pins=pins)


def test_a_slow_lens_is_computed_by_a_job(services: Any, prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis.logit_lens, "AT_ONCE", 0)
    first = draw(services, prompt, "block.1.attention@3", pins="7")
    for name in ("figure", "probabilities", "ranks"):
        assert first[name].layout.annotations[0].text == "Not computed yet."
    assert len(first["followed"]) == 1
    assert "Not computed for this text yet" in first["reading"]
    offer = first["offer"]
    assert (offer["automatic"], offer["seconds"], first["outdated"], first["shown"]) == (True, None, "", "")
    again = draw(services, prompt, "block.2.attention@4", outdated="false")
    assert again.keys().isdisjoint({"figure", "probabilities", "ranks", "shown"})
    assert again["outdated"] == "true"
    assert again["offer"] == offer, "a click asks nothing new"
    start = {"nonce": "a", "question": offer["question"], "measure": True}
    outcome = services.jobs.run(partial(logit_lens_task, services), start, lambda _progress: None)
    assert outcome == {"nonce": "a", "kind": "done", "message": ""}
    monkeypatch.delattr(analysis.logit_lens, "_cells")
    drawn = draw(services, prompt, "block.1.attention@3", outdated="true")
    assert drawn["figure"].data[0].z.shape == (4, services.trace(prompt).n_positions)
    assert drawn["offer"]["kept"] > 0
    assert drawn["outdated"] == "false"


def test_a_quick_lens_needs_no_job(services: Any, prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    """A click reads the cached arrays."""
    draw(services, prompt, "block.1.attention@3", pins="7")
    question = {"prompt": {"model": "tiny", "text": TEXT, "start": False}, "selection": "output", "choices": [""] * 3}
    with pytest.raises(AnalysisError, match="needs no job"):
        logit_lens_task(services, question)
    monkeypatch.delattr(analysis.logit_lens, "_cells")
    monkeypatch.delattr(analysis.logit_lens, "_follow")
    assert draw(services, prompt, "embedding@0")["offer"] is None
    assert draw(services, prompt, "block.2.mlp@3", pins="7")["offer"] is None


# The pieces of HTML.


def test_as_many_can_be_pinned_as_are_followed() -> None:
    assert logit_lens.MOST_PINNED == MOST_PINNED


def test_a_found_token_is_pinned_or_unpinned(services: Any, prompt: Prompt) -> None:
    piece = services.model(prompt).vocabulary.piece
    for pins, words, value in (
        ((), "pin", "9"),
        ((1, 2), "pin", "1,2,9"),
        ((1, 2, 3), "pin", "2,3,9"),
        ((1, 9, 3), "unpin", "1,3"),
        ((9,), "unpin", ""),
    ):
        (button,) = map(props, pin_actions(piece(9), pins))
        assert (button["children"], button["data-set"], button["data-value"]) == (words, "logit_lens-pins", value)
        assert piece(9).label in button["aria-label"]


def test_the_models_prediction_can_be_pinned(services: Any, prompt: Prompt) -> None:
    _words, pin = followed_tokens([services.model(prompt).vocabulary.piece(9)], pinned=False)
    assert (props(pin)["data-set"], props(pin)["data-value"]) == ("logit_lens-pins", "9")


def test_pins_are_hidden_and_can_all_be_let_go() -> None:
    section = logit_lens.layout()
    assert (section[logit_lens.PINS].type, section[logit_lens.PINS].value) == ("hidden", "")
    found = [props(item) for item in section._traverse() if isinstance(item, html.Button)]
    assert [one["data-value"] for one in found if one.get("data-set") == "logit_lens-pins"] == [""]


def test_the_help_says_what_a_reading_does_not_show() -> None:
    assert logit_lens.HELP.not_shown.startswith("What the model knows after a block")
