"""A model's sizes and parameters as a table, in text and in a notebook's HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from layouts.figures.summary import parameter_rows, size_words
from layouts.figures.text import percent

if TYPE_CHECKING:
    from analysis.summary import SummaryResult


@dataclass(frozen=True)
class SummaryTable:
    """A model's parameters by part, as a table when it is printed or shown in a notebook.

    Attributes
    ----------
    name : str
        The model's name.
    family : str
        Its family, as in "GPT-2".
    sizes : SummaryResult
        Its sizes and parameter counts.
    weights_note : str
        What its weights have been through, as in `ModelInfo`.
    """

    name: str
    family: str
    sizes: SummaryResult
    weights_note: str = ""

    def __str__(self) -> str:
        table = self._rows()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        head, *rows, total = (
            "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, "<>>>", widths, strict=True))
            for row in table
        )
        rule = "-" * len(head)
        return "\n".join([self._title(), rule, head, rule, *rows, rule, total, rule, self._sizes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rows = self._rows()
        body = "".join(_html_row("td", row) for row in rows)
        return (
            f"<table><caption>{escape(self._title())}</caption><thead>{_html_row('th', head)}</thead>"
            f"<tbody>{body}</tbody></table><p>{escape(self._sizes())}</p>"
        )

    def _title(self) -> str:
        return f"{self.name} ({self.family}, {self.sizes.n_parameters:,} parameters)"

    def _sizes(self) -> str:
        return size_words(self.sizes, self.weights_note)

    def _rows(self) -> list[tuple[str, ...]]:
        total = self.sizes.n_parameters
        counts = [*parameter_rows(self.sizes), ("Total", "", total)]
        return [
            ("Part", "blocks × per block", "total", "share"),
            *((part, each, f"{count:,}", percent(count / total)) for part, each, count in counts),
        ]


def _html_row(tag: str, row: tuple[str, ...]) -> str:
    sides = ("left", "right", "right", "right")
    cells = (f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>' for cell, side in zip(row, sides, strict=True))
    return f"<tr>{''.join(cells)}</tr>"
