"""Tables of the 3D scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layouts.figures.tables.table import Table, piece_columns, tidy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.architecture import ArchitectureResult
    from analysis.tokens import Piece

_QUANTITIES = {
    "attribution": "direct attribution in logits",
    "effect": "effect of removing it in logits",
    "norm": "L2 norm of what it writes",
    "entropy": "entropy of its attention in bits",
    "first": "share of attention on the first token",
    "induction": "induction score",
    "previous": "previous-token score",
    "duplicate": "duplicate-token score",
    "copying": "copying score",
    "own": "own number",
}
_MISSING = {"effect": "; nan where it is not computed", "own": "; nan where there is none"}


def architecture_tables(
    architecture: ArchitectureResult, *, predictions: Sequence[tuple[Piece, float]] = (), tokens: Sequence[Piece] = ()
) -> list[Table]:
    """The numbers of heads, of MLP tiles and of the residual stream, and the predictions at the output.

    tokens: those that are written at the embedding; they have no numbers.
    """
    tables = part_tables(architecture)
    if predictions:
        pieces, probabilities = zip(*predictions, strict=True)
        tables.append(
            Table(
                "predictions",
                "The most probable next tokens, with their probabilities, 0 to 1.",
                piece_columns(pieces) | {"probability": np.array(probabilities)},
            )
        )
    return tables


def part_tables(parts: ArchitectureResult) -> list[Table]:
    """The numbers of heads, of MLP tiles and of the residual stream. Kinds of parts have no numbers of their own."""
    compared = parts.residual_differences is not None
    minus = ", A minus B" if compared else ""
    quantity = "" if parts.color_by == "kind" else f"{_QUANTITIES[parts.color_by]}{minus}"
    missing = _MISSING.get(parts.color_by, "")
    tables = []
    if parts.heads is not None:
        caption = f"{quantity[0].upper()}{quantity[1:]} of each head{missing}."
        tables.append(Table("heads", caption, tidy(("block", "head"), {quantity: parts.heads})))
    if parts.tiles is not None:
        rows = tidy(("block", "tile"), {"strongest neuron": parts.strongest, quantity: parts.tiles})
        first = rows["tile"] * parts.info.tile_width
        last = np.minimum(first + parts.info.tile_width, parts.info.n_neurons) - 1
        whole = " (the same for all tiles of an MLP, which is removed as a whole)" if parts.color_by == "effect" else ""
        tables.append(
            Table(
                "MLP tiles",
                f"{quantity[0].upper()}{quantity[1:]} of each tile of neighbouring MLP neurons{whole}{missing}.",
                {"block": rows["block"], "first neuron": first, "last neuron": last, **dict(list(rows.items())[2:])},
            )
        )
    stream = parts.residual_differences if compared else parts.residual_norms
    if stream is not None:
        tables.append(
            Table(
                "residual stream",
                f"L2 norm of the residual stream at the position{minus}, as it enters block 0 and after each block.",
                tidy(("blocks passed",), {f"L2 norm{minus}": stream}),
            )
        )
    return tables
