"""Figure of the predictions of A and B side by side, and its reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.drawing import Drawing
from layouts.figures.text import ALL_EQUAL, number, percent, quoted
from layouts.theme import LIGHT, MONOSPACE, Theme, axis, base_layout

if TYPE_CHECKING:
    from analysis.comparison.summary import PredictionDifference
    from analysis.prediction import PredictionResult

_MAX_CHARACTERS = 14  # of a token on the axis


def summary_difference_figure(result: PredictionDifference, *, theme: Theme = LIGHT) -> go.Figure:
    """Two bars a token, of A and of B, and their difference in points of a percent; a click makes it the target."""
    rows = list(range(len(result.pieces)))
    bars = [
        _bars(result, side, name, color, theme)
        for side, (name, color) in enumerate((("A", theme.accent), ("B", theme.accent2)))
    ]
    title = {
        "text": f"Probabilities {_where(result)} · A − B at the right",
        **{"x": 0, "xref": "container", "y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 2}},
        "font": {"size": 12, "color": theme.quiet},
    }
    return Drawing(
        data=[*bars, _differences(result, theme)],
        layout=base_layout(
            theme,
            title=title,
            barmode="group",
            bargap=0.25,
            bargroupgap=0,
            margin={"l": 8, "r": 8, "t": 22, "b": 0},
            # The page draws as many rows, of two bars each, as have room, and a shorter title if this one has none.
            meta={"rows": len(rows), "lines": 2, "short": "Probabilities · A − B at the right"},
            uirevision="compared",
            xaxis=axis(theme, range=[0, 1.6], visible=False, automargin=False),
            yaxis=axis(
                theme,
                tickmode="array",
                tickvals=rows,
                ticktext=[piece.short(_MAX_CHARACTERS) for piece in result.pieces],
                tickfont={"family": MONOSPACE, "size": 13, "color": theme.text},
                range=[len(rows) - 0.5, -0.5],
                showgrid=False,
                zeroline=False,
            ),
        ),
    )


def summary_difference_reading(result: PredictionDifference) -> str:
    """One sentence: the predictions of A and B, the divergence, and the token that differs most."""
    if not result.divergence and not result.differences.any():
        return ALL_EQUAL
    most = int(np.abs(result.differences).argmax())
    one, other = result.probabilities[:, most].tolist()
    sentence = f"A predicts {_first(result.a)}, B {_first(result.b)}; KL(A‖B) is {number(result.divergence)} bits."
    return (
        f"{sentence} The largest difference is that of {quoted(result.pieces[most].label)}: {percent(one)} in A, "
        f"{percent(other)} in B ({points(one - other)})."
    )


def points(difference: float) -> str:
    """A difference of two probabilities in percentage points, with its sign."""
    if difference == 0:
        return "0"
    if abs(difference) < 0.0005:
        return f"{'+' if difference > 0 else '−'}<0.1 points"
    return f"{100 * difference:+.1f} points".replace("-", "−")


def _bars(result: PredictionDifference, side: int, name: str, color: str, theme: Theme) -> dict[str, Any]:
    shares = result.probabilities[side]
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "x": shares.astype(np.float32),
        "y": list(range(len(shares))),
        "text": [f"{name} {percent(share)}" for share in shares.tolist()],
        "textposition": "outside",
        "textfont": {"size": 11, "color": theme.text},
        "constraintext": "none",  # or it would be as small as the bars are thin
        "cliponaxis": False,
        "marker": {"color": color},
        "customdata": [f"~{piece.id}" for piece in result.pieces],
        "hovertext": [
            f"<b>{piece.markup}</b> (token id {piece.id})<br>A {one:.2%}, B {other:.2%}<br>A − B {points(one - other)}"
            for piece, one, other in zip(result.pieces, *result.probabilities.tolist(), strict=True)
        ],
        "hoverinfo": "text",
    }


def _differences(result: PredictionDifference, theme: Theme) -> dict[str, Any]:
    """The column of differences, each blue if the probability is larger in A, orange if it is larger in B."""
    colors = {1: theme.accent, -1: theme.accent2, 0: theme.quiet}
    return {
        "type": "scatter",
        "mode": "text",
        "x": [1.6] * len(result.pieces),
        "y": list(range(len(result.pieces))),
        "text": [points(difference) for difference in result.differences.tolist()],
        "textposition": "middle left",
        "textfont": {"size": 12, "color": [colors[int(np.sign(one))] for one in result.differences]},
        "hoverinfo": "skip",
    }


def _first(result: PredictionResult) -> str:
    piece, probability = result.top[0]
    return f"{quoted(piece.label)} ({percent(probability)})"


def _where(result: PredictionDifference) -> str:
    if not result.a.lens:
        return "of the models’ outputs"
    return "before block 0 (logit lens)" if result.a.block is None else f"after block {result.a.block} (logit lens)"
