"""Tables of the selection card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layouts.figures.summary import parameter_rows
from layouts.figures.tables.table import Table, piece_columns, token_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.causes.role import RoleResult
    from analysis.comparison.summary import PredictionDifference
    from analysis.prediction import PredictionResult
    from analysis.summary import SummaryResult


def summary_tables(
    summary: PredictionResult | None = None,
    *,
    difference: PredictionDifference | None = None,
    parameters: SummaryResult | None = None,
    role: RoleResult | None = None,
    probe_scores: Mapping[str, float] | None = None,
) -> list[Table]:
    """The predictions; what the selected head or neuron does; its scores; and the model's parameters."""
    tables = [] if summary is None else [_predictions(summary)]
    if difference is not None:
        tables.append(_compared(difference))
    if role is not None:
        tables += _role(role)
    if role is not None and probe_scores:
        names = list(probe_scores)
        tables.append(
            Table(
                "scores",
                "Scores of the head on this text, nan where it has none, and on the probe of repeated random tokens.",
                {
                    "score": np.array(names),
                    "on this text": np.array([role.scores.get(name, np.nan) for name in names]),  # type: ignore[call-overload]
                    "on the probe": np.array(list(probe_scores.values())),
                },
            )
        )
    if parameters is not None:
        parts, blocks, counts = zip(*parameter_rows(parameters), strict=True)
        columns = {"part": np.array(parts), "of which": np.array(blocks), "parameters": np.array(counts)}
        tables.append(Table("parameters", "The model’s parameters by part.", columns))
    return tables


def _compared(difference: PredictionDifference) -> Table:
    a, b = difference.probabilities
    return Table(
        "predictions",
        "The most probable next tokens of A and of B, with their probabilities, 0 to 1, and the difference.",
        piece_columns(difference.pieces)
        | {"probability in A": a, "probability in B": b, "A minus B": difference.differences},
    )


def _predictions(summary: PredictionResult) -> Table:
    read = "logit lens" if summary.lens else "output"
    return Table(
        "predictions",
        f"The most probable next tokens ({read}), with their probabilities, 0 to 1, and logits.",
        piece_columns([piece for piece, _ in summary.top])
        | {"probability": np.array([share for _, share in summary.top], dtype=float), "logit": summary.logits},
    )


def _role(role: RoleResult) -> list[Table]:
    changes = [*role.raised, *role.lowered]
    tables = [
        Table(
            "direct attribution",
            "The tokens whose logits the head or neuron raises and lowers most, with the change in logits.",
            piece_columns([piece for piece, _ in changes])
            | {"change in logits": np.array([change for _, change in changes], dtype=float)},
        )
    ]
    if role.keys:
        tokens = [token for token, _ in role.keys]
        positions = np.array([token.position for token in tokens])
        tables.append(
            Table(
                "attended tokens",
                "The keys that the head attends to most from the selected position, with its attention, 0 to 1.",
                token_columns(tokens)
                | {"position": positions, "attention": np.array([share for _, share in role.keys])},
            )
        )
    return tables
