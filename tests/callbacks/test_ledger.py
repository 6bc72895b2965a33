"""The ledger, for a tiny model and over HTTP."""

from pathlib import Path
from typing import Any

import pytest

import callbacks.ledger
from analysis.causes.ledger import LINES, LedgerLine
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt
from callbacks.ledger import draw_ledger
from dashboard.app import create_app
from dashboard.settings import Settings
from tests.conftest import TEXT
from tests.layouts.texts import texts
from tests.page import of_app, words


def test_all_lines_hold(services: Any, prompt: Prompt) -> None:
    drawn = draw_ledger(services, prompt)
    assert (drawn["button"], drawn["fails"]) == ("Checks ✓", "false")
    assert [texts(row)[1] for row in drawn["lines"][1].children[1].children] == [name for name, *_ in LINES]


def test_a_failure_is_said_in_the_header(services: Any, prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = LedgerLine("1 is 2", "1", "2", 1.0, 0.0)
    monkeypatch.setattr(callbacks.ledger, "compute_ledger", lambda _model, _trace: (broken,))
    drawn = draw_ledger(services, prompt)
    assert (drawn["button"], drawn["fails"]) == ("1 check failed", "true")


def test_it_is_computed_when_it_is_opened_and_forgotten_with_the_text(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    page = of_app(create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2}).server)
    page.values["selection", "data"] = "output@0"
    page.set("prompt", "data", {"model": "tiny", "text": TEXT, "start": False})
    assert page.values["ledger-open", "children"] == "Checks"
    page.set("ledger", "is_open", True)
    assert page.values["ledger-open", "children"] == "Checks ✓"
    assert words(page.values["ledger-lines", "children"]).startswith(f"All of {len(LINES)} lines hold.")
    page.set("ledger", "is_open", False)
    assert page.values["ledger-open", "children"] == "Checks ✓"
    page.set("prompt", "data", {"model": "tiny", "text": "Another", "start": False})
    assert page.values["ledger-open", "children"] == "Checks"
    assert not page.values["ledger-lines", "children"]
