"""Head scores: their names and numbers in words, and all heads as a table, in text and in a notebook's HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from math import isnan
from typing import TYPE_CHECKING

import numpy as np

from layouts.figures.text import counted, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from analysis.causes.head_scores import AnyScore

SCORE_NAMES = {
    "previous": "previous token",
    "duplicate": "duplicate token",
    "induction": "induction",
    "first": "first token",
    "self": "itself",
    "entropy": "entropy",
    "copying": "copying",
}
SCORE_MEANINGS = {
    "previous": "Mean attention to the token just before.",
    "duplicate": "Mean attention to earlier occurrences of the same token.",
    "induction": "Mean attention to the tokens that followed earlier occurrences of the same token.",
    "first": "Mean attention to the first token of the text.",
    "self": "Mean attention of a token to itself.",
    "entropy": "How widely the head’s attention is spread, on average over the text.",
    "copying": (
        "From the weights alone: +1 if the head raises the logits of the tokens that it attends to, −1 if it lowers "
        "them (eigenvalues of its OV circuit)."
    ),
}
PROBE_SCORES = ("induction", "previous", "duplicate", "copying")  # that the scene and the overview are coloured by
_MOST_ROWS = 20
_HIGH = 0.4  # of a score from 0 to 1


def score_words(name: str, score: float) -> str:
    """A score with its unit; a dash if it is not a number, as in texts without a repeated token."""
    if isnan(score):
        return "–"
    if name == "entropy":
        return f"{score:.2f} bits"
    return signed(score) if name == "copying" else percent(score)


def signed(number: float) -> str:
    """A number with two decimals and its sign."""
    return f"{number:+.2f}".replace("-", "−")


def ranked(scores: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Block and head of every head, the highest score first, and last those that have none.

    scores: (n_blocks, n_heads).
    """
    order = (-scores.ravel()).argsort(kind="stable").tolist()
    return [divmod(place, scores.shape[1]) for place in order]


def probe_reading(name: str, scores: NDArray[np.float32]) -> str:
    """One sentence on the scores of all heads on the probe, (n_blocks, n_heads): the highest, and how many are high;
    of the copying score, the lowest.
    """
    finite = np.isfinite(scores)
    if not finite.any():
        return "There are no scores: the model is too large for them, or its weights are not finite."
    (block, head), what = ranked(scores)[0], SCORE_NAMES[name]
    most = f"block {block} head {head} has the highest {what} score ({score_words(name, float(scores[block, head]))})"
    if name == "copying":
        low, lowest = np.unravel_index(int(np.nanargmin(scores)), scores.shape)
        return (
            f"By the weights alone, {most}, and block {low} head {lowest} the lowest "
            f"({score_words(name, float(scores[low, lowest]))})."
        )
    n_high = int((scores[finite] >= _HIGH).sum())
    have = "has" if n_high == 1 else "have"
    heads = counted(scores.size, "head")
    return f"On random tokens, repeated once, {most}; {n_high} of {heads} {have} {_HIGH:.0%} or more."


@dataclass(frozen=True, eq=False)
class HeadScoreTable:
    """The scores of all heads; printed or shown in a notebook, the 20 highest as a table.

    Attributes
    ----------
    title : str
        The model, and the text that the scores are from.
    scores : dict of float32 arrays, (n_blocks, n_heads)
        All scores by name; see `analysis.causes.head_scores` and `analysis.causes.copying`.
    sort : str
        The name of the score that orders the table.
    """

    title: str
    scores: Mapping[AnyScore, NDArray[np.float32]]
    sort: AnyScore

    def __str__(self) -> str:
        table = self._rows()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        head, *rows = ("  ".join(f"{c:>{w}}" for c, w in zip(row, widths, strict=True)) for row in table)
        return "\n".join([self.title, "-" * len(head), head, "-" * len(head), *rows])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rows = self._rows()
        body = "".join(_html_row("td", row) for row in rows)
        return (
            f"<table><caption>{escape(self.title)}</caption><thead>{_html_row('th', head)}</thead>"
            f"<tbody>{body}</tbody></table>"
        )

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            ("block", "head", *(SCORE_NAMES[name] for name in self.scores)),
            *(
                (
                    str(block),
                    str(head),
                    *(score_words(n, float(table[block, head])) for n, table in self.scores.items()),
                )
                for block, head in ranked(self.scores[self.sort])[:_MOST_ROWS]
            ),
        ]


def _html_row(tag: str, row: tuple[str, ...]) -> str:
    cells = (f'<{tag} style="text-align: right">{escape(cell)}</{tag}>' for cell in row)
    return f"<tr>{''.join(cells)}</tr>"
