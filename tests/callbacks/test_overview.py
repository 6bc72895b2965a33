"""The overview panel: the numbers of the trace, with the scene's colouring."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from dash import Patch

from analysis.attribution import compute_attribution
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.overview import draw_overview
from dashboard.drawing import plain
from dashboard.services import AppServices
from layouts.figures.text import signed
from layouts.theme import DARK

SELECTION = Selection.parse("block.1.attention.head.1@2")


def test_numbers_and_reading_are_those_of_the_position(services: AppServices, prompt: Prompt) -> None:
    values = draw_overview(services, prompt, SELECTION)
    trace = services.trace(prompt)
    shown = np.reshape(values["figure"].data[0].meta["values"], (trace.info.n_blocks, trace.info.n_heads))
    for block in range(trace.info.n_blocks):
        assert shown[block] == pytest.approx(trace.head_norms(block)[2], rel=5e-3)
    assert values["reading"].startswith(f"Block 1 head 1: L2 norm {trace.head_norms(1)[2, 1]:.3g}, rank ")
    assert trace.tokens[2].label in values["reading"]


def test_colouring_and_theme(services: AppServices, prompt: Prompt) -> None:
    values = draw_overview(services, prompt, SELECTION, theme="dark", color_by="first")
    share = services.trace(prompt).attention(1)[1, 2, 0]
    n_heads = services.trace(prompt).info.n_heads
    assert values["figure"].data[0].meta["values"][n_heads + 1] == pytest.approx(float(share), rel=5e-3)
    assert values["figure"].layout.font.color == DARK.text


def test_direct_attribution(services: AppServices, prompt: Prompt) -> None:
    values = draw_overview(services, prompt, SELECTION, color_by="attribution", against="9")
    trace = services.trace(prompt)
    shares = compute_attribution(services.model(prompt), trace, SELECTION, 2, against=9)
    assert values["figure"].data[0].meta["values"] == pytest.approx(shares.heads.ravel(), rel=5e-3)
    assert values["reading"].startswith(f"Block 1 head 1: {signed(shares.heads[1, 1])} logits, rank ")
    assert " by size. After ‘" in values["reading"]


def test_attention_is_sent_where_there_is_room_and_only_once(services: AppServices, prompt: Prompt) -> None:
    without = draw_overview(services, prompt, SELECTION)
    assert (len(without["figure"].data), without["patterns"]) == (4, "")
    first = draw_overview(services, prompt, SELECTION, wall=[2, 1.5])
    assert isinstance(first["figure"], go.Figure)
    image = first["figure"].data[4]
    attention = np.stack([services.trace(prompt).attention(block) for block in range(3)])
    assert np.asarray(image.z).max() == round(1 + 254 * float(attention.max()))
    again = draw_overview(services, prompt, Selection.parse("block.2.mlp@1"), wall=[2, 1.5], patterns=first["patterns"])
    assert isinstance(again["figure"], Patch)
    places = [step["location"] for step in again["figure"].to_plotly_json()["operations"]]
    assert places == [["data", 0], ["data", 1], ["data", 2], ["data", 3], ["layout"]]
    whole = draw_overview(services, prompt, Selection.parse("block.2.mlp@1"), wall=[2, 1.5])["figure"].to_plotly_json()
    for step in again["figure"].to_plotly_json()["operations"]:
        name, *index = step["location"]
        assert plain(step["params"]["value"]) == plain(whole[name][index[0]] if index else whole[name])


@pytest.mark.parametrize(
    "changes",
    [{"wall": [1, 1.5]}, {"wall": [2, 1.6]}, {"theme": "dark"}, {"prompt": Prompt("tiny", "The crow had a fox")}],
    ids=str,
)
def test_other_attention_is_sent(services: AppServices, prompt: Prompt, changes: dict[str, Any]) -> None:
    knobs = {"prompt": prompt, "selection": SELECTION, "wall": [2, 1.5]}
    first = draw_overview(services, **knobs)
    again = draw_overview(services, **{**knobs, "patterns": first["patterns"], **changes})
    assert isinstance(again["figure"], go.Figure)
    assert len(again["figure"].data) == 5
    assert again["patterns"] != first["patterns"]


@pytest.mark.parametrize(
    "wall", [None, [], [0, 1], [5, 1], [True, 1], [1, 0.1], [1, 1e9], [1, "1"], ["1", 1], [1, None], [1, 1, 1], {}, 2]
)
def test_a_wall_that_is_not_one_is_no_room(services: AppServices, prompt: Prompt, wall: Any) -> None:
    values = draw_overview(services, prompt, SELECTION, wall=wall)
    assert (len(values["figure"].data), values["patterns"]) == (4, "")
