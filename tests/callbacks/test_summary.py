"""The selection card, drawn for a tiny model, and the state of its buttons."""

from typing import Any

import numpy as np
import pytest

import analysis.causes.head_scores
from analysis.causes.copying import compute_copying
from analysis.causes.head_scores import compute_head_scores, probe_trace
from analysis.models.forward import capture
from analysis.prediction import compute_prediction
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.panel import Values
from callbacks.summary import draw_summary, draw_summary_model
from layouts.figures.head_scores import score_words
from layouts.figures.text import quoted
from tests.layouts.texts import texts

STEPS = ("previous_disabled", "next_disabled", "previous_unit_disabled", "next_unit_disabled")


def drawn(services: Any, prompt: Prompt, text: str, **more: Any) -> Values:
    return draw_summary(services, prompt, Selection.parse(text), **more)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("embedding@2", "Token embedding"),
        ("block.2.attention@2", "Block 2 · attention"),
        ("block.1.attention.head.3", "Block 1 · head 3"),
        ("block.0.mlp", "Block 0 · MLP"),
        ("block.0.mlp.neuron.17@1~5", "Block 0 · MLP · neuron 17"),
        ("norm", "Final norm"),
        ("output@0", "Output"),
    ],
)
def test_names_and_draws_every_kind_of_part(services: Any, prompt: Prompt, text: str, title: str) -> None:
    card = drawn(services, prompt, text)
    assert card["title"] == title
    assert len(card["figure"].data[0].x) == 5
    assert card["reading"].endswith(".")


def test_bars_are_the_lens_of_the_block(services: Any, prompt: Prompt) -> None:
    card = drawn(services, prompt, "block.1.mlp@4")
    trace = services.trace(prompt)
    result = compute_prediction(services.model(prompt), trace, Selection.parse("block.1.mlp"), 4)
    np.testing.assert_allclose(card["figure"].data[0].x, [p for _, p in result.top])
    assert "logit lens after block 1" in card["figure"].layout.title.text
    assert "if stopped after block 1; its real prediction is" in card["reading"]


@pytest.mark.parametrize(
    ("text", "nowhere"),
    [
        ("embedding@3~7", ("true", "false", "true", "true")),
        ("block.0.attention.head.0", ("false", "false", "false", "false")),
        ("block.2.mlp", ("false", "false", "false", "false")),
        ("norm", ("false", "false", "true", "true")),
        ("output", ("false", "true", "true", "true")),
    ],
)
def test_a_step_that_leads_nowhere_is_dim(services: Any, prompt: Prompt, text: str, nowhere: tuple[str, ...]) -> None:
    card = drawn(services, prompt, text)
    assert tuple(card[step] for step in STEPS) == nowhere


def test_the_layer_is_marked(services: Any, prompt: Prompt) -> None:
    card = drawn(services, prompt, "block.1.mlp.neuron.3")
    assert (card["attention_pressed"], card["mlp_pressed"]) == ("false", "true")
    assert (card["place"], card["unit"]) == ("block 1", "neuron 3")
    card = drawn(services, prompt, "output")
    assert (card["attention_pressed"], card["mlp_pressed"], card["place"]) == ("false", "false", "output")


def test_menu_and_table_follow_the_model(services: Any, prompt: Prompt) -> None:
    model = draw_summary_model(services, prompt)
    assert len(model["menu"]) == 2 * 3 + 3
    assert "49,824" in str(model["parameters"][0])


def test_the_role_of_a_head(services: Any, prompt: Prompt) -> None:
    card = drawn(services, prompt, "block.1.attention.head.3@4")
    model, trace = services.model(prompt), services.trace(prompt)
    said = "".join(texts(card["role"]))
    strongest = trace.tokens[int(trace.attention(1)[3, 4].argmax())]
    assert f"Attends most to {quoted(strongest.label)}" in said
    scores = compute_head_scores(probe_trace(model))
    _, body = card["scores"][0]["props"]["children"]
    rows = [texts(row) for row in body["props"]["children"]]
    assert rows[0][-1] == score_words("previous", float(scores["previous"][1, 3]))
    assert rows[-1][-1] == score_words("copying", float(compute_copying(model)[1, 3]))


def test_the_probe_is_read_once_for_all_texts_and_pages(
    services: Any, prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def counted(*given: Any) -> None:
        calls.append(1)
        capture(*given)

    monkeypatch.setattr(analysis.causes.head_scores, "capture", counted)
    for text in (prompt.text, "Another text", "A third"):
        drawn(services, Prompt("tiny", text), "block.0.attention.head.1")
        drawn(services, Prompt("tiny", text), "block.2.attention.head.0")
    assert len(calls) == 1


def test_the_role_of_a_neuron(services: Any, prompt: Prompt) -> None:
    card = drawn(services, prompt, "block.2.mlp.neuron.9@1")
    value = f"{services.trace(prompt).neurons(2)[1, 9]:.3g}".replace("-", "−", 1)
    assert f" is {value}." in "".join(texts(card["role"]))


@pytest.mark.parametrize("selection", ["embedding", "block.0.attention", "block.1.mlp", "norm", "output"])
def test_other_parts_have_no_role(services: Any, prompt: Prompt, selection: str) -> None:
    card = drawn(services, prompt, selection)
    assert card["role"] == card["scores"] == []
