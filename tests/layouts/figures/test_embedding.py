"""Figures of tokens as points, from hand-made results."""

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from analysis.embedding import EmbeddingResult
from analysis.tokens import Token
from layouts.figures.embedding import embedding_figure, embedding_reading
from layouts.theme import DARK


def made(labels: list[str], points: Any, *, position: int = 0, **more: Any) -> EmbeddingResult:
    points = np.array(points, dtype=np.float32)
    paths = np.stack([points * 0, points, points + 1])
    given = EmbeddingResult(
        tokens=tuple(Token(n, label, n, n) for n, label in enumerate(labels)),
        after=1,
        n_blocks=2,
        d_model=256,
        position=position,
        asked="pca",
        method="pca",
        scale="equal",
        points=points,
        paths=paths,
        explained=np.array([0.31, 0.22, 0.1], dtype=np.float32)[: points.shape[1]],
        perplexity=None,
        nearest=1,
        similarity=0.834,
    )
    return replace(given, **more)


SQUARE = made(["·a", "<b>", "·c", "·d"], [[0, 0], [4, 0], [0, 2], [4, 2]], position=2)
TSNE = replace(SQUARE, asked="tsne", method="tsne", paths=None, explained=None, perplexity=1.0)


def test_points_carry_their_positions() -> None:
    points, path, strong = embedding_figure(SQUARE).data
    np.testing.assert_array_equal(points.x, [0, 4, 0, 4])
    assert points.customdata == ("@0", "@1", "@2", "@3")
    np.testing.assert_array_equal(points.marker.color, [0, 1, 2, 3])
    assert points.hovertext[1] == "<b>&lt;b&gt;</b> (position 1)"
    assert (strong.customdata, strong.text, strong.x[0], strong.y[0]) == (("@2",), ("<b>·c</b>",), 0, 2)
    assert set(path.customdata) == {"@2"}


def test_path_of_the_selected_token() -> None:
    path = embedding_figure(SQUARE).data[1]
    np.testing.assert_array_equal(path.x, [0, 0, 1, np.nan])
    np.testing.assert_array_equal(path.y, [0, 2, 3, np.nan])
    assert path.hovertext[:3] == ("<b>·c</b> before block 0", "<b>·c</b> after block 0", "<b>·c</b> after block 1")
    assert path.marker.symbol == ("circle-open", "circle", "circle", "circle")


def test_all_paths_are_one_trace_with_gaps() -> None:
    ways, points, path, _ = embedding_figure(SQUARE, paths="all").data
    np.testing.assert_array_equal(ways.x, [0, 0, 1, np.nan, 0, 4, 5, np.nan, 0, 0, 1, np.nan, 0, 4, 5, np.nan])
    assert ways.customdata[::4] == points.customdata
    assert ways.opacity < path.opacity


def test_of_many_tokens_some_paths_are_drawn() -> None:
    many = made(["a"] * 300, np.arange(600).reshape(300, 2))
    ways, points, *_ = embedding_figure(many, paths="all").data
    assert [*dict.fromkeys(ways.customdata)] == [f"@{n}" for n in range(0, 300, 3)]
    np.testing.assert_array_equal(ways.x[4:8], [0, 6, 7, np.nan])
    assert len(points.x) == 300


def test_no_paths() -> None:
    assert len(embedding_figure(SQUARE, paths="none").data) == 2
    assert len(embedding_figure(TSNE, paths="all").data) == 2


def test_the_axes_are_the_same_for_every_selection() -> None:
    assert embedding_figure(SQUARE, paths="none").layout.xaxis.range == pytest.approx((-0.32, 4.32))
    for paths in ("selected", "all"):
        for position in range(4):
            figure = embedding_figure(replace(SQUARE, position=position), paths=paths)  # type: ignore[arg-type]
            assert figure.layout.xaxis.range == pytest.approx((-0.4, 5.4))
            assert figure.layout.yaxis.range == pytest.approx((-0.24, 3.24))


def test_axes_name_their_explained_variance() -> None:
    layout = embedding_figure(SQUARE).layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == (
        "principal component 1 (31% of variance)",
        "principal component 2 (22% of variance)",
    )
    layout = embedding_figure(TSNE).layout
    assert not layout.xaxis.title.text
    assert not layout.xaxis.showticklabels


def test_three_dimensions_keep_the_camera() -> None:
    figure = embedding_figure(made(["a", "b"], [[0, 0, 0], [1, 2, 3]]), theme=DARK)
    assert {trace.type for trace in figure.data} == {"scatter3d"}
    assert figure.layout.scene.zaxis.title.text == "principal component 3 (10% of variance)"
    assert figure.layout.uirevision == "kept"
    np.testing.assert_array_equal(figure.data[0].z, [0, 3])


def test_one_token_and_equal_points_are_drawn() -> None:
    assert len(embedding_figure(made(["a"], [[1, 1]]), paths="none").data[0].x) == 1
    low, high = embedding_figure(made(["a", "b"], [[1, 1], [1, 1]]), paths="none").layout.xaxis.range
    assert low < 1 < high


def boxes(figure: go.Figure, width: float, height: float) -> list[tuple[float, float, float]]:
    """Where labels are written: centre and half width, in pixels, on a plot of this size."""
    (left, right), (low, high) = figure.layout.xaxis.range, figure.layout.yaxis.range
    found = []
    for trace in figure.data:
        for x, y, text, side in zip(trace.x, trace.y, trace.text or [], trace.textposition or [], strict=False):
            if text:
                half = len(text.replace("<b>", "").replace("</b>", "")) * 6.7 / 2
                shift = {"top center": 0, "top right": half, "top left": -half}[side]
                found.append(((x - left) / (right - left) * width + shift, (y - low) / (high - low) * height, half))
    return found


def test_labels_of_many_tokens_do_not_overlap() -> None:
    places = np.random.default_rng(0).normal(size=(120, 2))
    figure = embedding_figure(made([f"·word{n}" for n in range(120)], places, position=60), paths="none")
    shown = boxes(figure, 360, 410)
    assert 8 < len(shown) < 60
    assert "<b>·word60</b>" in figure.data[-1].text
    for n, (x, y, half) in enumerate(shown):
        for other_x, other_y, other_half in shown[:n]:
            assert abs(x - other_x) >= half + other_half or abs(y - other_y) >= 12


def test_a_larger_plot_has_more_labels() -> None:
    places = np.random.default_rng(0).normal(size=(120, 2))
    many = made([f"·word{n}" for n in range(120)], places)
    small, large = (embedding_figure(many, paths="none", **area) for area in ({}, {"label_area": (700, 430)}))
    assert len(boxes(large, 820, 505)) > 1.5 * len(boxes(small, 300, 340))
    for n, (x, y, half) in enumerate(boxes(large, 820, 505)):
        for other_x, other_y, other_half in boxes(large, 820, 505)[:n]:
            assert abs(x - other_x) >= half + other_half or abs(y - other_y) >= 12


def test_few_tokens_are_all_labelled() -> None:
    figure = embedding_figure(SQUARE, paths="none")
    assert figure.data[0].text == ("·a", "&lt;b&gt;", "", "·d")


def test_long_labels_are_cut() -> None:
    figure = embedding_figure(made(["a", "·extraordinarily"], [[0, 0], [1, 1]]))
    assert figure.data[0].text[1] == "·extraordinar…"
    assert "·extraordinarily" in figure.data[0].hovertext[1]


def test_reading_names_the_neighbour_and_the_variance() -> None:
    assert embedding_reading(SQUARE) == (
        "Closest to ‘·c’ is ‘<b>’ at position 1 (cosine similarity 0.83 in all 256 dimensions); "
        "the plot shows 53% of the variance over all blocks."
    )
    assert embedding_reading(TSNE).endswith(
        "t-SNE (perplexity 1) keeps neighbours together, but its axes have no meaning."
    )
    few = "t-SNE needs at least 4 tokens with finite vectors, so this is PCA"
    assert few in embedding_reading(replace(SQUARE, asked="tsne"))
    lost = embedding_reading(replace(SQUARE, nearest=None))
    assert lost.startswith("The vector of ‘·c’ is not finite here, so it is not drawn; the plot shows 53%")
    assert embedding_reading(replace(SQUARE, nearest=None, position=0, tokens=SQUARE.tokens[:1])).startswith(
        "The text has only one token; the plot shows 53%"
    )
