"""JSON of each panel's values: the same as Plotly and Dash would write."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import plotly.graph_objects as go
import pytest
from dash import Dash
from plotly.io.json import to_json_plotly

from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.panel import PanelCallback
from callbacks.saliency import saliency_task
from callbacks.services import Services
from dashboard.drawing import plain
from dashboard.missing_weights import values_without_weights
from dashboard.panels import PANELS
from tests.page import decoded

FIRST, SECOND, THIRD = "block.1.attention.head.2@3", "block.2.mlp.neuron.9@5", "output@0"


@pytest.fixture
def panels(services: Services) -> Iterator[list[PanelCallback]]:
    return [panel.register(Dash("one"), services) for panel in PANELS]


def by_plotly(value: Any) -> Any:
    """The JSON of Plotly and Dash, by their slower encoder, which keeps all digits of arrays."""
    if isinstance(value, go.Figure):
        value = go.Figure(**value._given)
    return figure_without_defaults(json.loads(to_json_plotly(value, engine="json")))


def figure_without_defaults(sent: Any) -> Any:
    """What Plotly adds to a figure's layout means the same as nothing."""
    if isinstance(sent, dict) and sent.keys() >= {"data", "layout"}:
        template = sent["layout"].pop("template")
        assert template in ({}, {"data": {"scatter": [{"type": "scatter"}]}})
        sent["layout"] = {name: part for name, part in sent["layout"].items() if part != []}
    return sent


@pytest.mark.long
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("selection", ["embedding@0", FIRST, SECOND, THIRD])
def test_what_is_sent_is_what_plotly_and_dash_would_write(
    services: Services, prompt: Prompt, panels: list[PanelCallback], selection: str, theme: str
) -> None:
    selected = Selection.parse(selection)
    run_saliency(services, prompt, selected)
    kinds = set()
    for panel in panels:
        knobs: dict[str, Any] = {"method": "depth"} if panel.name in ("saliency", "strip") else {}
        knobs |= {"color": "attribution"} if panel.name == "strip" else {}
        values = [panel.draw(prompt, selected, theme=theme, **knobs)]
        before = {name: values[0][name] for name in panel.state if name in values[0]}
        values.append(panel.draw(prompt, Selection.parse("block.0.mlp@1"), theme=theme, **knobs, **before))
        values.append(values_without_weights(panel.outputs, heading="X", theme=theme))
        for value in (value for several in values for name, value in several.items() if name != "results"):
            kinds |= {type(part) for part in (value if isinstance(value, list) else [value])}
            assert decoded(figure_without_defaults(plain(value))) == decoded(by_plotly(value))
    names = {kind.__name__ for kind in kinds}
    assert {"Drawing", "Patch", "Button", "Span", "str", "bool"} <= names


def run_saliency(services: Services, prompt: Prompt, selection: Selection) -> None:
    """Compute attributions, so that their figures, texts and numbers are drawn."""
    page = {"model": prompt.model, "text": prompt.text, "start": prompt.start}
    question = {"prompt": page, "selection": str(selection), "choices": ["depth", "zero", ""]}
    start = {"nonce": "a", "question": question, "measure": False}
    assert services.jobs.run(partial(saliency_task, services), start, lambda _: None)["kind"] == "done"
