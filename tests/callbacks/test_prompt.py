"""The prompt's store, from a text and from a link."""

import pytest

from analysis.errors import ModelError, TextError
from analysis.trace import Prompt
from callbacks.prompt import draw_prompt
from dashboard.services import AppServices
from layouts.figures.scene import head_columns
from tests.conftest import TEXT


def test_the_store_holds_the_prompt_and_the_sizes(services: AppServices, prompt: Prompt) -> None:
    values = draw_prompt(services, prompt)
    data = values["prompt"]
    assert (data["model"], data["text"], data["start"]) == ("tiny", TEXT, False)
    assert (data["n_blocks"], data["n_heads"], data["n_neurons"], data["n_vocab"]) == (3, 4, 128, 300)
    assert data["n_head_columns"] == head_columns(services.model(prompt).info)
    assert data["n_positions"] == len(services.trace(prompt).tokens)
    assert (values["text"], values["model"], values["start"]) == (TEXT, "tiny", [])
    assert values["count"] == f"{data['n_positions']} of 64 tokens"


def test_a_prompt_that_cannot_be_analysed_raises(services: AppServices) -> None:
    with pytest.raises(TextError, match="empty"):
        draw_prompt(services, Prompt("tiny", ""))
    with pytest.raises(ModelError, match="no model 'huge' here"):
        draw_prompt(services, Prompt("huge", "a"))


@pytest.mark.parametrize(
    ("fragment", "expected", "problem"),
    [
        ("", Prompt("tiny", TEXT), ""),
        (None, Prompt("tiny", TEXT), ""),
        ("#text=a%20fox&start=1", Prompt("tiny", "a fox", start=True), ""),
        ("#text=a&text=b", Prompt("tiny", "b"), ""),
        ("#text=", Prompt("tiny", TEXT), "empty"),
        ("#model=other", Prompt("tiny", TEXT), "no model"),
        ("#" + "a=1&" * 100, Prompt("tiny", TEXT), "too many parts"),
        ("#%FF%FE&&==", Prompt("tiny", TEXT), ""),
    ],
)
def test_links(services: AppServices, fragment: str | None, expected: Prompt, problem: str) -> None:
    asked, said = services.linked_prompt({"hash": fragment, "opened": 1}, None)
    assert asked == expected
    assert (problem in said) if problem else said == ""


def test_an_invalid_link_keeps_the_shown_prompt(services: AppServices) -> None:
    shown = {"model": "tiny", "text": "a crow", "start": False}
    asked, said = services.linked_prompt({"hash": "#text=" + "x" * 500}, shown)
    assert asked == Prompt("tiny", "a crow")
    assert "tokens" in said


def test_an_invalid_text_keeps_the_shown_prompt(services: AppServices) -> None:
    shown = {"model": "tiny", "text": "a crow", "start": True}
    assert services.possible_prompt(Prompt("tiny", "a fox"), shown) == (Prompt("tiny", "a fox"), "")
    asked, said = services.possible_prompt(Prompt("tiny", ""), shown)
    assert asked == Prompt("tiny", "a crow", start=True)
    assert "empty" in said


def test_a_link_to_a_text_alone_keeps_the_switch(services: AppServices) -> None:
    shown = {"model": "tiny", "text": "a crow", "start": True}
    assert services.linked_prompt({"hash": "#text=b"}, shown)[0].start is True
    assert services.linked_prompt({"hash": "#text=b&select=output"}, shown)[0].start is False
