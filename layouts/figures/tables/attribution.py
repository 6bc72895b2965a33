"""Tables of the direct attribution panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layouts.figures.attribution_parts import columns, outside_blocks
from layouts.figures.tables.table import Table, tidy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.attribution import AttributionResult


def attribution_tables(attribution: AttributionResult) -> list[Table]:
    """The shares of all parts, of MLP tiles, and of the neurons of a selected MLP, in logits."""
    minus = ", A minus B" if hasattr(attribution, "b") else ""
    share = f"share in logits{minus}"
    rows = tidy(("block", "tile"), {share: attribution.tiles})
    first = rows["tile"] * attribution.info.tile_width
    tables = [
        Table(
            "parts",
            f"The share of each part in the explained logit{minus}, in logits; together they are the logit.",
            _parts(attribution, share),
        ),
        Table(
            "MLP tiles",
            f"The share of each tile of neighbouring MLP neurons{minus}, in logits.",
            {
                "block": rows["block"],
                "first neuron": first,
                "last neuron": np.minimum(first + attribution.info.tile_width, attribution.info.n_neurons) - 1,
                share: rows[share],
            },
        ),
    ]
    if attribution.neurons is not None:
        block = attribution.selection.block
        neurons = tidy(("neuron",), {share: attribution.neurons})
        caption = f"The share of each neuron of block {block}{minus}, in logits."
        tables.append(Table("neurons", caption, {"block": np.full(len(attribution.neurons), block), **neurons}))
    return tables


def _parts(attribution: AttributionResult, share: str) -> dict[str, NDArray[Any]]:
    """A part outside the blocks has no block, and only a head has the number of one."""
    outside = outside_blocks(attribution)
    heads = tidy(("block", "head"), {share: attribution.heads})
    others = columns(attribution)
    n_heads, n_blocks = attribution.heads.size, len(attribution.heads)
    n_others = n_blocks * len(others)
    blocks = np.tile(np.arange(n_blocks), len(others))
    return {
        "part": np.array(
            [
                *(part.name for part in outside),
                *(n_heads * ["head"]),
                *(name for _, name, _, _ in others for _ in range(n_blocks)),
            ]
        ),
        "block": np.concatenate([np.full(len(outside), ""), heads["block"].astype(str), blocks.astype(str)]),
        "head": np.concatenate([np.full(len(outside), ""), heads["head"].astype(str), np.full(n_others, "")]),
        share: np.concatenate([[part.share for part in outside], heads[share], *(shares for *_, shares in others)]),
    }
