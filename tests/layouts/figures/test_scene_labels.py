"""Texts in the 3D scene: what they say, and that none lies over another where no page thins them out."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from analysis.model_info import ModelInfo
from analysis.selection import Selection
from analysis.tokens import Piece
from layouts.figures.architecture import architecture_changes, architecture_figure
from layouts.figures.scene_labels import numbered_blocks
from layouts.theme import LIGHT
from tests.layouts.figures.test_architecture import RESULT, seen, without_values

PREDICTIONS = [(Piece(4, "<b>"), 0.5), (Piece(5, "·a"), 0.025)]
TOKENS = [Piece(n, label) for n, label in enumerate(("Once", "·upon", "<a>", "·time"))]
LONG = [Piece(n, "·extraordinarily") for n in range(4)]
LINE, CHARACTER = 15.6, {12: 6.6, 13: 7.9}  # pixels, generous, by font size


def texts(selection: str = "block.1.attention.head.0", n_blocks: int = 2) -> list[str]:
    result = replace(without_values(replace(RESULT.info, n_blocks=n_blocks)), selection=Selection.parse(selection))
    return [label["text"] for label in architecture_changes(result)[1] if label.get("visible", True) and label["text"]]


def test_predictions_and_tokens_are_written_and_escaped() -> None:
    labels = architecture_changes(RESULT, tokens=TOKENS, predictions=PREDICTIONS)[1]
    predictions, tokens, *names = labels[:-2]
    assert predictions["text"] == "&lt;b&gt;\u00a050%<br>·a\u00a0\u00a02.5%"
    quiet, chosen = f'<span style="color:{LIGHT.quiet}">{{}}</span>', f'<b style="color:{LIGHT.accent2}">{{}}</b>'
    assert tokens["text"] == "<br>".join([quiet.format("·upon"), quiet.format("&lt;a&gt;"), chosen.format("·time")])
    parts = {"attention heads", "MLP neurons", "residual<br>stream", "embedding", "norm", "output", "block 0", "1"}
    assert {name["text"] for name in names} == parts
    assert [name["text"] for name in names if name["font"]["color"] == LIGHT.accent] == ["1"]


def test_long_tokens_are_cut() -> None:
    labels = architecture_changes(RESULT, tokens=LONG, predictions=[(LONG[0], 0.5)])[1]
    assert labels[0]["text"] == "·extraordin…\u00a050%"
    assert labels[1]["text"].count("·extraordin…") == 3


def test_the_selected_block_has_its_number_and_its_neighbours_leave_it_room() -> None:
    assert texts(n_blocks=6, selection="output")[3:9] == ["block 0", "1", "2", "3", "4", "5"]
    numbers = [text for text in texts("block.53.mlp", 96) if text.isdigit()]
    assert numbers == ["53", *map(str, (10, 20, 30, 40, 60, 70, 80, 90))]
    assert texts("block.0.mlp", 96).count("block 0") == 1


@pytest.mark.parametrize(("n_blocks", "step"), [(2, 1), (13, 1), (14, 2), (24, 2), (30, 5), (48, 5), (96, 10)])
def test_deep_models_have_fewer_numbers(n_blocks: int, step: int) -> None:
    assert numbered_blocks(n_blocks) == range(0, n_blocks, step)


def test_a_click_changes_no_texts_rank() -> None:
    figure = architecture_figure(RESULT)
    for selection in ("output", "block.0.mlp", "block.1.attention"):
        other = architecture_changes(replace(RESULT, selection=Selection.parse(selection)))[1]
        assert figure.layout.meta["labels"] == list(range(len(other)))


@pytest.mark.long
@pytest.mark.parametrize("n_blocks", [2, 6, 12, 24, 30, 48, 96])
def test_no_two_texts_overlap(n_blocks: int) -> None:
    """In the opening view of the usual size; in smaller ones, the page hides some. The texts at the sides fit."""
    width, height = 820, 376
    info = ModelInfo("GPT-2", n_blocks, 12, 64, 8, 1024, 100, 64, 1, "f")
    for block in {0, 1, n_blocks // 2, n_blocks - 1}:
        result = replace(without_values(info), selection=Selection(RESULT.selection.part, block=block))
        figure = architecture_figure(result, tokens=LONG, predictions=[(piece, 0.05) for piece in LONG])
        labels = [label for label in figure.layout.scene.annotations if label.visible is not False and label.text]
        at = seen(figure, [[label.x, label.y, label.z] for label in labels])
        corners = np.concatenate([np.stack([t.x, t.y, t.z], axis=1) for t in figure.data[:4]]).astype(float)
        scale = min((width - 230) / np.ptp(seen(figure, corners)[:, 0]), 0.85 * height / np.ptp(at[:, 1]))
        boxes = []
        for label, (x, y) in zip(labels, at * [scale, -scale], strict=True):
            lines = label.text.split("<br>")
            wide = max(len(line.split(">")[-2].split("<")[0] if "style=" in line else line) for line in lines)
            size = np.array([wide * CHARACTER[label.font.size], len(lines) * LINE * label.font.size / 12])
            anchor = {"left": 0, "right": 1, "top": 0, "bottom": 1}
            start = np.array([x + (label.xshift or 0), y - (label.yshift or 0)]) - size * [
                anchor.get(label.xanchor, 0.5), anchor.get(label.yanchor, 0.5)
            ]  # fmt: skip
            boxes.append((label.text, start, start + size))
        for (one, low, high), (other, low2, high2) in combinations(boxes, 2):
            assert (low >= high2 - 1).any() or (low2 >= high - 1).any(), (one, other, low, high, low2, high2)
