"""Values of all parts of the network at one position, for the 3D scene."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from analysis.attention import attention_entropy
from analysis.attribution import AttributionResult
from analysis.causes.sweep import SweepResult
from analysis.errors import SelectionError, check_choice
from analysis.model_info import ModelInfo
from analysis.numerics.own_numbers import OwnNumbers
from analysis.selection import Selection
from analysis.trace import Float, Trace

ProbeScore = Literal["induction", "previous", "duplicate", "copying"]
ColorBy = Literal["attribution", "effect", "norm", "entropy", "first", ProbeScore, "own", "kind"]


class Counterparts(NamedTuple):
    """How many of A's blocks have heads and tiles with counterparts in B, and how many depths of its residual stream.

    They are the first ones. Where they have no number, it is not finite in A or in B.
    """

    heads: int
    tiles: int
    depths: int


NO_COUNTERPARTS = Counterparts(0, 0, 0)


@dataclass(frozen=True, eq=False)
class ArchitectureResult:
    """One number for each head and each MLP tile.

    Attributes
    ----------
    info : ModelInfo
        Sizes of the model.
    selection : Selection
        The selected part.
    color_by : "attribution", "effect", "norm", "entropy", "first", a head score, "own" or "kind"
        The quantity. "attribution": the part's signed share of the explained logit, in logits. "effect": the logit
        without the head, or without the tile's whole MLP, minus the logit with it; where it is not computed yet, its
        estimate. "norm": L2 norm of what the part adds to the residual stream, 0 or more. "entropy": entropy of the
        head's attention from the position, in bits. "first": share of that attention on position 0, from 0 to 1.
        "induction", "previous", "duplicate", "copying": that score of the head on the standard probe
        (`analysis.causes.head_scores`), which depends on no text. "own": a person's own numbers. "kind": no numbers.
    heads : float32 array (n_blocks, n_heads) or None
        The quantity for each head, NaN if it is not finite or not given; None for "kind".
    tiles : float32 array (n_blocks, n_tiles) or None
        The quantity for each MLP tile; None unless it is "attribution", "effect" or "norm", or "own" for neurons.
    strongest : int64 array (n_blocks, n_tiles)
        In each tile, the neuron with the largest absolute value at the position, or the one whose own number is shown.
    residual_norms : float32 array (n_blocks + 1,) or None
        L2 norm of the residual stream at the position, indexed as `Trace.residual`; None if the model's weights are not
        in memory.
    attribution : AttributionResult or None
        What is explained, for "attribution".
    sweep : SweepResult or None
        The removals, for "effect".
    own : OwnNumbers or None
        Whose numbers they are, and how many are given, for "own".
    residual_differences : float32 array (n_blocks + 1,) or None
        For A minus B, A's norms of the residual stream minus B's; `heads` and `tiles` are then differences, too, and
        NaN in all three stands for what B does not have, or what is not finite. None for the values of one text.
    counterparts : Counterparts
        For A minus B, what B has.
    """

    info: ModelInfo
    selection: Selection
    color_by: ColorBy
    heads: Float | None
    tiles: Float | None
    strongest: NDArray[np.int64]
    residual_norms: Float | None
    attribution: AttributionResult | None = None
    sweep: SweepResult | None = None
    own: OwnNumbers | None = None
    residual_differences: Float | None = None
    counterparts: Counterparts = NO_COUNTERPARTS


def compute_architecture(
    trace: Trace,
    selection: Selection,
    position: int,
    *,
    color_by: ColorBy = "norm",
    attribution: AttributionResult | None = None,
    sweep: SweepResult | None = None,
    scores: Float | None = None,
    own: OwnNumbers | None = None,
) -> ArchitectureResult:
    """One number for every head and MLP tile at a position.

    attribution, sweep: at this position, for "attribution" and for "effect". scores: (n_blocks, n_heads), for a head
    score. own: for "own".
    Raises: SelectionError for a colouring that does not exist, and for one of these without its numbers.
    """
    check_choice(color_by, ColorBy, "the colouring")
    blocks = range(trace.info.n_blocks)
    heads = tiles = None
    if color_by == "attribution":
        if attribution is None:
            raise SelectionError("The colouring “attribution” needs the attribution of a logit. Compute it first.")
        heads, tiles = attribution.heads.astype(np.float32), attribution.tiles.astype(np.float32)
    elif color_by == "effect":
        if sweep is None:
            raise SelectionError("The colouring “effect” needs a sweep of removals. Compute it first.")
        heads, tiles = sweep.shown[:, :-1], np.repeat(sweep.shown[:, -1:], trace.info.n_tiles, axis=1)
    elif color_by in get_args(ProbeScore):
        if scores is None:
            raise SelectionError(f"The colouring “{color_by}” needs the scores of all heads. Compute them first.")
        heads = scores
    elif color_by == "own":
        if own is None:
            raise SelectionError("The colouring “own” needs numbers of your own, which only the page reads.")
        heads, tiles = own.heads, own.tiles
    elif color_by == "norm":
        heads = np.stack([trace.head_norms(block)[position] for block in blocks])
        tiles = np.stack([trace.tile_norms(block)[position] for block in blocks])
    elif color_by in ("entropy", "first"):
        rows = np.stack([trace.attention(block, at=np.s_[:, position]) for block in blocks])
        heads = attention_entropy(rows) if color_by == "entropy" else rows[..., 0]
    strongest = _strongest(np.stack([trace.neurons(block, at=position) for block in blocks]), trace.info)
    if color_by == "own" and own and own.neurons is not None:
        strongest = np.where(own.neurons < 0, strongest, own.neurons)
    return ArchitectureResult(
        info=trace.info,
        selection=selection,
        color_by=color_by,
        heads=_finite(heads),
        tiles=_finite(tiles),
        strongest=strongest,
        residual_norms=_finite(
            np.linalg.norm([trace.residual(depth)[position] for depth in range(trace.info.n_blocks + 1)], axis=1)
        ),
        attribution=attribution if color_by == "attribution" else None,
        sweep=sweep if color_by == "effect" else None,
        own=own if color_by == "own" else None,
    )


def architecture_without_values(info: ModelInfo, selection: Selection) -> ArchitectureResult:
    """The parts of a network whose weights are not in memory, by kind; the first neuron represents a tile."""
    starts = np.arange(info.n_tiles, dtype=np.int64) * info.tile_width
    return ArchitectureResult(
        info=info,
        selection=selection,
        color_by="kind",
        heads=None,
        tiles=None,
        strongest=np.tile(starts, (info.n_blocks, 1)),
        residual_norms=None,
    )


def _finite(values: Float | None) -> Float | None:
    """The values with NaN for each that is infinite."""
    return None if values is None else np.where(np.isfinite(values), values, np.float32(np.nan))


def _strongest(neurons: Float, info: ModelInfo) -> NDArray[np.int64]:
    padded = np.full((info.n_blocks, info.n_tiles * info.tile_width), -1, dtype=np.float32)
    padded[:, : info.n_neurons] = np.where(np.isfinite(neurons), np.abs(neurons), -1)
    starts = np.arange(info.n_tiles) * info.tile_width
    strongest: NDArray[np.int64] = starts + padded.reshape(info.n_blocks, info.n_tiles, -1).argmax(axis=2)
    return strongest
