"""The frame of a panel."""

import pytest
from dash import html

from dashboard.panels import PANELS, Panel
from layouts.panel import Help, panel


def test_help_is_short_paragraphs_with_what_is_not_shown_under_a_heading() -> None:
    paragraphs = Help(how="Read it.", detail="For experts.", not_shown="Causes.").paragraphs()
    assert [(type(item), item.children) for item in paragraphs] == [
        (html.P, "Read it."), (html.P, "For experts."), (html.H3, "What this does not show."), (html.P, "Causes.")
    ]  # fmt: skip
    assert len(Help(how="Read it.", not_shown="Causes.").paragraphs()) == 3


@pytest.mark.parametrize("row", PANELS, ids=lambda row: row.name)
def test_every_panel_says_what_it_does_not_show(row: Panel) -> None:
    headings = [item.children for item in row.layout()._traverse() if isinstance(item, html.H3)]
    assert headings == ["What this does not show."]


def test_a_panel_names_itself_its_help_and_its_settings() -> None:
    section = panel("x", "Things", help=Help(how="Read it.", not_shown="Causes."), more=(html.Span("rarely used"),))
    assert (section.id, getattr(section, "aria-labelledby")) == ("x-panel", "x-title")
    assert getattr(section, "aria-describedby") == "x-reading"
    assert section["x-title"].children == getattr(section, "data-tab") == "Things"
    labels = [getattr(item, "aria-label", None) for item in section._traverse()]
    assert [label for label in labels if label] == ["More settings of “Things”", "How to read “Things”"]
