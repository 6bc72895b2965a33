"""Where the tokens lie: the residual stream of each position, projected to two or three dimensions."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from analysis.errors import SelectionError
from analysis.selection import Part, Selection
from analysis.task import Derived, Keep, compute_now, derive_now
from analysis.tokens import Token
from analysis.trace import Float, Trace

Method = Literal["pca", "tsne"]
Dimensions = Literal["2", "3"]
Scale = Literal["equal", "raw"]

FEWEST_FOR_TSNE = 4


@dataclass(frozen=True, eq=False)
class EmbeddingResult:
    """Projected positions at one place of the network.

    tokens: those of the text. after: number of blocks that the stream has passed; 0 is what enters block 0.
    method: the one used; PCA where t-SNE was `asked` with fewer than 4 tokens. points: (n_positions, dimensions).
    With PCA, paths: (n_blocks + 1, n_positions, dimensions), the same space at every place; explained: (dimensions,),
    share of the variance over all places and positions, 0 to 1. With t-SNE both are None, and perplexity is set.
    nearest: the other position with the largest cosine similarity to `position` in the full space, without projection;
    similarity: that one, -1 to 1. d_model: width of that space. nearest is None for a text of one token.
    """

    tokens: tuple[Token, ...]
    after: int
    n_blocks: int
    d_model: int
    position: int
    asked: Method
    method: Method
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
    method: Method = "pca",
    dimensions: Dimensions = "2",
    scale: Scale = "equal",
    derived: Derived = derive_now,
    keep: Keep = compute_now,
) -> EmbeddingResult | None:
    """The tokens after the selected block; at the embedding before block 0, at norm and output after the last block.

    With the scale `equal` each vector is divided by its L2 norm first: otherwise the first token's huge vector and the
    growth through the blocks are all that is seen. derived: has the PCA's arrays computed or gets them by name; keep:
    the same for t-SNE's, which are slow; where it has none, there is no result.
    PCA is fitted once over all places and positions; t-SNE (van der Maaten & Hinton 2008) at the place alone, seeded.
    Raises: SelectionError for a choice that does not exist.
    """
    for value, choices in ((method, Method), (dimensions, Dimensions), (scale, Scale)):
        if value not in get_args(choices):
            raise SelectionError(f"There is no choice '{value}' here. Choose one of: {', '.join(get_args(choices))}.")
    n_blocks, width = trace.info.n_blocks, int(dimensions)
    after = blocks_passed(selection, n_blocks)
    nearest, similarity = _nearest(trace.residual(after), position)
    used: Method = method if trace.n_positions >= FEWEST_FOR_TSNE else "pca"
    paths = explained = perplexity = None
    if used == "pca":
        kept = derived(f"embedding pca {scale}", lambda: _pca(trace, scale))
        paths, explained = kept["paths"][..., :width], kept["explained"][:width]
        points = paths[after]
    else:
        perplexity = _perplexity(trace.n_positions)
        tsne = keep(
            f"embedding tsne {scale} {after} {dimensions}",
            lambda _report: {"points": _tsne(_scaled(trace.residual(after), scale), width)},
        )
        if tsne is None:
            return None
        points = tsne["points"]
    return EmbeddingResult(
        tokens=trace.tokens,
        after=after,
        n_blocks=n_blocks,
        d_model=trace.info.d_model,
        position=position,
        asked=method,
        method=used,
        scale=scale,
        points=points,
        paths=paths,
        explained=explained,
        perplexity=perplexity,
        nearest=nearest,
        similarity=similarity,
    )


def blocks_passed(selection: Selection, n_blocks: int) -> int:
    """How many blocks the stream has passed at the selected part."""
    if selection.part in (Part.NORM, Part.OUTPUT):
        return n_blocks
    return 0 if selection.block is None else selection.block + 1


def tsne_work(n_positions: int, dimensions: Dimensions) -> float:
    """How much work t-SNE is, in a unit of its own for two and for three dimensions; as it was measured."""
    return 20.0 + n_positions if dimensions == "2" else 1000.0 + n_positions**2


def _scaled(vectors: Float, scale: Scale) -> Float:
    if scale == "raw":
        return vectors
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Float = vectors / np.maximum(norms, np.finfo(np.float32).tiny)
    return unit


def _pca(trace: Trace, scale: Scale) -> dict[str, NDArray[Any]]:
    """The first three components of all places together: paths (n_blocks + 1, n_positions, 3), explained (3,)."""
    streams = np.stack([_scaled(trace.residual(i), scale) for i in range(trace.info.n_blocks + 1)])
    vectors = streams.reshape(-1, streams.shape[-1])
    vectors = vectors - vectors.mean(axis=0)
    # Not scikit-learn's, which does the same: it would take 40 MB of every web process.
    variances, directions = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
    n_components = min(3, *vectors.shape)
    first = np.argsort(variances)[::-1][:n_components]
    paths = np.zeros((len(vectors), 3), dtype=np.float32)
    paths[:, :n_components] = vectors @ directions[:, first]
    # An axis has no direction of its own: the largest coordinate is made positive, so that it is the same each time.
    ends = paths[np.abs(paths).argmax(axis=0), range(3)]
    paths *= np.where(ends < 0, -1, 1)
    explained = np.zeros(3, dtype=np.float32)
    explained[:n_components] = variances[first] / max(variances.sum(), np.finfo(np.float64).tiny)
    return {"paths": paths.reshape(*streams.shape[:2], 3), "explained": explained}


def _perplexity(n_positions: int) -> float:
    """As usual 30, but less than a third of the points: it must be smaller than their number."""
    return min(30.0, (n_positions - 1) / 3)


def _tsne(vectors: Float, width: int) -> Float:
    from sklearn.manifold import TSNE  # only jobs need it
    from threadpoolctl import threadpool_limits

    tsne = TSNE(
        n_components=width,
        perplexity=_perplexity(len(vectors)),
        init="pca" if np.ptp(vectors, axis=0).any() else "random",  # equal tokens have no principal component
        random_state=0,
    )
    with threadpool_limits(1):
        points: Float = tsne.fit_transform(vectors).astype(np.float32)
    return points


def _nearest(vectors: Float, position: int) -> tuple[int | None, float]:
    if len(vectors) < 2:
        return None, 0.0
    unit = _scaled(vectors, "equal")
    similarities = unit @ unit[position]
    similarities[position] = -np.inf
    nearest = int(similarities.argmax())
    return nearest, float(similarities[nearest])
