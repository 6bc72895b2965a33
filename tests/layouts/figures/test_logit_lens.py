"""Pictures of the logit lens from a hand-made result."""

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from numpy.testing import assert_array_equal

from analysis.logit_lens import LensCells, LogitLensResult
from analysis.tokens import Piece, Token
from dashboard.drawing import plain
from layouts.figures.logit_lens import (
    logit_lens_depth_figure,
    logit_lens_figure,
    logit_lens_mark,
    logit_lens_reading,
)
from layouts.theme import DARK, LIGHT
from tests.page import gzipped

LABELS = ("The", "·<b>", "·fox")
PIECES = {n: Piece(n, label) for n, label in enumerate(("·a", "·dog", "<i>", "·extraordinarily"))}
CELLS = LensCells(
    top=np.int32([[0, 1, 2], [3, 0, 0], [0, 1, 1], [0, 1, 1]]),
    probabilities=np.float32([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9], [1, 0.95, 0.0001]]),
    next_ranks=np.int32([[1234, 2, 0]] * 4),
    output_ranks=np.int32([[1, 1, 1]] * 4),
    output_probabilities=np.float32([[0.1, 0.2, 0.3]] * 4),
    log_totals=np.zeros((4, 3)),
)
RESULT = LogitLensResult(
    tokens=tuple(Token(n + 7, label, n, n) for n, label in enumerate(LABELS)),
    n_vocab=5000,
    depth=2,
    position=1,
    cells=CELLS,
    piece=PIECES.__getitem__,
    followed=(PIECES[2], PIECES[1]),
    pinned=True,
    probabilities=np.float32([[0.1, 0], [0.3, 0.2], [0.2, 0.8], [0.05, 0.9]]),
    ranks=np.int32([[3, 5000], [1, 2], [2, 1], [7, 1]]),
    attention=None,
    between=None,
)


def large(n_blocks: int, n_positions: int) -> LogitLensResult:
    shape = n_blocks + 1, n_positions
    numbers = np.random.default_rng(0)
    cells = LensCells(
        top=numbers.integers(0, 999, shape).astype(np.int32),
        probabilities=numbers.random(shape, dtype=np.float32),
        next_ranks=numbers.integers(1, 999, shape).astype(np.int32) * (np.arange(n_positions) < n_positions - 1),
        output_ranks=np.ones(shape, np.int32),
        output_probabilities=numbers.random(shape, dtype=np.float32),
        log_totals=np.zeros(shape),
    )
    return replace(
        RESULT,
        tokens=tuple(Token(n, f"token{n}", n, n) for n in range(n_positions)),
        depth=n_blocks - 1,
        cells=cells,
        piece=lambda n: Piece(n, f"·prediction{n}"),
        probabilities=numbers.random((n_blocks + 1, 2), dtype=np.float32),
        ranks=numbers.integers(1, 999, (n_blocks + 1, 2), dtype=np.int32),
    )


def test_cells_are_coloured_by_the_probability_of_their_token() -> None:
    (heat,) = logit_lens_figure(RESULT).data
    assert_array_equal(heat.z, CELLS.probabilities)
    assert_array_equal(heat.y, [-1, 0, 1, 2])
    assert (heat.zmin, heat.zmax) == (0, 1)
    assert heat.colorscale[-1][1] == LIGHT.probabilities[-1][1]
    assert heat.colorbar.title.text == "probability"
    (dark,) = logit_lens_figure(RESULT, theme=DARK).data
    assert dark.colorscale[-1][1] == DARK.probabilities[-1][1]


def test_a_cell_selects_its_block_and_position() -> None:
    (heat,) = logit_lens_figure(RESULT).data
    assert [list(row) for row in heat.customdata] == [
        [f"{part}@{position}" for position in range(3)] for part in ("embedding", "block.0", "block.1", "output")
    ]


def test_the_selected_cell_is_marked() -> None:
    (mark,) = logit_lens_figure(RESULT).layout.shapes
    assert (mark.x0, mark.x1, mark.y0, mark.y1) == (0.5, 1.5, 0.5, 1.5)
    assert mark.line.color == LIGHT.accent2
    assert mark.to_plotly_json() == logit_lens_mark(RESULT)


def test_only_the_mark_depends_on_the_selection() -> None:
    """The page keeps the rest after a click."""
    one, other = (
        plain(logit_lens_figure(result, size=(1000, 28)))
        for result in (large(6, 9), replace(large(6, 9), depth=2, position=4, followed=(PIECES[0],), pinned=False))
    )
    assert one["layout"].pop("shapes") != other["layout"].pop("shapes")
    assert one == other


def test_a_cell_says_what_is_read_there_escaped() -> None:
    (heat,) = logit_lens_figure(RESULT).data
    assert heat.hovertemplate == "%{z:.1%} for %{hovertext}<extra></extra>"
    assert heat.hovertext[0][0].split("<br>") == [
        "<b>·a</b> after <b>The</b> (0)",
        "before block 0",
        "next in the text: <b>·&lt;b&gt;</b>, rank 1,234",
    ]
    assert heat.hovertext[2][1].split("<br>") == [
        "<b>·dog</b> after <b>·&lt;b&gt;</b> (1)",
        "after block 1",
        "next in the text: <b>·fox</b>, rank 2",
    ]
    assert heat.hovertext[3][2].split("<br>") == ["<b>·dog</b> after <b>·fox</b> (2)", "the model’s output"]


def printed(figure: go.Figure) -> list[list[str]]:
    return [list(row) for row in figure.data[0].text]


def test_cells_have_as_much_text_as_fits() -> None:
    assert printed(logit_lens_figure(RESULT))[1] == ["·extraordinar…", "·a", "·a"]
    assert printed(logit_lens_figure(RESULT, size=(120, 300)))[:2] == [
        ["·a", "·dog", "&lt;i&gt;"],
        ["·ext…", "·a", "·a"],
    ]
    assert logit_lens_figure(RESULT).data[0].texttemplate == "%{text}"


def test_low_or_narrow_cells_have_less_text() -> None:
    low = printed(logit_lens_figure(RESULT, size=(1000, 28)))
    assert [any(row) for row in low] == [False, True, False, True]
    assert not any(map(any, printed(logit_lens_figure(RESULT, size=(70, 300)))))
    assert all(map(all, printed(logit_lens_figure(large(6, 41)))))
    assert not any(map(any, printed(logit_lens_figure(large(6, 42)))))


@pytest.mark.parametrize(("n_blocks", "ticks"), [(1, []), (6, [0, 1, 2, 3, 4]), (24, [*range(0, 22, 2)]), (48, 11)])
def test_blocks_are_numbered_between_embedding_and_output(n_blocks: int, ticks: Any) -> None:
    axis = logit_lens_figure(large(n_blocks, 5)).layout.yaxis
    blocks = list(axis.tickvals)[1:-1]
    assert (len(blocks) if isinstance(ticks, int) else blocks) == ticks
    assert (axis.tickvals[0], axis.tickvals[-1]) == (-1, n_blocks - 1)
    assert list(axis.ticktext) == ["embedding", *map(str, blocks), "output"]
    assert axis.title.text == "after block"


def test_above_128_tokens_it_is_an_image_of_one_byte_a_cell() -> None:
    assert len(logit_lens_figure(large(4, 128)).data) == 1
    long = large(4, 129)
    embedding, blocks, output = logit_lens_figure(long).data
    for trace, rows, y, select in (
        (blocks, slice(1, 4), [0, 1, 2], "block.{y}@{x}"),
        (embedding, slice(0, 1), [-1], "embedding@{x}"),
        (output, slice(4, 5), [3], "output@{x}"),
    ):
        assert trace.z.dtype == np.uint8
        expected = 1 + np.round(np.sqrt(long.cells.probabilities[rows]) * 254)
        assert_array_equal(trace.z, expected)
        assert list(trace.y) == y
        assert trace.meta["select"] == select
        assert trace.meta["x"][7] == "token7 (7)"
        assert trace.customdata is trace.text is None
    assert [trace.showscale for trace in (embedding, blocks, output)] == [False, False, True]
    assert blocks.meta["words"] == "{x}, after block {y}: about {value} for the most probable token"
    assert blocks.meta["y"] == ["0", "1", "2", "3"]
    assert embedding.meta["words"].startswith("{x}, before block 0: ")


def test_with_one_block_there_is_no_row_between() -> None:
    assert [trace.meta["select"] for trace in logit_lens_figure(large(1, 130)).data] == ["embedding@{x}", "output@{x}"]
    assert [trace.showscale for trace in logit_lens_figure(large(1, 130)).data] == [False, True]


@pytest.mark.parametrize(("n_blocks", "n_positions", "most"), [(24, 128, 80_000), (48, 1024, 80_000)])
def test_it_is_small(n_blocks: int, n_positions: int, most: int) -> None:
    """Size limit of the figure, with random values, which compress worst."""
    assert gzipped(logit_lens_figure(large(n_blocks, n_positions)).to_json()) <= most


def test_tokens_are_followed_through_depth() -> None:
    for quantity, values in (("probability", RESULT.probabilities), ("rank", RESULT.ranks)):
        figure = logit_lens_depth_figure(RESULT, quantity=quantity)  # type: ignore[arg-type]
        for n, line in enumerate(figure.data):
            assert_array_equal(line.x, [-1, 0, 1, 2])
            assert_array_equal(line.y, values[:, n])
            assert line.y.dtype.itemsize == 4, "plotly.js draws no integers of 64 bits"
            assert list(line.customdata) == ["embedding", "block.0", "block.1", "output"]
        assert [line.line.color for line in figure.data] == [LIGHT.accent, LIGHT.accent2]
        assert len({line.line.dash for line in figure.data}) == 2
        assert figure.data[0].hovertext[1] == "<b>&lt;i&gt;</b> 30%, rank 1 of 5,000<br>after block 0"
        (mark,) = figure.layout.shapes
        assert (mark.x0, mark.x1) == (0.5, 1.5)
        assert quantity.capitalize() in figure.layout.title.text
        assert "‘·&lt;b&gt;’ (position 1)" in figure.layout.title.text


def test_a_line_is_labelled_where_it_is_best() -> None:
    first, second = logit_lens_depth_figure(RESULT, quantity="probability").data
    assert list(first.text) == ["", "<b>&lt;i&gt;</b>", "", ""]
    assert list(second.text) == ["", "", "", "<b>·dog</b>"]
    assert (first.textposition, second.textposition) == ("top center", "top left")
    assert list(logit_lens_depth_figure(RESULT, quantity="rank").data[1].text) == ["", "", "<b>·dog</b>", ""]


def test_labels_keep_apart() -> None:
    equal = replace(RESULT, probabilities=RESULT.probabilities[:, [0, 0]])
    first, second = logit_lens_depth_figure(equal, quantity="probability").data
    assert list(first.text) == ["", "<b>&lt;i&gt;</b>", "", ""]
    assert list(second.text) == ["", "", "<b>·dog</b>", ""]
    deep = large(24, 5)
    lines = logit_lens_depth_figure(replace(deep, ranks=deep.ranks[:, [0, 0]]), quantity="rank").data
    one, other = (next(depth for depth, text in enumerate(line.text) if text) for line in lines)
    assert abs(one - other) >= 4
    three = {"followed": tuple(map(PIECES.get, range(3))), "probabilities": np.zeros((2, 3), np.float32)}
    shallow = replace(large(1, 5), ranks=np.ones((2, 3), np.int32), **three)
    lines = logit_lens_depth_figure(shallow, quantity="probability").data
    assert [sum(map(bool, line.text)) for line in lines] == [1, 1, 1]


def test_rank_one_is_at_the_top_of_a_log_axis() -> None:
    axis = logit_lens_depth_figure(RESULT, quantity="rank").layout.yaxis
    low, high = axis.range
    assert axis.type == "log"
    assert low > np.log10(5000) > 0 > high
    probability = logit_lens_depth_figure(RESULT, quantity="probability").layout.yaxis
    assert probability.range[0] < 0
    assert 0.9 < probability.range[1] < 1.2


def test_probabilities_of_zero_are_drawn() -> None:
    nothing = replace(RESULT, probabilities=np.zeros((4, 2), np.float32))
    low, high = logit_lens_depth_figure(nothing, quantity="probability").layout.yaxis.range
    assert low < 0 < high


def test_the_reading_names_depth_and_output() -> None:
    output = "the model predicts ‘·dog’ (95%), the most probable token from block 1 on."
    assert logit_lens_reading(replace(RESULT, depth=1)) == (
        f"After block 0, the lens reads ‘·a’ (50%) as the token after ‘·<b>’; {output}"
    )
    assert logit_lens_reading(replace(RESULT, depth=0)).startswith(
        "Before block 0, the lens reads ‘·dog’ (20%) as the token after ‘·<b>’;"
    )
    assert logit_lens_reading(replace(RESULT, depth=3)) == f"After ‘·<b>’, {output}"


@pytest.mark.parametrize(
    ("top", "words"),
    [
        ([1, 1, 1, 1], "the most probable token at every depth."),
        ([0, 1, 0, 1], "the most probable token only after the last block."),
        ([1, 0, 1, 1], "the most probable token from block 1 on."),
    ],
)
def test_the_reading_tells_since_when(top: list[int], words: str) -> None:
    cells = replace(CELLS, top=np.repeat(np.int32(top)[:, None], 3, axis=1))
    assert logit_lens_reading(replace(RESULT, cells=cells)).endswith(words)


def test_the_reading_between_attention_and_mlp() -> None:
    between = replace(RESULT, attention=1, between=(PIECES[2], 0.123))
    assert logit_lens_reading(between).endswith(
        ". Between the attention and the MLP of block 1, the lens reads ‘<i>’ (12%)."
    )
    assert logit_lens_reading(replace(RESULT, attention=1)).endswith(
        "In this model, a block’s attention and MLP read the same stream, so nothing is between them."
    )
