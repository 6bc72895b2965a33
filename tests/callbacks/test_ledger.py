"""The ledger, for a tiny model and over HTTP."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import callbacks.ledger
from analysis.causes.ledger import LINES, LedgerLine, integrated_line
from analysis.models.language_model import LanguageModel
from analysis.saliency import compute_saliency
from analysis.selection import Part, Selection
from analysis.trace import Prompt
from callbacks.ledger import draw_ledger
from callbacks.saliency import draw_saliency, saliency_task
from dashboard.app import create_app
from dashboard.settings import Settings
from layouts.figures.text import scientific
from tests.layouts.texts import texts
from tests.page import of_app, words
from tests.tiny import TEXT


def test_all_lines_hold(services: Any, prompt: Prompt) -> None:
    drawn = draw_ledger(services, prompt)
    assert (drawn["button"], drawn["fails"]) == ("Checks ✓", "false")
    assert [texts(row)[1] for row in drawn["lines"][1].children[1].children] == [name for name, *_ in LINES]


def test_integrated_gradients_have_a_line_once_they_are_computed(services: Any, prompt: Prompt) -> None:
    last = Selection(Part.OUTPUT, position=services.trace(prompt).n_positions - 1)
    offer = draw_saliency(services, prompt, last)["offer"]
    start = {"nonce": "a", "question": offer["question"], "measure": False}
    assert services.jobs.run(partial(saliency_task, services), start, lambda _: None)["kind"] == "done"
    drawn = draw_ledger(services, prompt)
    assert drawn["button"] == "Checks ✓"
    cells = texts(drawn["lines"][1].children[1].children[-1])
    assert cells[1:4] == ["Integrated gradients keep to their certificate", "the attributions, summed", "F(x) − F(x′)"]
    result = compute_saliency(services.model(prompt), services.trace(prompt), last.position or 0)
    assert cells[4] == scientific(abs(result.delta))


def test_an_error_beyond_the_certificate_fails(services: Any, prompt: Prompt) -> None:
    trace = services.trace(prompt)
    result = compute_saliency(services.model(prompt), trace, trace.n_positions - 1)
    assert not integrated_line(result).fails
    assert integrated_line(replace(result, attributions=2 * result.attributions)).fails


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
    assert words(page.values["ledger-lines", "children"]).startswith(f"All {len(LINES)} lines hold.")
    page.set("ledger", "is_open", False)
    assert page.values["ledger-open", "children"] == "Checks ✓"
    page.set("prompt", "data", {"model": "tiny", "text": "Another", "start": False})
    assert page.values["ledger-open", "children"] == "Checks"
    assert not page.values["ledger-lines", "children"]
