"""`panel_callback`: the inputs and outputs that every panel has."""

from typing import Any

import pytest
from dash import Dash, Input, Output, State

from callbacks.panel import panel_callback
from dashboard.panels import PANELS
from dashboard.services import Services


def draw(*_question: Any, **_knobs: Any) -> dict[str, Any]:
    return {}


def test_a_panel_has_a_title_a_reading_and_what_it_shows() -> None:
    panel = panel_callback("x", draw, tables=list, outputs={"figure": Output("x-graph", "figure")})
    assert panel.outputs == {
        "figure": Output("x-graph", "figure"),
        "title": Output("x-title", "children"),
        "reading": Output("x-reading", "children"),
        "selection": Output("x-panel", "data-selection"),
        "drawn": Output("x-panel", "data-drawn"),
    }
    assert (panel.name, panel.draw) == ("x", draw)
    assert (panel.choices, panel.triggers, panel.state) == ({}, (), {})


def test_a_panel_with_a_job_also_has_its_offer_and_whether_the_plot_is_outdated() -> None:
    panel = panel_callback(
        "x",
        draw,
        tables=list,
        outputs={},
        choices={"view": Input("x-view", "value")},
        triggers=(Input("other", "data"),),
        state={"scene": State("x-panel", "data-scene")},
        job=True,
    )
    assert panel.outputs.keys() == {"title", "reading", "selection", "drawn", "offer", "outdated"}
    assert panel.outputs["offer"] == Output("x-job-offer", "data")
    assert panel.outputs["outdated"] == Output("x-picture", "data-old")
    assert panel.choices == {"view": Input("x-view", "value")}
    assert panel.triggers == (Input("other", "data"), Input("x-job-fresh", "data"))
    assert panel.state == {"scene": State("x-panel", "data-scene"), "outdated": State("x-picture", "data-old")}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_each_panel_declares_what_is_on_the_page_and_reads_only_what_it_writes(panel: Any, services: Services) -> None:
    app = Dash("one")
    registered = panel.register(app, services)
    assert registered.name == panel.name
    section = panel.layout()
    declared = {"title", "reading", "selection", "drawn"} | ({"offer", "outdated"} if panel.task else set())
    assert declared <= registered.outputs.keys()
    for output in registered.outputs.values():
        assert output.component_id in {getattr(part, "id", None) for part in [section, *section._traverse()]}
    written = {(one.component_id, one.component_property) for one in registered.outputs.values()}
    in_browser = {tuple(row["output"].rsplit(".", 1)) for row in app._callback_list if row["clientside_function"]}
    assert {(one.component_id, one.component_property) for one in registered.state.values()} <= written | in_browser
    assert not {*registered.choices} & {*registered.state}, "each is a keyword of `draw`"
