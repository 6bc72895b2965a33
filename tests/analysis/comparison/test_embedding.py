"""Token embeddings of two texts in one space."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA

from analysis.comparison.embedding import compute_embedding_difference, plan_embedding_difference
from analysis.comparison.pair import Comparison
from analysis.embedding import compute_embedding
from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.trace import Trace
from tests.analysis.comparison.pairs import ONE, OTHER, by_transformers, compared, matched, swapped, without_head
from tests.tiny import make_tiny

BLOCK = Selection.parse("block.1.mlp")


def stacked(trace: Trace, scale: str) -> np.ndarray:
    vectors = np.concatenate([trace.residual(i) for i in range(trace.info.n_blocks + 1)]).astype(np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if scale == "equal" else vectors


@pytest.mark.parametrize("scale", ["equal", "raw"])
@pytest.mark.parametrize("dimensions", ["2", "3"])
def test_pca_is_that_of_both_stacked(tiny_gpt2: LanguageModel, scale: Any, dimensions: Any):
    comparison = compared(tiny_gpt2)
    result = compute_embedding_difference(comparison, BLOCK, 3, dimensions=dimensions, scale=scale)
    width = int(dimensions)
    groups = [stacked(trace, scale) for trace in (comparison.a, comparison.b)]
    pca = PCA(width, svd_solver="full").fit(np.concatenate(groups))
    assert_allclose(result.a.explained, pca.explained_variance_ratio_, rtol=1e-4)
    for one, vectors, trace in zip((result.a, result.b), groups, (comparison.a, comparison.b), strict=True):
        expected = pca.transform(vectors).reshape(4, trace.n_positions, width)
        signs = np.sign((expected * one.paths).sum(axis=(0, 1)))
        assert_allclose(one.paths, expected * signs, atol=1e-4 * np.abs(expected).max())
        assert_array_equal(one.points, one.paths[2])
        assert one.tokens == trace.tokens
    assert result.a.method == result.b.method == "pca"


def test_equal_texts_are_in_the_same_places(tiny_gpt2: LanguageModel):
    result = compute_embedding_difference(compared(tiny_gpt2, ONE, ONE), BLOCK, 3)
    assert_array_equal(result.distances, 0)
    assert_array_equal(result.a.points, result.b.points)
    alone = compute_embedding(compared(tiny_gpt2).a, BLOCK, 3)
    assert_allclose(np.abs(result.a.points), np.abs(alone.points), atol=1e-4)


@pytest.mark.parametrize("scale", ["equal", "raw"])
def test_distances_are_those_of_transformers_and_the_same_both_ways(tiny_gpt2: LanguageModel, scale: Any):
    comparison = compared(tiny_gpt2)
    here, there = matched(comparison)
    result = compute_embedding_difference(comparison, BLOCK, int(here[-1]), scale=scale)
    vectors = [by_transformers(tiny_gpt2, text).hidden_states[2][0].numpy() for text in (ONE, OTHER)]
    if scale == "equal":
        vectors = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in vectors]
    expected = np.linalg.norm(vectors[0][here] - vectors[1][there], axis=1)
    assert_allclose(result.distances[here], expected, atol=1e-4)
    assert expected.max() > 0.1
    assert np.isnan(result.distances[comparison.aligned < 0]).all()
    back = compute_embedding_difference(swapped(comparison), BLOCK, int(there[-1]), scale=scale)
    assert_array_equal(back.distances[there], result.distances[here])
    assert_allclose(np.abs(back.a.points), np.abs(result.b.points), atol=1e-4 * np.abs(result.b.points).max())
    assert (result.a.position, result.b.position) == (here[-1], there[-1])


def test_a_head_that_writes_nothing_moves_tokens_after_its_block(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2, ONE, ONE, without_head(tiny_gpt2, 1, 3))
    moved = [
        compute_embedding_difference(comparison, Selection.parse(part), 5).distances.any()
        for part in ("embedding", "block.0.mlp", "block.1.mlp", "output")
    ]
    assert moved == [False, False, True, True]


def test_tsne_is_a_task_of_both(tiny_gpt2: LanguageModel):
    comparison = compared(tiny_gpt2)
    task = plan_embedding_difference(comparison, BLOCK, 3, method="tsne")
    assert task is not None
    result = compute_embedding_difference(comparison, BLOCK, 3, method="tsne")
    n = comparison.a.n_positions, comparison.b.n_positions
    assert (result.a.points.shape, result.b.points.shape) == ((n[0], 2), (n[1], 2))
    assert np.isfinite(result.a.points).all()
    assert result.a.paths is result.a.explained is None
    assert result.b.perplexity == result.a.perplexity == min(30, (sum(n) - 1) / 3)
    assert task.work > 20 + max(n)
    names = {
        plan_embedding_difference(other, selection, 3, method="tsne").name
        for other in (comparison, compared(tiny_gpt2, ONE, f"{ONE}."))
        for selection in (BLOCK, Selection.parse("norm"))
    }
    assert len(names) == 4
    assert plan_embedding_difference(comparison, BLOCK, 3) is None


def test_the_last_blocks_are_compared_at_the_output(tiny_gpt2: LanguageModel):
    other = make_tiny("gpt2", num_hidden_layers=2)
    comparison = compared(tiny_gpt2, ONE, ONE, other)
    result = compute_embedding_difference(comparison, Selection.parse("output"), 5)
    assert (result.a.after, result.b.after) == (3, 2)
    assert (len(result.a.paths), len(result.b.paths)) == (4, 3)
    with pytest.raises(SelectionError, match="B has no block 2"):
        compute_embedding_difference(comparison, Selection.parse("block.2.mlp"), 5)


def test_what_cannot_be_compared_is_said(tiny_gpt2: LanguageModel):
    wider = compared(tiny_gpt2, other=make_tiny("gpt2", hidden_size=48))
    with pytest.raises(SelectionError, match="Embeddings cannot be compared: the width"):
        compute_embedding_difference(wider, BLOCK, 5)
    with pytest.raises(SelectionError, match="projection"):
        compute_embedding_difference(compared(tiny_gpt2), BLOCK, 5, method="umap")  # type: ignore[arg-type]


def test_fits_are_kept_under_what_b_is(tiny_gpt2: LanguageModel):
    names = []

    def derived(name, compute, *, version):
        names.append(name)
        return compute()

    comparisons: list[Comparison] = [compared(tiny_gpt2, ONE, b) for b in (ONE, ONE, OTHER)]
    for comparison in comparisons:
        compute_embedding_difference(comparison, BLOCK, 3, derived=derived)
    assert names[0] == names[1] != names[2]
