"""Projections of the residual stream, against numpy's own decompositions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

import analysis.embedding
from analysis.embedding import compute_embedding, plan_embedding
from analysis.errors import SelectionError
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.trace import Float, Prompt, Trace
from tests.tiny import tiny_models

BLOCK = Selection.parse("block.1.mlp")
some_models = tiny_models("gpt2", "llama")  # a projection does not depend on the family


@pytest.fixture(scope="module")
def trace(tiny_model: LanguageModel) -> Trace:
    return compute_trace(tiny_model, Prompt("tiny", "The fox met a crow. The fox ate"))


def streams(trace: Trace, *, equal: bool) -> Float:
    vectors = np.stack([trace.residual(i) for i in range(trace.info.n_blocks + 1)]).astype(np.float64)
    return vectors / np.sqrt((vectors**2).sum(-1, keepdims=True)) if equal else vectors


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("dimensions", ["2", "3"])
def test_pca_is_one_decomposition_of_all_blocks(trace: Trace, equal: bool, dimensions: Any) -> None:
    result = compute_embedding(trace, BLOCK, 4, dimensions=dimensions, scale="equal" if equal else "raw")
    vectors = streams(trace, equal=equal)
    flat = vectors.reshape(-1, vectors.shape[-1])
    centred = flat - flat.mean(axis=0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    width = int(dimensions)
    expected = (centred @ axes[:width].T).reshape(*vectors.shape[:2], width)
    assert result.paths is not None
    assert result.explained is not None
    signs = np.sign((expected * result.paths).sum(axis=(0, 1)))
    np.testing.assert_allclose(result.paths, expected * signs, atol=2e-4 * np.abs(expected).max())
    np.testing.assert_allclose(result.explained, (singular**2 / (singular**2).sum())[:width], rtol=1e-3)
    np.testing.assert_array_equal(result.points, result.paths[2])


AFTER = {"embedding": 0, "block.0.attention.head.1": 1, "block.2.mlp": 3, "norm": 3, "output": 3}


@pytest.mark.parametrize(("text", "after"), AFTER.items())
@pytest.mark.parametrize("scale", ["equal", "raw"])
def test_the_blocks_follow_the_selection(trace: Trace, text: str, after: int, scale: Any) -> None:
    keys: list[tuple[str, int]] = []

    def derived(name: str, compute: Callable[[], dict[str, Any]], *, version: int) -> dict[str, Any]:
        keys.append((name, version))
        return compute()

    selection = Selection.parse(text)
    result = compute_embedding(trace, selection, 2, scale=scale, derived=derived)
    assert result.after == after
    assert keys == [(f"embedding pca {scale}", analysis.embedding._PCA_VERSION)]
    assert result.paths is not None
    np.testing.assert_array_equal(result.points, result.paths[after])
    task = plan_embedding(trace, selection, 2, method="tsne", scale=scale)
    assert task is not None
    assert (task.name, task.version) == (f"embedding tsne {scale} {after} 2", analysis.embedding._TSNE_VERSION)


@pytest.mark.long
@pytest.mark.parametrize(("text", "after"), AFTER.items())
@pytest.mark.parametrize("scale", ["equal", "raw"])
def test_tsne_follows_the_selection(trace: Trace, text: str, after: int, scale: Any) -> None:
    task = plan_embedding(trace, Selection.parse(text), 2, method="tsne", scale=scale)
    assert task is not None
    assert task.run_now().after == after


def test_only_tsne_is_slow(trace: Trace, tiny_gpt2: LanguageModel) -> None:
    short = compute_trace(tiny_gpt2, Prompt("tiny", "Z" * 3))
    assert plan_embedding(trace, BLOCK, 0) is None
    assert plan_embedding(short, BLOCK, 0, method="tsne") is None
    with pytest.raises(SelectionError, match="Choose"):
        plan_embedding(trace, BLOCK, 0, scale="log")  # type: ignore[arg-type]


def test_nearest_is_found_in_the_full_space(trace: Trace) -> None:
    result = compute_embedding(trace, BLOCK, 4)
    stream = trace.residual(2).astype(np.float64)
    cosines = [
        -2 if n == 4 else stream[n] @ stream[4] / np.linalg.norm(stream[n]) / np.linalg.norm(stream[4])
        for n in range(len(stream))
    ]
    assert result.nearest == int(np.argmax(cosines))
    assert result.similarity == pytest.approx(max(cosines), abs=1e-5)


@pytest.mark.long
def test_same_every_time(trace: Trace) -> None:
    for choices in ({}, {"method": "tsne"}, {"method": "tsne", "dimensions": "3"}):
        first, second = (compute_embedding(trace, BLOCK, 0, **choices) for _ in range(2))  # type: ignore[arg-type]
        np.testing.assert_array_equal(first.points, second.points)


def test_tsne_keeps_neighbours(trace: Trace) -> None:
    result = compute_embedding(trace, BLOCK, 0, method="tsne", scale="raw")
    assert result.paths is None
    assert result.explained is None
    assert result.perplexity == pytest.approx(min(30, (trace.n_positions - 1) / 3))
    assert result.points.shape == (trace.n_positions, 2)
    kept = trustworthiness(trace.residual(2), result.points, n_neighbors=3)
    shuffled = trustworthiness(trace.residual(2), np.roll(result.points, 7, axis=0), n_neighbors=3)
    assert kept > shuffled + 0.1


@pytest.mark.parametrize("n_tokens", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dimensions", ["2", "3"])
def test_short_texts(tiny_gpt2: LanguageModel, n_tokens: int, dimensions: Any) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "Z" * n_tokens))
    assert trace.n_positions == n_tokens
    result = compute_embedding(trace, BLOCK, 0, method="tsne", dimensions=dimensions)
    assert result.method == ("pca" if n_tokens < 4 else "tsne")
    assert result.points.shape == (n_tokens, int(dimensions))
    assert np.isfinite(result.points).all()
    assert (result.nearest is None) == (n_tokens == 1)


def test_equal_vectors_have_a_tsne_too(tiny_model: LanguageModel) -> None:
    trace = compute_trace(tiny_model, Prompt("tiny", "Z" * 6))
    result = compute_embedding(trace, Selection.parse("embedding"), 3, method="tsne")
    assert np.isfinite(result.points).all()
    again = compute_embedding(trace, Selection.parse("embedding"), 3, method="tsne")
    np.testing.assert_array_equal(result.points, again.points)


def test_a_large_vector_common_to_all_costs_no_digits(tiny_gpt2: LanguageModel) -> None:
    rng = np.random.default_rng(0)
    places = rng.normal(size=(4, 9, 32)) * np.geomspace(8, 0.1, 32)
    tokens = compute_trace(tiny_gpt2, Prompt("tiny", "Z" * 9)).tokens

    def shifted(by: float) -> Trace:
        return Trace(
            Prompt("tiny", "Z"), tokens, tiny_gpt2.info, lambda name: (places[int(name[9:])] + by).astype(np.float32)
        )

    far, near = (compute_embedding(shifted(by), BLOCK, 0, scale="raw", dimensions="3") for by in (5000, 0))
    np.testing.assert_allclose(far.points, near.points, atol=0.05)


def test_a_choice_that_does_not_exist_is_refused(trace: Trace) -> None:
    for wrong in ({"method": "umap"}, {"dimensions": "4"}, {"scale": "log"}):
        with pytest.raises(SelectionError, match="Choose"):
            compute_embedding(trace, BLOCK, 0, **wrong)  # type: ignore[arg-type]
