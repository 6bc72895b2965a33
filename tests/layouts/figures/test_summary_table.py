"""The table of a model's sizes, printed and in a notebook."""

import re
from dataclasses import replace
from html.parser import HTMLParser

from analysis.summary import compute_summary
from layouts.figures.summary import parameter_rows
from layouts.figures.summary_table import SummaryTable
from tests.tiny import make_tiny


class Cells(HTMLParser):
    """The text of each cell, row by row."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1] and self.lasttag in ("td", "th"):
            self.rows[-1][-1] += data


def table(name: str = "tiny") -> SummaryTable:
    model = make_tiny("gpt2")
    return SummaryTable(name, "GPT-2", compute_summary(model.network, model.family))


def test_the_printed_table_adds_up() -> None:
    lines = str(table()).splitlines()
    assert repr(table()) == str(table())
    assert lines[0] == f"tiny (GPT-2, {table().sizes.n_parameters:,} parameters)"
    counts = [int(found[1].replace(",", "")) for line in lines if (found := re.search(r"([\d,]+) +[<\d.]+%$", line))]
    assert sum(counts[:-1]) == counts[-1] == table().sizes.n_parameters
    assert len(counts) == 8
    assert len({len(line) for line in lines[1:-1]}) == 1  # the columns are aligned
    assert lines[-1].startswith("3 blocks · 12 heads (4 per block, 8 dimensions each)")


def test_both_say_what_the_weights_have_been_through() -> None:
    noted = replace(table(), weights_note="4-bit weights, dequantized")
    for shown in (str(noted), noted._repr_html_()):
        assert "0 MB of memory in float32 (4-bit weights, dequantized)." in shown
    assert "dequantized" not in str(table())


def test_the_notebooks_table_has_the_same_cells() -> None:
    head, *rows, total = Cells(table()._repr_html_()).rows
    assert head == ["Part", "blocks × per block", "total", "share"]
    assert [(part, each, int(count.replace(",", ""))) for part, each, count, _ in rows] == parameter_rows(table().sizes)
    assert total == ["Total", "", f"{table().sizes.n_parameters:,}", "100%"]


def test_a_name_is_escaped() -> None:
    html = table("<img src=x onerror=alert(1)>")._repr_html_()
    assert "<img" not in html
    assert "&lt;img src=x" in html
