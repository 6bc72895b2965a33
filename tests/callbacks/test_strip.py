"""The token strip, drawn for a tiny model."""

import json
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
from tests.tiny import TEXT


def props(chips: list[Any]) -> list[dict[str, Any]]:
    return [chip.to_plotly_json()["props"] for chip in chips]


def test_a_chip_a_token_and_one_is_pressed(services: Any, prompt: Prompt) -> None:
    drawn = draw_strip(services, prompt, Selection.parse("block.1.mlp@5"))
    chips, tokens = drawn["chips"], services.trace(prompt).tokens
    assert [chip["children"] for chip in props(chips)] == [token.label for token in tokens]
    assert [chip["data-select"] for chip in props(chips)] == [f"@{n}" for n in range(len(tokens))]
    assert [n for n, chip in enumerate(props(chips)) if chip["aria-pressed"] == "true"] == [5]
    assert drawn["scale"]["background"].startswith("linear-gradient(")
    assert (drawn["low"], drawn["high"]) == ("0", "12 bits or more")
    assert drawn["title"] == "Tokens · position 5"
    assert f"‘{tokens[5].label}’" in drawn["reading"]


def test_without_a_position_the_last_token_is_chosen(services: Any, prompt: Prompt) -> None:
    drawn = draw_strip(services, prompt, Selection.parse("output"))
    assert props(drawn["chips"])[-1]["aria-pressed"] == "true"
    assert drawn["title"] == f"Tokens · position {len(drawn['chips']) - 1}"


def test_each_chip_tells_its_surprisal(services: Any, prompt: Prompt) -> None:
    chips = draw_strip(services, prompt, Selection.parse("output"))["chips"]
    result = compute_strip(services.model(prompt), services.trace(prompt))
    for position in range(1, len(chips)):
        assert f"surprisal {result.surprisal[position]:.1f} bits" in props(chips)[position]["title"]
    assert "no surprisal" in props(chips)[0]["title"]


def test_pieces_of_one_character_are_joined(services: Any) -> None:
    prompt = Prompt("tiny", "a 🦊🦊.")
    chips = draw_strip(services, prompt, Selection.parse("output"))["chips"]
    joined = [chip["data-select"] for chip in props(chips) if "chip-group" in chip["className"]]
    assert len(chips) == 8
    assert joined == ["@2", "@3", "@5", "@6"]  # each fox is three tokens, of which the first begins it


def test_the_dark_look(services: Any, prompt: Prompt) -> None:
    chips = draw_strip(services, prompt, Selection.parse("output"), theme="dark")["chips"]
    assert props(chips)[0]["style"] == {"background": "transparent", "color": DARK.text}


def unmarked(chips: list[Any]) -> list[dict[str, Any]]:
    """All of the chips but the mark of the selected one, which the page itself moves."""
    mark = {"className", "aria-pressed", "tabIndex"}
    return [{name: value for name, value in chip.items() if name not in mark} for chip in props(chips)]


@pytest.mark.parametrize(
    ("before", "after"), [("output@2", "block.1.mlp@7"), ("norm", "output@0"), ("norm@4", "norm@4")]
)
def test_the_same_chips_are_not_sent_again(services: Any, prompt: Prompt, before: str, after: str) -> None:
    first = draw_strip(services, prompt, Selection.parse(before))
    again = draw_strip(services, prompt, Selection.parse(after), shown=first["shown"])
    anew = draw_strip(services, prompt, Selection.parse(after))
    for name in ("shown", "title", "reading", "arcs"):
        assert again[name] == anew[name]
    assert not {"chips", "low", "scale", "high"} & again.keys()
    assert unmarked(first["chips"]) == unmarked(anew["chips"])


@pytest.mark.parametrize("shown", [None, 7, [], {}, "@3", "another@3"])
def test_chips_are_sent_to_a_page_that_has_others(services: Any, prompt: Prompt, shown: Any) -> None:
    assert isinstance(draw_strip(services, prompt, Selection.parse("output"), shown=shown)["chips"], list)


def test_other_chips_are_sent_whole(services: Any, prompt: Prompt) -> None:
    selection = Selection.parse("output@3")
    shown = draw_strip(services, prompt, selection)["shown"]
    other = Prompt("tiny", f"{TEXT}!")
    for drawn in (
        draw_strip(services, other, selection, shown=shown),
        draw_strip(services, Prompt("tiny", TEXT, start=True), selection, shown=shown),
        draw_strip(services, prompt, selection, shown=shown, theme="dark"),
        draw_strip(services, prompt, selection, shown=shown, color="attribution"),
    ):
        assert isinstance(drawn["chips"], list)
        assert drawn["shown"] != shown
    attributed = draw_strip(services, prompt, selection, color="attribution")["shown"]
    assert isinstance(draw_strip(services, prompt, selection, color="attribution", shown=attributed)["chips"], list)
    assert isinstance(draw_strip(services, prompt, selection, shown=attributed)["chips"], list)


@pytest.mark.parametrize("text", ["T", " ", "🧀", "שלום", "<script>alert(1)</script>"])
def test_short_and_odd_texts(services: Any, text: str) -> None:
    drawn = draw_strip(services, Prompt("tiny", text), Selection.parse("norm"))
    assert drawn["chips"]
    assert drawn["reading"]


def test_the_colour_of_attributions(services: Any, prompt: Prompt) -> None:
    """Those that the saliency panel shows for the same choices; before they are computed, none."""
    selection, choices = Selection.parse("block.1.mlp@5~7"), {"method": "occlusion", "baseline": "mean", "against": "9"}
    before = draw_strip(services, prompt, selection, color="attribution", **choices)
    assert {chip["style"]["background"] for chip in props(before["chips"])} == {"transparent"}
    assert before["reading"].startswith("Not computed for this selection yet.")
    page = {"model": prompt.model, "text": prompt.text, "start": prompt.start}
    question = {"prompt": page, "selection": str(selection), "choices": ["occlusion", "mean", "9"]}
    start = {"nonce": "a", "question": question}
    assert services.jobs.run(partial(saliency_task, services), start, lambda _: None)["kind"] == "done"
    drawn = draw_strip(services, prompt, selection, color="attribution", shown=before["shown"], **choices)
    chips = drawn["chips"]
    trace = services.trace(prompt)
    result = compute_saliency(
        services.model(prompt), trace, 5, target=7, against=9, method="occlusion", baseline="mean"
    )
    assert [chip["style"] for chip in props(chips)] == [
        {"background": background, "color": color} for background, color in saliency_shades(result, theme=LIGHT)
    ]
    assert drawn["low"].startswith("against −")
    assert drawn["high"].endswith("logits for")
    assert LIGHT.signed[0][1] in drawn["scale"]["background"]
    assert "lowers the logit" in drawn["reading"]
    assert "surprisal" in props(chips)[1]["title"]
    assert "drop when left out" in props(chips)[1]["title"]
    assert props(chips)[6]["title"].endswith("after the explained position")


@pytest.mark.parametrize("color", ["surprisal", "attribution"])
def test_the_attention_of_a_head_has_arcs(services: Any, prompt: Prompt, color: str) -> None:
    drawn = draw_strip(services, prompt, Selection.parse("block.2.attention.head.1@9"), color=color)
    row = services.trace(prompt).attention(2)[1, 9]
    arcs = dict(json.loads(drawn["arcs"]))
    assert sorted(arcs) == [key for key in range(10) if row[key] >= 0.02]
    assert arcs == pytest.approx({key: float(row[key]) for key in arcs}, abs=6e-4)
    assert f"{row[0]:.0%} of it on the first token" in drawn["reading"] or f"{row[0]:.1%}" in drawn["reading"]
    none = draw_strip(services, prompt, Selection.parse("block.2.mlp@9"), color=color)
    assert none["arcs"] == ""
    assert "Arcs" not in none["reading"]
