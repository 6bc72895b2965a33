"""A continued text as a table of its tokens, in text and in a notebook's HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from layouts.figures.continuation import settings_words, written_reading
from layouts.figures.text import percent

if TYPE_CHECKING:
    from analysis.generation.continuation import ContinuationResult


@dataclass(frozen=True, eq=False)
class ContinuationTable:
    """What a model has written after a text; printed or shown in a notebook, the text and its tokens as a table.

    Attributes
    ----------
    title : str
        The model, and the text that was continued.
    text : str
        What was written.
    result : ContinuationResult
        Its tokens, with their probabilities and ranks as arrays.
    """

    title: str
    text: str
    result: ContinuationResult

    def __str__(self) -> str:
        table = self._rows()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        head, *rows = (
            "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, "><>>>", widths, strict=True))
            for row in table
        )
        rule = "-" * len(head)
        return "\n".join([self.title, self.text, rule, head, rule, *rows, rule, self._end()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rows = self._rows()
        body = "".join(_html_row("td", row) for row in rows)
        text = f'<p style="white-space: pre-wrap">{escape(self.text)}</p>'
        return (
            f"<p><b>{escape(self.title)}</b></p>{text}<table><thead>{_html_row('th', head)}</thead>"
            f"<tbody>{body}</tbody></table><p>{escape(self._end())}</p>"
        )

    def _end(self) -> str:
        return f"{written_reading(self.result)} Settings: {settings_words(self.result.sampling)}."

    def _rows(self) -> list[tuple[str, ...]]:
        first, result = len(self.result.tokens), self.result
        numbers = zip(result.written, result.probabilities, result.drawn_with, result.ranks, strict=True)
        return [
            ("position", "token", "probability", "drawn with", "rank"),
            *(
                (str(first + n), piece.label, percent(float(before)), percent(float(after)), f"{rank:,}")
                for n, (piece, before, after, rank) in enumerate(numbers)
            ),
        ]


def _html_row(tag: str, row: tuple[str, ...]) -> str:
    sides = ("right", "left", "right", "right", "right")
    cells = (f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>' for cell, side in zip(row, sides, strict=True))
    return f"<tr>{''.join(cells)}</tr>"
