"""The menu that saves a panel, and its tables as plain data."""

import numpy as np

from layouts.export import MOST_ROWS, saving, tables_shown
from layouts.figures.tables.table import Table, texts
from layouts.figures.text import counted


def test_every_form_has_a_button_that_says_what_it_saves() -> None:
    buttons = [part for part in saving("x", "Things")._traverse() if getattr(part, "type", "") == "button"]
    assert [getattr(button, "data-export") for button in buttons] == ["png", "svg", "csv", "json", "table"]
    assert {getattr(button, "data-panel") for button in buttons} == {"x"}
    assert all(len(button.title) > 20 for button in buttons)


def test_numbers_have_four_digits_and_texts_their_quotation_marks() -> None:
    columns = {"n": np.array([7]), "token": texts(["=1"]), "x": np.array([-1 / 3]), "y": np.array([np.nan])}
    (table,) = tables_shown("Things", [Table("my things", "What they are.", columns)])["tables"]
    assert (table["name"], table["caption"]) == ("My things.", "What they are.")
    assert table["rows"] == [("7", '"=1"', "−0.3333", "nan")]
    assert [column["isNumber"] for column in table["columns"]] == [True, False, True, True]


def test_the_rest_of_many_rows_is_left_out_and_counted() -> None:
    table = Table("n", "Numbers.", {"n": np.arange(12_345)})
    (shown,) = tables_shown("Things", [table])["tables"]
    assert len(shown["rows"]) == MOST_ROWS
    assert shown["caption"].startswith(f"Numbers. The first {MOST_ROWS} of {counted(12_345, 'row')};")
