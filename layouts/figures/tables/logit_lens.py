"""Tables of the logit lens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layouts.figures.tables.table import Columns, Table, piece_columns, tidy, token_columns

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from analysis.comparison.logit_lens import LensDifference
    from analysis.logit_lens import LogitLensResult
    from analysis.tokens import Piece

_AXES = ("blocks passed", "position")


def logit_lens_tables(
    logit_lens: LogitLensResult | None = None, *, difference: LensDifference | None = None
) -> list[Table]:
    """The cells of the heat map, and the tokens that are followed through depth at the selected position."""
    if difference is not None:
        axes = ("text", "blocks passed", "number")
        rows = tidy(axes, {"probability": difference.probabilities, "rank": difference.ranks})
        text = {"text": np.array(["A", "B"])[rows["text"]]}
        return [_compared(difference), _followed(difference, rows, text)]
    if logit_lens is None:
        return []
    followed = tidy(("blocks passed", "number"), {"probability": logit_lens.probabilities, "rank": logit_lens.ranks})
    return [_cells(logit_lens), _followed(logit_lens, followed, {})]


def _cells(lens: LogitLensResult) -> Table:
    cells = lens.cells
    rows = tidy(
        _AXES,
        {
            "top": cells.top,
            "probability": cells.probabilities,
            "rank of the next token": cells.next_ranks,
            "rank of the output’s token": cells.output_ranks,
            "probability of the output’s token": cells.output_probabilities,
        },
    )
    return Table(
        "logit lens",
        "The most probable next token after each position, read after so many blocks, with its probability, 0 to 1; "
        "the ranks, from 1, of the token that follows and of the one that the output predicts; id −1 and rank 0 where "
        "they are not known.",
        _placed(lens, rows) | _named(lens.piece, rows["top"], "most probable ") | dict(list(rows.items())[3:]),
    )


def _compared(lens: LensDifference) -> Table:
    cells = lens.cells
    rows = tidy(
        _AXES,
        {
            "divergence in bits": cells.divergences,
            "a": cells.tops,
            "b": cells.other_tops,
            "probability in A": cells.probabilities,
            "probability in B": cells.other_probabilities,
        },
        ~lens.missing,
    )
    return Table(
        "logit lens",
        "The Kullback-Leibler divergence of B’s prediction from A’s, in bits, and the most probable next token in "
        "each, with its probability, 0 to 1, where B has a counterpart.",
        {
            **_placed(lens, rows),
            "divergence in bits": rows["divergence in bits"],
            **_named(lens.piece, rows["a"], "most probable in A "),
            "probability in A": rows["probability in A"],
            **_named(lens.piece, rows["b"], "most probable in B "),
            "probability in B": rows["probability in B"],
        },
    )


def _placed(lens: LogitLensResult | LensDifference, rows: Columns) -> dict[str, NDArray[Any]]:
    return {"blocks passed": rows["blocks passed"], **token_columns(lens.tokens, rows["position"])}


def _followed(lens: LogitLensResult | LensDifference, rows: Columns, text: Columns) -> Table:
    tokens = {name: column[rows["number"]] for name, column in piece_columns(lens.followed).items()}
    return Table(
        "followed tokens",
        f"The followed tokens at position {lens.position}, at every depth: probability, 0 to 1, and rank, from 1; nan "
        "and 0 where they are not known.",
        {
            **text,
            "blocks passed": rows["blocks passed"],
            **tokens,
            "probability": rows["probability"],
            "rank": rows["rank"],
        },
    )


def _named(piece: Callable[[int], Piece], ids: NDArray[Any], prefix: str) -> dict[str, NDArray[Any]]:
    """Ids and labels of tokens; no label for -1."""
    known, places = np.unique(ids, return_inverse=True)
    labels = piece_columns([piece(int(max(one, 0))) for one in known])["token"]
    return {f"{prefix}token id": ids, f"{prefix}token": np.where(known < 0, "", labels)[places]}
