"""Sentences about the numbers of all parts in A minus those in B, in the 3D scene and in the overview."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layouts.figures.attribution_parts import explained_words
from layouts.figures.head_scores import PROBE_SCORES, SCORE_NAMES
from layouts.figures.scene_values import missing_words
from layouts.figures.text import ALL_EQUAL, NOT_FINITE, counted, quoted, tile_names
from layouts.figures.text import signed as with_sign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.architecture import ArchitectureResult
    from analysis.overview import OverviewResult

_QUANTITIES = {
    "attribution": "direct attribution",
    "effect": "effect of removing it",
    "norm": "L2 norm of what it adds",
    "entropy": "attention entropy in bits",
    "first": "share of attention on the first token",
    **{name: f"{SCORE_NAMES[name]} score" for name in PROBE_SCORES},
}

NO_KINDS = "Kinds of parts have no difference. Choose another colouring to compare A and B."
NO_PARTS = "No part of A can be compared with one of B."
NO_FINITE = "No part has a finite number in both A and B."


def architecture_difference_reading(result: ArchitectureResult, token: str) -> str:
    """One sentence on the parts that differ most. token: the label of the token at the selected position."""
    if result.heads is None:
        return NO_KINDS
    kinds = [
        (values, names, kind)
        for values, names, kind in (
            (result.heads, [f"head {head}" for head in range(result.info.n_heads)], "heads"),
            (result.tiles, tile_names(result.info.n_neurons, result.info.tile_width), "MLP tiles"),
        )
        if values is not None and np.isfinite(values).any()
    ]
    words = missing_words(result)
    if not kinds:
        return NO_FINITE if words == NOT_FINITE else NO_PARTS
    rest = " Parts that are not finite in A or B are grey." if NOT_FINITE in words else ""
    if not any(np.nan_to_num(values).any() for values, _, _ in kinds):
        return ALL_EQUAL + rest
    found = [_strongest(*kind, whole_mlp=result.color_by == "effect") for kind in kinds]
    where = "The" if result.color_by in PROBE_SCORES else f"At {quoted(token)}, the"
    explained = "" if result.attribution is None else f" of the logit for {explained_words(result.attribution)}"
    quantity = f"A − B, {_QUANTITIES[result.color_by]}{explained}"
    return f"{where} largest difference of all {', and of all '.join(found)}: {quantity}.{rest}"


def overview_difference_reading(result: OverviewResult, token: str) -> str:
    """One sentence on the selected part's difference, and one on the largest."""
    parts, rest = result.parts, architecture_difference_reading(result.parts, token)
    selection, info = parts.selection, parts.info
    if result.value is None or result.rank is None or rest.startswith(ALL_EQUAL):
        return rest
    number = f"{with_sign(result.value)}, rank {result.rank:,}"
    if selection.head is not None:
        name, among = f"head {selection.head}", counted(info.n_blocks * info.n_heads, "head")
    elif parts.color_by == "effect":
        name, among = "MLP", counted(info.n_blocks, "MLP")
    else:
        assert selection.neuron is not None
        name = tile_names(info.n_neurons, info.tile_width)[selection.neuron // info.tile_width]
        among = counted(info.n_blocks * info.n_tiles, "tile")
    return f"Block {selection.block} {name}: {number} of {among} by size. {rest}"


def _strongest(values: NDArray[np.float32], names: Sequence[str], kind: str, *, whole_mlp: bool) -> str:
    block, unit = np.unravel_index(int(np.nanargmax(np.abs(values))), values.shape)
    name = names[int(unit)]
    if whole_mlp and kind != "heads":
        name, kind = "MLP", "MLPs"
    return f"{kind} is at block {block} {name} ({with_sign(float(values[block, unit]))})"
