"""The drawing callback: only visible panels are drawn."""

from pathlib import Path
from typing import Any

import pytest

from analysis.models.language_model import LanguageModel
from dashboard.app import create_app
from dashboard.settings import Settings
from tests.dashboard.test_drawing import FIRST, NAMES, SECOND, asked, drawn, opened
from tests.page import Page


@pytest.fixture
def page(tmp_path: Path, tiny_gpt2: LanguageModel) -> Page:
    return opened(create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2}), FIRST)


def test_a_hidden_panel_is_drawn_when_it_becomes_visible(page: Page) -> None:
    page.values["visible", "data"] = sorted(NAMES - {"logit_lens", "saliency"})
    page.values["selection", "data"] = SECOND
    answer, _ = asked(page, "selection.data")
    assert drawn(answer) == NAMES - {"logit_lens", "saliency"}
    page.read(answer)
    page.values["visible", "data"] = sorted(NAMES - {"attention", "saliency"})
    answer, _ = asked(page, "visible.data")
    assert drawn(answer) == {"logit_lens"}
    page.read(answer)
    assert page.values["saliency-panel", "data-selection"] == FIRST


@pytest.mark.parametrize("visible", [None, 7, "strip", {"strip": 1}, [["strip"]], [None, 3]])
def test_no_panel_is_visible_if_the_list_is_malformed(page: Page, visible: Any) -> None:
    page.values["visible", "data"] = visible
    page.values["selection", "data"] = SECOND
    assert drawn(asked(page, "selection.data")[0]) == set()
