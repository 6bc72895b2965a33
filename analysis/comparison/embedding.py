"""Token embeddings of two texts in one space: both residual streams, projected together."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.comparison.pair import Comparison
from analysis.embedding import (
    FEWEST_FOR_TSNE,
    Dimensions,
    EmbeddingResult,
    Projection,
    Scale,
    all_streams,
    blocks_passed,
    embedding_result,
    fit_pca,
    fit_tsne,
    scaled,
    tsne_perplexity,
    tsne_work,
)
from analysis.errors import check_choice
from analysis.selection import Selection
from analysis.task import Arrays, Derived, Progress, Task, derive_now
from analysis.trace import Float

_PCA_VERSION, _TSNE_VERSION = 1, 1  # raised when the computation changes


@dataclass(frozen=True, eq=False)
class EmbeddingDifference:
    """The projected residual streams of A and of B.

    Attributes
    ----------
    a, b : EmbeddingResult
        The points of each, in the same axes. The position of `b` means nothing if that of `a` has no counterpart.
    aligned : int64, (n_positions of A,)
        For each position of A, that of B which stands for it; -1 where there is none.
    distances : float32, (n_positions of A,)
        L2 distance of each scaled vector of A to that of its counterpart, in all d_model dimensions, 0 or more; NaN
        where there is none, and where a vector is not finite.
    """

    a: EmbeddingResult
    b: EmbeddingResult
    aligned: NDArray[np.int64]
    distances: Float


def compute_embedding_difference(
    comparison: Comparison,
    selection: Selection,
    position: int,
    *,
    method: Projection = "pca",
    dimensions: Dimensions = "2",
    scale: Scale = "equal",
    derived: Derived = derive_now,
) -> EmbeddingDifference:
    """The residual streams of A and B after the selected block, projected at once by one PCA or t-SNE of both.

    PCA is fitted to all blocks and positions of both, t-SNE to the selected block of both. After the last block, each
    model's own last one counts. The arrays of PCA come from `derived`, that of A.
    Raises: SelectionError for a choice that does not exist, for models of different widths, and if B has no such block.
    """
    choices: dict[str, Any] = {"method": method, "dimensions": dimensions, "scale": scale}
    task = plan_embedding_difference(comparison, selection, position, **choices)
    if task is not None:
        result: EmbeddingDifference = task.run_now()
        return result

    def compute() -> Arrays:
        paths, explained = fit_pca(*(all_streams(trace, scale) for trace in (comparison.a, comparison.b)))
        return {"paths": paths[0], "others": paths[1], "explained": explained}

    arrays = derived(f"embedding pca {scale} with {comparison.digest}", compute, version=_PCA_VERSION)
    width = int(dimensions)
    return _together(
        comparison,
        selection,
        position,
        (None, None),
        (arrays["paths"][..., :width], arrays["others"][..., :width]),
        asked=method,
        method="pca",
        scale=scale,
        explained=arrays["explained"][:width],
    )


def plan_embedding_difference(
    comparison: Comparison,
    selection: Selection,
    position: int,
    *,
    method: Projection = "pca",
    dimensions: Dimensions = "2",
    scale: Scale = "equal",
) -> Task | None:
    """The computation as a task, whose result is an EmbeddingDifference; None if nothing is slow.

    Raises: SelectionError as `compute_embedding_difference` does.
    """
    check_choice(method, Projection, "the projection")
    check_choice(dimensions, Dimensions, "the number of dimensions")
    check_choice(scale, Scale, "the vectors’ scale")
    comparison.check_same("d_model", "Embeddings")
    comparison.check_block(selection.block or 0)
    n_here, n_there = comparison.a.n_positions, comparison.b.n_positions
    if method == "pca" or n_here + n_there < FEWEST_FOR_TSNE:
        return None
    vectors = np.concatenate(_selected(comparison, selection))
    if not np.isfinite(vectors).all():
        return None

    def compute(_report: Progress) -> Arrays:
        return {"points": fit_tsne(scaled(vectors, scale), int(dimensions))}

    def result(arrays: Arrays) -> EmbeddingDifference:
        points = arrays["points"][:n_here], arrays["points"][n_here:]
        return _together(
            comparison, selection, position, points, (None, None), asked=method, method="tsne", scale=scale,
            perplexity=tsne_perplexity(n_here + n_there),
        )  # fmt: skip

    after = blocks_passed(selection, comparison.a.info.n_blocks)
    return Task(
        comparison.a,
        name=f"embedding tsne {scale} {selection.part} {after} {dimensions} with {comparison.digest}",
        version=_TSNE_VERSION,
        kind=f"tsne {dimensions}",
        work=tsne_work(n_here + n_there, dimensions),
        compute=compute,
        result=result,
    )


def _selected(comparison: Comparison, selection: Selection) -> tuple[Float, Float]:
    """The residual streams of A and B after the selected block."""
    one, other = (
        trace.residual(blocks_passed(selection, trace.info.n_blocks)) for trace in (comparison.a, comparison.b)
    )
    return one, other


def _together(
    comparison: Comparison,
    selection: Selection,
    position: int,
    points: tuple[Float | None, Float | None],
    paths: tuple[Float | None, Float | None],
    *,
    scale: Scale,
    **shared: Any,
) -> EmbeddingDifference:
    """points: None for those of the paths."""
    both = []
    positions = (position, max(int(comparison.aligned[position]), 0))
    for trace, place, own, path in zip((comparison.a, comparison.b), positions, points, paths, strict=True):
        at = own if path is None else path[blocks_passed(selection, trace.info.n_blocks)]
        assert at is not None
        both.append(embedding_result(trace, selection, place, scale=scale, points=at, paths=path, **shared))
    one, other = (scaled(vectors, scale) for vectors in _selected(comparison, selection))
    distances: Float = np.linalg.norm(one - comparison.on_a(other, 0), axis=1)
    return EmbeddingDifference(
        both[0], both[1], comparison.aligned, np.where(np.isfinite(distances), distances, np.float32(np.nan))
    )
