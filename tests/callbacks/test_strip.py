"""The token strip, drawn for a tiny model."""

from functools import partial
from typing import Any

import pytest

from analysis.saliency import compute_saliency
from analysis.selection import Selection
from analysis.strip import compute_strip
from analysis.trace import Prompt
from callbacks.saliency import saliency_task
from callbacks.strip import draw_strip
from layouts.figures.saliency import saliency_shades
from layouts.theme import DARK, LIGHT


def props(chips: list[Any]) -> list[dict[str, Any]]:
    return [chip.to_plotly_json()["props"] for chip in chips]


def test_a_chip_a_token_and_one_is_pressed(services: Any, prompt: Prompt) -> None:
    chips, low, style, high, title, reading, shown = draw_strip(services, prompt, Selection.parse("block.1.mlp@5"))
    tokens = services.trace(prompt).tokens
    assert [chip["children"] for chip in props(chips)] == [token.label for token in tokens]
    assert [chip["data-select"] for chip in props(chips)] == [f"@{n}" for n in range(len(tokens))]
    assert [n for n, chip in enumerate(props(chips)) if chip["aria-pressed"] == "true"] == [5]
    assert style["background"].startswith("linear-gradient(")
    assert (low, high) == ("0", "12 bits or more")
    assert title == "Tokens · position 5"
    assert f"‘{tokens[5].label}’" in reading
    assert shown == "block.1.mlp@5"


def test_without_a_position_the_last_token_is_chosen(services: Any, prompt: Prompt) -> None:
    chips, _, _, _, title, _, shown = draw_strip(services, prompt, Selection.parse("output"))
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


def test_the_colour_of_attributions(services: Any, prompt: Prompt) -> None:
    """Those that the saliency panel shows for the same choices; before they are computed, none."""
    selection, choices = Selection.parse("block.1.mlp@5~7"), {"method": "occlusion", "baseline": "mean", "against": 9}
    before, _, _, _, _, reading, _ = draw_strip(services, prompt, selection, attribution=choices)
    assert {chip["style"]["background"] for chip in props(before)} == {"transparent"}
    assert "not computed" in reading
    page = {"model": prompt.model, "text": prompt.text, "start": prompt.start}
    question = {"prompt": page, "selection": str(selection), "choices": ["occlusion", "mean", "9"]}
    start = {"nonce": "a", "question": question}
    assert services.jobs.run(partial(saliency_task, services), start, lambda _: None)["kind"] == "done"
    chips, low, style, high, _, reading, _ = draw_strip(services, prompt, selection, attribution=choices)
    trace = services.trace(prompt)
    result = compute_saliency(
        services.model(prompt), trace, 5, target=7, against=9, method="occlusion", baseline="mean"
    )
    assert [chip["style"] for chip in props(chips)] == [
        {"background": background, "color": color} for background, color in saliency_shades(result, theme=LIGHT)
    ]
    assert low.startswith("against −")
    assert high.endswith("logits for")
    assert LIGHT.signed[0][1] in style["background"]
    assert "lowers the logit" in reading
    assert "surprisal" in props(chips)[1]["title"]
    assert "drop when left out" in props(chips)[1]["title"]
    assert props(chips)[6]["title"].endswith("after the explained position")
