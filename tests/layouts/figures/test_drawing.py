"""What is sent of each panel's figures, without Plotly having looked at it, is what Plotly would send."""

import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import pytest
from plotly.utils import PlotlyJSONEncoder

from analysis.models.registry import ModelRegistry
from analysis.selection import Selection
from analysis.storage.trace_store import TraceStore
from analysis.trace import Prompt
from callbacks.activation import draw_activation
from callbacks.architecture import draw_architecture
from callbacks.attention import draw_attention
from callbacks.embedding import draw_embedding
from callbacks.saliency import draw_saliency
from callbacks.summary import draw_summary
from dashboard.jobs.service import Jobs
from dashboard.services import Services
from dashboard.settings import Settings
from layouts.figures.drawing import Drawing
from layouts.figures.saliency import saliency_depth_figure, saliency_figure
from tests.conftest import TEXT, long_text, make_tiny
from tests.layouts.figures.test_saliency import DEPTH, RESULT

DRAWN = {
    "activation": (draw_activation, [{}, {"quantity": "mean", "listing": "strongest"}]),
    "architecture": (draw_architecture, [{}, {"color_by": "entropy"}, {"color_by": "kind"}]),
    "attention": (draw_attention, [{}, {"view": "without_first"}, {"view": "rollout"}]),
    "embedding": (draw_embedding, [{}, {"dimensions": "3", "paths": "all"}, {"paths": "none"}, {"method": "tsne"}]),
    "saliency": (draw_saliency, [{}]),
    "summary": (draw_summary, [{}]),
}
SELECTIONS = ["embedding@0", "block.1.attention@2", "block.1.attention.head.2@3", "block.2.mlp.neuron.9@0", "output@1"]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Services that know one tiny model, which reads long texts."""
    path = tmp_path_factory.mktemp("cache")
    models = ModelRegistry({"tiny": make_tiny("gpt2", max_position_embeddings=160)})
    store = TraceStore(path, max_bytes=10**8)
    yield Services(models, store, Jobs(Settings(cache_dir=str(path))), max_tokens=160, example=TEXT)
    store.close()


def read(figure: go.Figure) -> Any:
    """As a browser reads it; without what means the same as nothing."""
    sent = json.loads(json.dumps(figure.to_plotly_json(), cls=PlotlyJSONEncoder))
    assert sent["layout"].pop("template") in ({}, {"data": {"scatter": [{"type": "scatter"}]}})
    return sent | {"layout": {name: part for name, part in sent["layout"].items() if part != []}}


def same(figure: go.Figure) -> None:
    assert isinstance(figure, Drawing)
    sent = read(figure)
    assert sent == read(go.Figure(**figure._given))
    assert len(figure.data) == len(sent["data"])  # from here on it is Plotly's
    assert sent == read(figure)


@pytest.mark.parametrize("length", ["one token", "short", "long"])
@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("name", DRAWN)
def test_figures_of_panels(services: Services, name: str, selection: str, length: str) -> None:
    model = services.model(Prompt("tiny", "a"))
    text = {"one token": "a", "short": TEXT, "long": long_text(model, 140)}[length]
    part, position = selection.split("@")
    selected = Selection.parse(f"{part}@{0 if length == 'one token' else position}")
    draw, choices = DRAWN[name]
    for choice in choices:
        answer = draw(services, Prompt("tiny", text), selected, **choice)
        figures = {id(part): part for part in answer.values() if isinstance(part, go.Figure)}
        assert figures
        for figure in figures.values():
            same(figure)


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
