"""The architecture panel: what is sent for a selection."""

import plotly.graph_objects as go
from dash import Patch

from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.architecture import draw_architecture
from dashboard.services import AppServices
from layouts.figures.architecture import FRAME, HEADS, MARK, STREAM, TILES
from layouts.theme import DARK

SELECTION = Selection.parse("block.1.mlp.neuron.7@2")


def test_first_the_whole_picture_then_only_changes(services: AppServices, prompt: Prompt) -> None:
    first = draw_architecture(services, prompt, SELECTION)
    assert isinstance(first["figure"], go.Figure)
    assert services.trace(prompt).tokens[2].label in first["reading"]
    patch = draw_architecture(services, prompt, SELECTION, scene=first["scene"])["figure"]
    assert isinstance(patch, Patch)
    places = [step["location"] for step in patch.to_plotly_json()["operations"]]
    assert {place[1] for place in places if place[0] == "data"} >= {HEADS, TILES, MARK}
    assert ["layout", "scene", "annotations"] in places
    boxes = {place[2] for place in places if place[0] == "data" and place[1] in (HEADS, TILES)}
    assert boxes.isdisjoint("xyzijk"), "geometry is not sent again"
    stream = {place[2] for place in places if place[0] == "data" and place[1] == STREAM}
    assert {*stream} & {*"xyzijk"} == {*"yz"}, "of the residual stream, only the widths"


def test_another_model_is_drawn_anew_and_another_theme_is_not(services: AppServices, prompt: Prompt) -> None:
    drawn = draw_architecture(services, prompt, SELECTION, scene="another model")
    assert isinstance(drawn["figure"], go.Figure)
    assert drawn["scene"] == services.trace(prompt).info.fingerprint
    patch = draw_architecture(services, prompt, SELECTION, theme="dark", scene=drawn["scene"])["figure"]
    steps = {tuple(step["location"]): step["params"] for step in patch.to_plotly_json()["operations"]}
    assert steps["layout", "font"]["value"]["color"] == DARK.text
    assert steps["data", FRAME, "line"]["value"]["color"] == DARK.accent


def test_the_written_predictions_are_the_models(services: AppServices, prompt: Prompt) -> None:
    figure = draw_architecture(services, prompt, SELECTION)["figure"]
    best = int(services.trace(prompt).logits()[2].argmax())
    predictions, tokens, *_ = figure.layout.scene.annotations
    assert predictions.text.startswith(services.model(prompt).vocabulary.piece(best).markup)
    assert services.trace(prompt).tokens[2].markup in tokens.text.split("<br>")[-1]
