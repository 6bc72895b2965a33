"""The frame of a panel."""

import json

import pytest
from dash import html

from dashboard.panels import PANELS, Panel
from layouts.glossary import GLOSSARY
from layouts.panel import Help, choice, panel
from tests.layouts.texts import texts

HELP = Help(shows="Things.", how="Read it.", not_shown="Causes.")


def pop_up(section: html.Section) -> html.Details:
    (found,) = (item for item in section._traverse() if getattr(item, "className", None) == "panel-help pop-up")
    return found


def test_help_is_three_lines_and_more() -> None:
    text = Help(shows="Things.", how="Click a head.", not_shown="Causes.", detail="For experts: the rollout.")
    _, window = pop_up(panel("x", "Things", help=text)).children
    *lines, more = window.children
    assert ["".join(texts(line)) for line in lines] == [
        "What it shows. Things.", "How to read it. Click a head.", "What it does not show. Causes."
    ]  # fmt: skip
    assert isinstance(more, html.Details)
    assert texts(more)[:3] == ["More", "For experts: the rollout.", "Words"]
    assert texts(more)[3:] == ["head", GLOSSARY["head"], "rollout", GLOSSARY["rollout"]]


def test_without_details_and_terms_there_is_no_more() -> None:
    _, window = pop_up(panel("x", "Things", help=HELP)).children
    assert len(window.children) == 3


def test_the_words_of_menus_are_explained_too() -> None:
    menu = choice("x-view", "View", {"raw": "all", "rollout": "rollout"}, "raw")
    assert GLOSSARY["rollout"] in texts(pop_up(panel("x", "Things", help=HELP, controls=(menu,))))
    assert GLOSSARY["rollout"] in texts(pop_up(panel("x", "Things", help=HELP, more=(html.Div([menu]),))))
    assert json.loads(getattr(menu, "data-terms")) == {"raw": [], "rollout": ["term-rollout"]}


@pytest.mark.parametrize("row", PANELS, ids=lambda row: row.name)
def test_the_three_lines_of_every_panel_are_short(row: Panel) -> None:
    _, window = pop_up(row.layout()).children
    lengths = [len("".join(texts(line.children[1:]))) for line in window.children[:3]]
    assert [length for length in lengths if not 20 < length <= 160] == []


def test_a_panel_names_itself_its_help_and_its_settings() -> None:
    section = panel("x", "Things", help=HELP, more=(html.Span("rarely used"),))
    assert (section.id, getattr(section, "aria-labelledby")) == ("x-panel", "x-title")
    assert getattr(section, "aria-describedby") == "x-reading"
    assert section["x-title"].children == getattr(section, "data-tab") == "Things"
    labels = [getattr(item, "aria-label", None) for item in section._traverse()]
    menu = ["More settings, and saving: “Things”", "Save “Things”"]
    assert [label for label in labels if label] == [*menu, "How to read “Things”"]
