"""The workspace: docks, tabs and splitters as HTML."""

import pytest
from dash import html

from dashboard.panels import PANELS, Panel
from layouts.workspace import DOCKS, opening_panels, visible_store, workspace


def test_a_panel_is_behind_its_docks_head_and_stays_in_order() -> None:
    sections = [
        (dock, html.Section(id=f"{name}-panel")) for dock, name in [("upper", "b"), ("scene", "a"), ("upper", "c")]
    ]
    children = workspace(sections).children
    names = [getattr(child, "id", None) or getattr(child, "data-dock", None) for child in children]
    assert names[:6] == ["scene", "a-panel", "upper", "b-panel", "c-panel", "lower"]
    assert {getattr(section, "data-dock") for _, section in sections} == {"scene", "upper"}
    assert all(section.role == "tabpanel" for _, section in sections)


def test_splitters_can_be_reached_by_keyboard_and_have_names() -> None:
    splitters = [child for child in workspace([]).children if getattr(child, "role", None) == "separator"]
    assert len(splitters) == 5
    assert {splitter.tabIndex for splitter in splitters} == {0}
    assert len({getattr(splitter, "aria-label") for splitter in splitters}) == 5


def test_the_first_panel_of_each_dock_is_visible_and_those_outside() -> None:
    panels = [("", "strip"), ("upper", "b"), ("upper", "c"), ("scene", "a"), ("", "other")]
    assert opening_panels(panels) == ["strip", "other", "a", "b"]
    assert visible_store(["a"]).data == ["a"]


@pytest.mark.parametrize("row", PANELS, ids=lambda row: row.name)
def test_every_panel_has_a_dock_or_is_outside(row: Panel) -> None:
    assert row.dock in ("", *DOCKS)
