"""Lazily validated figures: their JSON, written without Plotly's validation, equals Plotly's own."""

import pickle
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import pytest
from dash import Dash, dcc, html

from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.panel import PanelCallback
from dashboard.drawing import plain
from dashboard.panels import PANELS, Panel
from dashboard.services import AppServices
from layouts import compare
from layouts.figures.drawing import Drawing
from layouts.figures.saliency import saliency_depth_figure, saliency_figure
from tests.layouts.figures.test_saliency import DEPTH, RESULT
from tests.tiny import TEXT, long_text, make_services, make_tiny

WITH_FIGURES = [panel for panel in PANELS if any(isinstance(part, dcc.Graph) for part in panel.layout()._traverse())]
SELECTIONS = ["embedding@0", "block.1.attention@2", "block.1.attention.head.2@3", "block.2.mlp.neuron.9@0", "output@1"]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> AppServices:
    """Services that know one tiny model, which reads long texts."""
    path = tmp_path_factory.mktemp("cache")
    return make_services(path, {"tiny": make_tiny("gpt2", max_position_embeddings=160)}, max_tokens=160)


def read(figure: go.Figure) -> Any:
    """As a browser reads it; without what means the same as nothing."""
    sent = plain(figure)
    assert sent["layout"].pop("template") in ({}, {"data": {"scatter": [{"type": "scatter"}]}})
    return sent | {"layout": {name: part for name, part in sent["layout"].items() if part != []}}


def same(figure: go.Figure) -> None:
    assert isinstance(figure, Drawing)
    sent = read(figure)
    assert sent == read(go.Figure(**figure._given))
    assert len(figure.data) == len(sent["data"])  # from here on it is Plotly's
    assert sent == read(figure)


@pytest.mark.long
@pytest.mark.parametrize(
    "length", ["short", *(pytest.param(name, marks=pytest.mark.slow) for name in ("one token", "long"))]
)
@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("panel", WITH_FIGURES, ids=lambda panel: panel.name)
def test_figures_of_panels(services: AppServices, panel: Panel, selection: str, length: str) -> None:
    model = services.model(Prompt("tiny", "a"))
    text = {"one token": "a", "short": TEXT, "long": long_text(model, 140)}[length]
    part, position = selection.split("@")
    selected = Selection.parse(f"{part}@{0 if length == 'one token' else position}")
    callback = panel.register(Dash(), services)
    # Each choice with one text only: Plotly's own validation, with which they are compared, takes long.
    for choice in choices(callback) if length == "short" else [{}]:
        values = callback.draw(Prompt("tiny", text), selected, **choice)
        figures = {id(value): value for value in values.values() if isinstance(value, go.Figure)}
        assert figures
        for figure in figures.values():
            same(figure)


def choices(callback: PanelCallback) -> Iterator[dict[str, Any]]:
    """The controls' first values, and each other value of each control, which may be in another panel."""
    layout = html.Div([compare.bar([]), *(panel.layout() for panel in PANELS)])
    yield {}
    for name, control in callback.choices.items():
        for option in getattr(layout[control.component_id], "options", []):
            yield {name: option["value"]}


def test_figures_of_attributions() -> None:
    same(saliency_figure(RESULT))
    same(saliency_depth_figure(replace(RESULT, depth=DEPTH)))


def test_a_copy_is_plotlys_own_figure() -> None:
    copied = pickle.loads(pickle.dumps(saliency_figure(RESULT)))
    assert type(copied) is go.Figure
    assert copied == go.Figure(saliency_figure(RESULT))


def test_what_no_figure_has_is_missed() -> None:
    with pytest.raises(AttributeError, match="colour"):
        saliency_figure(RESULT).colour  # noqa: B018
