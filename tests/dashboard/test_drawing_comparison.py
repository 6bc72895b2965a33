"""The drawing callback with a second question, B: each side, and A − B."""

import pytest
from dash import Dash

from analysis.models.language_model import LanguageModel
from dashboard.app import create_app
from dashboard.settings import Settings
from tests.dashboard.test_drawing import FIRST, NAMES, asked, drawn, opened
from tests.page import Page
from tests.tiny import TEXT


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, tiny_gpt2: LanguageModel) -> Dash:
    return create_app(Settings(cache_dir=str(tmp_path_factory.mktemp("cache"))), models={"tiny": tiny_gpt2})


@pytest.fixture
def page(app: Dash) -> Page:
    return opened(app, FIRST)


def compared(page: Page, text: str, side: str) -> Page:
    page.values["second", "data"] = {"model": "tiny", "text": text, "of": {"model": "tiny", "text": TEXT}}
    page.set("second", "data", page.values["second", "data"])
    page.set("compare-side", "value", side)
    return page


def test_side_b_is_drawn_as_if_it_were_the_question(page: Page, app: Dash) -> None:
    compared(page, "a fox met a crow", "b")
    alone = opened(app, FIRST)
    alone.set("prompt", "data", {"model": "tiny", "text": "a fox met a crow", "start": False})
    for name in ("title", "reading"):
        assert page.values[f"attention-{name}", "children"] == alone.values[f"attention-{name}", "children"]
    assert page.values["attention-graph", "figure"] == alone.values["attention-graph", "figure"]


def test_the_difference_of_equal_questions_is_drawn_by_every_panel(page: Page) -> None:
    before = page.values["attention-graph", "figure"]
    compared(page, TEXT, "difference")
    assert page.values["attention-graph", "figure"] != before
    for name in NAMES - {"continuation"}:  # what A might have said instead has no counterpart
        reading = str(page.values[f"{name}-title", "children"])
        assert "A − B" in reading, name


def test_side_a_is_drawn_once_whatever_b_is(page: Page) -> None:
    compared(page, "a fox met a crow", "a")
    answer, _ = asked(page, "other.data")
    assert drawn(answer) == set()
