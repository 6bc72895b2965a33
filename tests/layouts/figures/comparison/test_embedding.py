"""Figure of the tokens of two texts in one space, from a hand-made result."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.comparison.embedding import EmbeddingDifference
from analysis.embedding import EmbeddingResult
from analysis.tokens import Token
from layouts.figures.comparison.embedding import embedding_difference_figure, embedding_difference_reading
from layouts.theme import THEMES, Theme


def one(labels: str, position: int, shift: float) -> EmbeddingResult:
    tokens = tuple(Token(ord(label), label, n, n) for n, label in enumerate(labels))
    paths = np.arange(3 * len(tokens) * 2, dtype=np.float32).reshape(3, len(tokens), 2) ** 1.5 + np.float32(shift)
    return EmbeddingResult(
        tokens=tokens,
        after=1,
        n_blocks=2,
        d_model=256,
        position=position,
        asked="pca",
        method="pca",
        scale="equal",
        points=paths[1],
        paths=paths,
        explained=np.float32([0.4, 0.21]),
        perplexity=None,
        nearest=0,
        similarity=0.5,
    )


RESULT = EmbeddingDifference(
    a=one("abxd", 3, 0),
    b=one("aed", 2, 2),
    aligned=np.array([0, 1, -1, 2]),
    distances=np.float32([0, 0.8, np.nan, 0.42]),
)


def named(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data if trace.name}


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES.keys())
def test_both_texts_are_told_apart_and_joined(theme: Theme):
    figure = embedding_difference_figure(RESULT, theme=theme)
    traces = named(figure)
    joins, a, b = (traces[name] for name in ("from A to its counterpart in B", "A", "B"))
    assert (a.marker.symbol, b.marker.symbol) == ("circle", "diamond-open")
    assert (a.marker.color, b.marker.color) == (theme.signed[3][1], theme.signed[1][1])
    np.testing.assert_array_equal(a.x, RESULT.a.points[:, 0])
    np.testing.assert_array_equal(b.y, RESULT.b.points[:, 1])
    ends = np.asarray(joins.x).reshape(3, 3)
    np.testing.assert_array_equal(ends[:, 0], RESULT.a.points[[0, 1, 3], 0])
    np.testing.assert_array_equal(ends[:, 1], RESULT.b.points[[0, 1, 2], 0])
    assert np.isnan(ends[:, 2]).all()
    assert figure.layout.showlegend
    assert [trace.name for trace in figure.data if trace.showlegend is not False] == [*traces]


def test_a_click_selects_a_token_of_a():
    traces = named(embedding_difference_figure(RESULT))
    assert list(traces["A"].customdata) == ["@0", "@1", "@2", "@3"]
    assert list(traces["B"].customdata) == ["@0", "@1", "@3"]
    alone = named(embedding_difference_figure(replace(RESULT, aligned=np.array([0, -1, -1, 2]))))
    assert list(alone["B"].customdata) == ["@0", "", "@3"]
    assert "no counterpart in A" in alone["B"].hovertext[1]
    assert "no counterpart in B" in traces["A"].hovertext[2]
    assert "0.8 from its counterpart" in traces["A"].hovertext[1]
    assert "0.8 from its counterpart" in traces["B"].hovertext[1]


def test_tokens_of_b_that_are_as_in_a_have_no_label_of_their_own():
    figure = embedding_difference_figure(RESULT, label_area=None)
    assert list(named(figure)["B"].text) == ["", "e", ""]
    assert list(named(figure)["A"].text) == ["a", "b", "x", ""]
    assert figure.data[-1].text == ("<b>d</b>",)
    assert figure.data[-1].customdata == ("@3",)


def test_the_selected_token_and_its_counterpart_have_paths():
    figure = embedding_difference_figure(RESULT)
    lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
    assert [trace.line.color for trace in lines] == [THEMES["light"].signed[1][1], THEMES["light"].signed[3][1]]
    np.testing.assert_array_equal(np.asarray(lines[0].x)[:3], RESULT.b.paths[:, 2, 0])
    np.testing.assert_array_equal(np.asarray(lines[1].x)[:3], RESULT.a.paths[:, 3, 0])
    every = embedding_difference_figure(RESULT, paths="all")
    assert len([trace for trace in every.data if trace.mode == "lines+markers"]) == 4
    none = embedding_difference_figure(RESULT, paths="none")
    assert not [trace for trace in none.data if trace.mode == "lines+markers"]
    missing = replace(RESULT, a=replace(RESULT.a, position=2))
    assert len([trace for trace in embedding_difference_figure(missing).data if trace.mode == "lines+markers"]) == 1


def test_three_dimensions_and_tsne_are_drawn():
    def solid(result: EmbeddingResult) -> EmbeddingResult:
        paths = np.concatenate([result.paths, result.paths[..., :1]], axis=2)
        return replace(result, paths=paths, points=paths[1], explained=np.float32([0.4, 0.2, 0.1]))

    figure = embedding_difference_figure(replace(RESULT, a=solid(RESULT.a), b=solid(RESULT.b)))
    assert {trace.type for trace in figure.data} == {"scatter3d"}

    def tsne(result: EmbeddingResult) -> EmbeddingResult:
        return replace(result, asked="tsne", method="tsne", paths=None, explained=None, perplexity=2.0)

    both = replace(RESULT, a=tsne(RESULT.a), b=tsne(RESULT.b))
    assert len(embedding_difference_figure(both).data) == 5
    assert "t-SNE of both (perplexity 2) keeps neighbours" in embedding_difference_reading(both)


def test_the_sentence():
    assert embedding_difference_reading(RESULT) == (
        "‘d’ in A and its counterpart in B are 0.42 apart (distance of unit vectors in all 256 dimensions). ‘b’ at "
        "position 1 is furthest (0.8); the plot shows 61% of the variance of both over all blocks."
    )
    missing = embedding_difference_reading(replace(RESULT, a=replace(RESULT.a, position=2)))
    assert missing.startswith("B has no counterpart of ‘x’; ")
    equal = embedding_difference_reading(replace(RESULT, distances=0 * RESULT.distances))
    assert equal.startswith("A and B are equal here: every difference is 0; the plot shows")
    furthest = embedding_difference_reading(replace(RESULT, distances=np.float32([0, 0.1, np.nan, 0.42])))
    assert "No token is further from its counterpart" in furthest
    broken = embedding_difference_reading(replace(RESULT, distances=np.full(4, np.nan)))
    assert "not finite in A or in B" in broken
    short = embedding_difference_reading(replace(RESULT, a=replace(RESULT.a, asked="tsne", scale="raw")))
    assert "distance of vectors in all" in short
    assert "so this is PCA" in short
