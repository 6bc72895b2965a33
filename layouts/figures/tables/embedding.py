"""Tables of the embeddings panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layouts.figures.tables.table import Table, tidy, token_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.comparison.embedding import EmbeddingDifference
    from analysis.embedding import EmbeddingResult

_METHODS = {"pca": "PCA", "tsne": "t-SNE"}


def embedding_tables(
    embedding: EmbeddingResult | None = None, *, difference: EmbeddingDifference | None = None
) -> list[Table]:
    """The projected points, with PCA also each token's path through depth, and the variance along each axis."""
    if embedding is not None:
        return _tables(embedding, [_points(embedding)], [_paths(embedding)])
    if difference is None:
        return []
    sides = {"A": difference.a, "B": difference.b}
    points, paths = ([_labelled(side, one, make) for side, one in sides.items()] for make in (_points, _paths))
    distances = token_columns(difference.a.tokens) | {
        "position in B": difference.aligned,
        "distance to B": difference.distances,
    }
    caption = "L2 distance of each vector of A to its counterpart in B, in all dimensions; nan without one."
    return [*_tables(difference.a, points, paths), Table("distances", caption, distances)]


def _tables(
    one: EmbeddingResult, points: list[dict[str, NDArray[Any]]], paths: list[dict[str, NDArray[Any]]]
) -> list[Table]:
    tables = [
        Table("points", f"The residual stream after {one.after} blocks, by {_METHODS[one.method]}.", _joined(points))
    ]
    if one.paths is not None:
        caption = "The same points as they enter block 0 and after each block, in the same axes."
        tables.append(Table("paths", caption, _joined(paths)))
    if one.explained is not None:
        columns = {"axis": np.array(list("xyz"[: len(one.explained)])), "share of variance": one.explained}
        tables.append(Table("axes", "The share of the variance along each axis, 0 to 1.", columns))
    return tables


def _labelled(side: str, result: EmbeddingResult, make: Any) -> dict[str, NDArray[Any]]:
    columns = make(result)
    return columns and {"text": np.full(len(columns["x"]), side), **columns}


def _points(result: EmbeddingResult) -> dict[str, NDArray[Any]]:
    return token_columns(result.tokens) | dict(zip("xyz", result.points.T, strict=False))


def _paths(result: EmbeddingResult) -> dict[str, NDArray[Any]]:
    if result.paths is None:
        return {}
    axes = dict(zip("xyz", np.moveaxis(result.paths, 2, 0), strict=False))
    rows = tidy(("blocks passed", "position"), axes)
    return {"blocks passed": rows["blocks passed"], **token_columns(result.tokens, rows["position"]), **rows}


def _joined(parts: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
