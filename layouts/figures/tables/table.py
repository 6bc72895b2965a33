"""Tables of numbers: named columns of equal length, with tokens in quotation marks, and their CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.tokens import Piece

Columns = Mapping[str, "NDArray[Any]"]
# Spreadsheets read a file without this mark in the machine's old encoding, and write "Â·" for the dot of a token.
_MARK = "\ufeff"


@dataclass(frozen=True, eq=False)
class Table:
    """Some of the numbers that a panel shows, tidy: one row for each, and what it is the number of.

    Attributes
    ----------
    name : str
        What the rows are, in one or two words; also the name of its file.
    caption : str
        The same in a sentence, with the unit or the range of the numbers.
    columns : mapping of names to arrays (n_rows,)
        Numbers, truth values and texts. A text that a visitor or a tokenizer may have made, such as a token, is a JSON
        string, and so begins with a quotation mark: no spreadsheet takes it for a formula.
    """

    name: str
    caption: str
    columns: Columns

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return len(next(iter(self.columns.values())))

    def rows(self, most: int | None = None) -> list[tuple[str, ...]]:
        """All rows, or the first ones, as text. Numbers have as many digits as are needed to read them back exactly."""
        return list(zip(*(_words(column[:most]) for column in self.columns.values()), strict=True))

    def csv(self) -> str:
        """Comma-separated values as in RFC 4180, after a byte order mark."""
        file = StringIO()
        file.write(_MARK)
        csv.writer(file).writerows([tuple(self.columns), *self.rows()])
        return file.getvalue()


def tidy(axes: Sequence[str], values: Mapping[str, NDArray[Any]], kept: NDArray[np.bool_] | None = None) -> Columns:
    """The columns of arrays of one shape: the index along each axis, then the arrays' values.

    kept: which of the cells have a row; by default all.
    """
    first = next(iter(values.values()))
    kept = np.ones(first.shape, dtype=bool) if kept is None else np.broadcast_to(kept, first.shape)
    return {
        **dict(zip(axes, np.nonzero(kept), strict=True)),
        **{name: array[kept] for name, array in values.items()},
    }


def token_columns(
    tokens: Sequence[Piece], positions: NDArray[np.int64] | None = None, *, prefix: str = ""
) -> dict[str, NDArray[Any]]:
    """Positions, ids and labels of tokens. positions: of the rows; by default, one row for each token in its order."""
    where = np.arange(len(tokens)) if positions is None else positions
    return {
        f"{prefix}position": where,
        **{name: column[where] for name, column in piece_columns(tokens, prefix=prefix).items()},
    }


def piece_columns(pieces: Sequence[Piece], *, prefix: str = "") -> dict[str, NDArray[Any]]:
    """Ids and labels of entries of the vocabulary, one row for each."""
    return {
        f"{prefix}token id": np.array([piece.id for piece in pieces], dtype=np.int64),
        f"{prefix}token": texts([piece.label for piece in pieces]),
    }


def texts(words: Sequence[str]) -> NDArray[Any]:
    """Texts of any content as JSON strings, which rows share: a cell is as large as a pointer, not as the longest."""
    return np.array([json.dumps(one, ensure_ascii=False) for one in words], dtype=object)


def _words(column: NDArray[Any]) -> list[str]:
    if column.dtype == object:
        return list(column)
    words = column.astype(str)
    return list((np.char.lower(words) if column.dtype == bool else words).tolist())
