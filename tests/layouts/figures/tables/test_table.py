"""Tables: tidy rows of arrays, and CSV that the csv module reads back exactly, whatever tokens are called."""

import csv
import io
import json

import numpy as np

from analysis.tokens import Piece
from layouts.figures.tables.table import Table, piece_columns, texts, tidy, token_columns

HOSTILE = ["=1+1", "@SUM(A1)", "+1", "-1", "\tx", '"', 'a"b,c', "a\r\nb", "<b>", "é", "", "\u2028", "'", "\\"]


def read(table: Table) -> list[dict[str, str]]:
    text = table.csv()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_a_file_is_read_back_exactly():
    numbers = np.float32([1 / 3, -1e-20, 123456.79, np.nan, np.inf, -np.inf, -0.0])
    doubles = numbers.astype(np.float64) / 3
    columns = {"single": numbers, "double": doubles, "whole": np.arange(7), "true": numbers > 0}
    rows = read(Table("some numbers", "Some.", columns))
    assert list(rows[0]) == list(columns)
    np.testing.assert_array_equal(np.float32([row["single"] for row in rows]), numbers)
    np.testing.assert_array_equal([float(row["double"]) for row in rows], doubles)
    assert [row["whole"] for row in rows] == list("0123456")
    assert [row["true"] for row in rows] == ["true", "false", "true", "false", "true", "false", "false"]
    assert "-0.0" in rows[-1]["single"]


def test_no_token_is_a_formula_and_every_token_is_read_back():
    pieces = [Piece(n, label) for n, label in enumerate(HOSTILE)]
    rows = read(Table("tokens", "Tokens.", piece_columns(pieces)))
    assert [json.loads(row["token"]) for row in rows] == HOSTILE
    assert {row["token"][0] for row in rows} == {'"'}
    assert [int(row["token id"]) for row in rows] == list(range(len(HOSTILE)))


def test_lines_end_as_rfc_4180_says():
    text = Table("one", "One.", {"a": texts(["x"]), "b": np.array([1])}).csv()
    assert text == '\ufeffa,b\r\n"""x""",1\r\n'


def test_rows_are_the_cells_of_arrays():
    values = np.arange(6).reshape(2, 3)
    rows = tidy(("block", "head"), {"norm": values, "square": values**2})
    assert {name: column.tolist() for name, column in rows.items()} == {
        "block": [0, 0, 0, 1, 1, 1],
        "head": [0, 1, 2, 0, 1, 2],
        "norm": [0, 1, 2, 3, 4, 5],
        "square": [0, 1, 4, 9, 16, 25],
    }
    kept = tidy(("block", "head"), {"norm": values}, np.array([True, False, True]))
    assert kept["norm"].tolist() == [0, 2, 3, 5]
    assert kept["head"].tolist() == [0, 2, 0, 2]


def test_tokens_of_positions():
    columns = token_columns([Piece(5, "·a"), Piece(6, "b")], np.array([1, 1, 0]), prefix="key ")
    assert {name: column.tolist() for name, column in columns.items()} == {
        "key position": [1, 1, 0],
        "key token id": [6, 6, 5],
        "key token": ['"b"', '"b"', '"·a"'],
    }


def test_rows_share_the_texts_of_their_tokens():
    column = token_columns([Piece(0, "a" * 100_000), Piece(1, "b")], np.arange(20_000) % 2)["token"]
    assert column.nbytes == 8 * 20_000
    assert len(set(map(id, column))) == 2


def test_the_first_rows():
    table = Table("whole", "Whole.", {"n": np.arange(5)})
    assert (table.n_rows, table.rows(2)) == (5, [("0",), ("1",)])
