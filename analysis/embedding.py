"""Token embeddings through the network: the residual stream of each position, projected to two or three dimensions."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.errors import check_choice
from analysis.selection import Part, Selection
from analysis.task import Arrays, Derived, Progress, Task, derive_now
from analysis.tokens import Token
from analysis.trace import Float, Trace

_PCA_VERSION, _TSNE_VERSION = 2, 1  # raised when the computation changes

Projection = Literal["pca", "tsne"]
Dimensions = Literal["2", "3"]
Scale = Literal["equal", "raw"]

FEWEST_FOR_TSNE = 4  # tokens


@dataclass(frozen=True, eq=False)
class EmbeddingResult:
    """The projected residual stream of every position after some number of blocks.

    Attributes
    ----------
    tokens : tuple of n_positions tokens
        The text.
    after : int
        The number of blocks that the stream has passed, 0 to n_blocks; 0 is the input of block 0.
    n_blocks, d_model : int
        The model's number of blocks, and the width of its residual stream.
    position : int
        The selected position, from 0.
    asked, method : "pca" or "tsne"
        The method that was asked for, and the one that was used: PCA for texts of fewer than 4 tokens, and where a
        vector is not finite.
    scale : "equal" or "raw"
        Whether each vector is divided by its L2 norm before the projection.
    points : float32, (n_positions, dimensions)
        The projected vectors, NaN where they are not finite. With PCA in the unit of the scaled stream; t-SNE's
        distances have no unit.
    paths : float32, (n_blocks + 1, n_positions, dimensions), or None
        With PCA, the points after every number of blocks, in the same axes; None with t-SNE.
    explained : float32, (dimensions,), or None
        With PCA, each axis's share of the variance over all blocks and positions, 0 to 1; None with t-SNE.
    perplexity : float or None
        With t-SNE, about how many neighbours each point keeps, above 0 and at most 30; None with PCA.
    nearest : int or None
        The other position with the largest cosine similarity to the selected one, in all d_model dimensions; None for
        a text of one token, and where vectors are not finite.
    similarity : float
        That cosine similarity, -1 to 1; 0 for a text of one token.
    """

    tokens: tuple[Token, ...]
    after: int
    n_blocks: int
    d_model: int
    position: int
    asked: Projection
    method: Projection
    scale: Scale
    points: Float
    paths: Float | None
    explained: Float | None
    perplexity: float | None
    nearest: int | None
    similarity: float


def compute_embedding(
    trace: Trace,
    selection: Selection,
    position: int,
    *,
    method: Projection = "pca",
    dimensions: Dimensions = "2",
    scale: Scale = "equal",
    derived: Derived = derive_now,
) -> EmbeddingResult:
    """The residual stream after the selected block, projected at once: before block 0 with the embedding selected,
    after the last block with the final norm or the output.

    PCA is fitted once to all blocks and positions together, so that its axes are the same everywhere; its arrays come
    from `derived`. t-SNE is fitted to the selected block alone, with a fixed seed. With the scale "equal" each vector
    is divided by its L2 norm first: otherwise the picture shows little but the first token's huge vector and the growth
    of all vectors through the blocks.

    Raises: SelectionError for a choice that does not exist.
    Source: van der Maaten and Hinton 2008, "Visualizing data using t-SNE".
    """
    task = plan_embedding(trace, selection, position, method=method, dimensions=dimensions, scale=scale)
    result: EmbeddingResult
    if task is not None:
        result = task.run_now()
        return result
    width = int(dimensions)
    arrays = derived(f"embedding pca {scale}", lambda: _pca(trace, scale), version=_PCA_VERSION)
    paths = arrays["paths"][..., :width]
    return embedding_result(
        trace,
        selection,
        position,
        asked=method,
        method="pca",
        scale=scale,
        points=paths[blocks_passed(selection, trace.info.n_blocks)],
        paths=paths,
        explained=arrays["explained"][:width],
    )


def plan_embedding(
    trace: Trace,
    selection: Selection,
    position: int,
    *,
    method: Projection = "pca",
    dimensions: Dimensions = "2",
    scale: Scale = "equal",
) -> Task | None:
    """The computation of `compute_embedding` as a task, whose result is an EmbeddingResult; None if nothing is slow.

    Raises: SelectionError as `compute_embedding` does.
    """
    check_choice(method, Projection, "the projection")
    check_choice(dimensions, Dimensions, "the number of dimensions")
    check_choice(scale, Scale, "the vectors’ scale")
    if method == "pca" or trace.n_positions < FEWEST_FOR_TSNE:
        return None
    after = blocks_passed(selection, trace.info.n_blocks)
    if not np.isfinite(trace.residual(after)).all():
        return None

    def compute(_report: Progress) -> Arrays:
        return {"points": fit_tsne(scaled(trace.residual(after), scale), int(dimensions))}

    def result(arrays: Arrays) -> EmbeddingResult:
        return embedding_result(
            trace, selection, position, asked=method, method="tsne", scale=scale, points=arrays["points"],
            perplexity=tsne_perplexity(trace.n_positions),
        )  # fmt: skip

    return Task(
        trace,
        name=f"embedding tsne {scale} {after} {dimensions}",
        version=_TSNE_VERSION,
        kind=f"tsne {dimensions}",
        work=tsne_work(trace.n_positions, dimensions),
        compute=compute,
        result=result,
    )


def blocks_passed(selection: Selection, n_blocks: int) -> int:
    """The number of blocks that the stream has passed at the selected part."""
    if selection.part in (Part.NORM, Part.OUTPUT):
        return n_blocks
    return 0 if selection.block is None else selection.block + 1


def tsne_work(n_positions: int, dimensions: Dimensions) -> float:
    """The expected work of t-SNE, fitted to measurements; the unit is not the same for two and three dimensions."""
    return 20.0 + n_positions if dimensions == "2" else 1000.0 + n_positions**2


def embedding_result(
    trace: Trace,
    selection: Selection,
    position: int,
    *,
    asked: Projection,
    method: Projection,
    scale: Scale,
    points: Float,
    paths: Float | None = None,
    explained: Float | None = None,
    perplexity: float | None = None,
) -> EmbeddingResult:
    """The result of points that are there already."""
    after = blocks_passed(selection, trace.info.n_blocks)
    nearest, similarity = _nearest(trace.residual(after), position)
    return EmbeddingResult(
        tokens=trace.tokens,
        after=after,
        n_blocks=trace.info.n_blocks,
        d_model=trace.info.d_model,
        position=position,
        asked=asked,
        method=method,
        scale=scale,
        points=points,
        paths=paths,
        explained=explained,
        perplexity=perplexity,
        nearest=nearest,
        similarity=similarity,
    )


def scaled(vectors: Float, scale: Scale) -> Float:
    """The vectors, each divided by its L2 norm with the scale "equal"."""
    if scale == "raw":
        return vectors
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Float = vectors / np.maximum(norms, np.finfo(np.float32).tiny)
    return unit


def _pca(trace: Trace, scale: Scale) -> Arrays:
    """The first three components of all blocks and positions: paths (n_blocks + 1, n_positions, 3), explained (3,)."""
    (paths,), explained = fit_pca(all_streams(trace, scale))
    return {"paths": paths, "explained": explained}


def all_streams(trace: Trace, scale: Scale) -> Float:
    """The scaled residual stream at every depth, (n_blocks + 1, n_positions, d_model)."""
    return np.stack([scaled(trace.residual(i), scale) for i in range(trace.info.n_blocks + 1)])


def fit_pca(*groups: Float) -> tuple[list[Float], Float]:
    """One PCA of several groups of vectors, (..., d_model) each: the first three components of each group, (..., 3),
    NaN where vectors are not finite; and these axes' shares of the variance, (3,).
    """
    flat = [group.reshape(-1, group.shape[-1]) for group in groups]
    finite: list[NDArray[np.bool_]] = [np.asarray(np.isfinite(vectors).all(axis=1)) for vectors in flat]
    found = [vectors[usable] for vectors, usable in zip(flat, finite, strict=True)]
    every = np.concatenate(found)
    mean = every.mean(axis=0) if len(every) else np.zeros(every.shape[1], dtype=np.float32)
    vectors = every - mean if len(every) else np.zeros((1, every.shape[1]), dtype=np.float32)
    # The same as scikit-learn's PCA, which would take 40 MB of every web process.
    variances, directions = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
    n_components = min(3, *vectors.shape)
    first = np.argsort(variances)[::-1][:n_components]
    paths = [np.zeros((len(group), 3), dtype=np.float32) for group in found]
    for path, group in zip(paths, found, strict=True):  # each by itself: equal groups have exactly equal points
        path[:, :n_components] = (group - mean) @ directions[:, first]
    # The sign of an axis is arbitrary: the largest coordinate is made positive, so that it is the same each time.
    whole = np.concatenate(paths)
    if len(whole):
        ends = whole[np.abs(whole).argmax(axis=0), range(3)]
        paths = [path * np.where(ends < 0, -1, 1).astype(np.float32) for path in paths]
    explained = np.zeros(3, dtype=np.float32)
    explained[:n_components] = variances[first] / max(variances.sum(), np.finfo(np.float64).tiny)
    placed = [np.full((len(usable), 3), np.nan, dtype=np.float32) for usable in finite]
    for points, usable, path in zip(placed, finite, paths, strict=True):
        points[usable] = path
    return [points.reshape(*group.shape[:-1], 3) for points, group in zip(placed, groups, strict=True)], explained


def tsne_perplexity(n_positions: int) -> float:
    """The perplexity: 30, but at most a third of the other points: it must be smaller than the number of points."""
    return min(30.0, (n_positions - 1) / 3)


def fit_tsne(vectors: Float, width: int) -> Float:
    """t-SNE with a fixed seed: (n_vectors, width)."""
    from sklearn.manifold import TSNE  # only jobs need scikit-learn
    from threadpoolctl import threadpool_limits

    tsne = TSNE(
        n_components=width,
        perplexity=tsne_perplexity(len(vectors)),
        init="pca" if np.ptp(vectors, axis=0).any() else "random",  # equal vectors have no principal component
        random_state=0,
    )
    with threadpool_limits(1):
        points: Float = tsne.fit_transform(vectors).astype(np.float32)
    return points


def _nearest(vectors: Float, position: int) -> tuple[int | None, float]:
    if len(vectors) < 2:
        return None, 0.0
    unit = scaled(vectors, "equal")
    similarities = unit @ unit[position]
    known = np.isfinite(similarities)
    known[position] = False
    if not known.any():
        return None, 0.0
    nearest = int(np.where(known, similarities, -np.inf).argmax())
    return nearest, float(similarities[nearest])
