"""The token strip, drawn for a tiny model."""

from typing import Any

import pytest

from analysis.selection import Selection
from analysis.strip import compute_strip
from analysis.trace import Prompt
from callbacks.strip import draw_strip
from layouts.theme import DARK


def props(chips: list[Any]) -> list[dict[str, Any]]:
    return [chip.to_plotly_json()["props"] for chip in chips]


def test_a_chip_a_token_and_one_is_pressed(services: Any, prompt: Prompt) -> None:
    chips, style, title, reading, shown = draw_strip(services, prompt, Selection.parse("block.1.mlp@5"))
    tokens = services.trace(prompt).tokens
    assert [chip["children"] for chip in props(chips)] == [token.label for token in tokens]
    assert [chip["data-select"] for chip in props(chips)] == [f"@{n}" for n in range(len(tokens))]
    assert [n for n, chip in enumerate(props(chips)) if chip["aria-pressed"] == "true"] == [5]
    assert style["background"].startswith("linear-gradient(")
    assert title == "Tokens · position 5"
    assert f"‘{tokens[5].label}’" in reading
    assert shown == "block.1.mlp@5"


def test_without_a_position_the_last_token_is_chosen(services: Any, prompt: Prompt) -> None:
    chips, _, title, _, shown = draw_strip(services, prompt, Selection.parse("output"))
    assert props(chips)[-1]["aria-pressed"] == "true"
    assert title == f"Tokens · position {len(chips) - 1}"
    assert shown == "output"


def test_each_chip_tells_its_surprisal(services: Any, prompt: Prompt) -> None:
    chips, *_ = draw_strip(services, prompt, Selection.parse("output"))
    result = compute_strip(services.trace(prompt))
    for position in range(1, len(chips)):
        assert f"surprisal {result.surprisal[position]:.1f} bits" in props(chips)[position]["title"]
    assert "no surprisal" in props(chips)[0]["title"]


def test_pieces_of_one_character_are_joined(services: Any) -> None:
    prompt = Prompt("tiny", "a 🦊🦊.")
    chips, *_ = draw_strip(services, prompt, Selection.parse("output"))
    joined = [chip["data-select"] for chip in props(chips) if "chip-group" in chip["className"]]
    assert len(chips) == 8
    assert joined == ["@2", "@3", "@5", "@6"]  # each fox is three tokens, of which the first begins it


def test_the_dark_look(services: Any, prompt: Prompt) -> None:
    chips, *_ = draw_strip(services, prompt, Selection.parse("output"), theme="dark")
    assert props(chips)[0]["style"] == {"background": "transparent", "color": DARK.text}


@pytest.mark.parametrize("text", ["T", " ", "🧀", "שלום", "<script>alert(1)</script>"])
def test_short_and_odd_texts(services: Any, text: str) -> None:
    chips, *_, reading, _ = draw_strip(services, Prompt("tiny", text), Selection.parse("norm"))
    assert chips
    assert reading
