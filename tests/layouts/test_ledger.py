"""The ledger's dialog, from hand-made lines."""

import math
from dataclasses import replace

from analysis.causes.ledger import LedgerLine
from layouts.ledger import DIALOG, button, button_words, dialog, ledger_table
from tests.layouts.texts import texts

GOOD = LedgerLine("Sums agree", "parts", "whole", 2.5e-7, 1e-4)
BAD, LATE = replace(GOOD, difference=0.125), replace(GOOD, difference=None)


def test_a_line_fails_above_its_tolerance_and_if_it_is_not_finite() -> None:
    assert [line.fails for line in (GOOD, BAD, LATE, replace(GOOD, difference=math.nan))] == [False, True, False, True]
    assert not replace(GOOD, difference=0.0, tolerance=0.0).fails


def test_the_table_has_both_sides_and_their_difference() -> None:
    summary, table = ledger_table([GOOD, BAD, LATE, replace(GOOD, difference=math.inf)])
    assert texts(summary) == [
        "2 of 4 lines fail. Do not trust the numbers that they are about. 1 took too long to be computed here."
    ]
    rows = [texts(row) for row in table.children[1].children]
    assert rows[0] == ["✓", "Sums agree", "parts", "whole", "2.5·10⁻⁷", "1.0·10⁻⁴"]
    assert rows[1] == ["✗", "Sums agree", "parts", "whole", "0.125", "1.0·10⁻⁴"]
    assert rows[2] == ["–", "Sums agree", "parts", "whole", "–", "–"]
    assert [getattr(row, "data-state") for row in table.children[1].children] == [
        "holds", "fails", "not computed", "fails"
    ]  # fmt: skip
    assert texts(ledger_table([GOOD, GOOD])[0]) == ["All 2 lines hold."]
    assert texts(ledger_table([GOOD, LATE])[0]) == ["1 of 2 lines hold. 1 took too long to be computed here."]


def test_the_button_says_how_many_fail() -> None:
    assert [button_words(lines) for lines in ([GOOD], [GOOD, BAD], [BAD, BAD], [GOOD, LATE])] == [
        "Checks ✓", "1 check failed", "2 checks failed", "Checks"
    ]  # fmt: skip


def test_the_button_opens_the_dialog_that_its_heading_names() -> None:
    assert getattr(button(), "data-open-dialog") == dialog().id == DIALOG
    assert dialog().labelledby in {getattr(item, "id", None) for item in dialog()._traverse()}
