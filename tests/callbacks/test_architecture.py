"""The architecture panel: what is sent for a selection."""

import plotly.graph_objects as go
import pytest
from dash import Patch

from analysis.attribution import compute_attribution
from analysis.errors import SelectionError
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


def test_direct_attribution_is_that_of_the_target_and_the_second_one(services: AppServices, prompt: Prompt) -> None:
    chosen = Selection.parse("block.1.mlp.neuron.7@2~17")
    drawn = draw_architecture(services, prompt, chosen, color_by="attribution", against="9")
    trace, model = services.trace(prompt), services.model(prompt)
    shares = compute_attribution(model, trace, chosen, 2, against=9)
    assert drawn["figure"].data[HEADS].meta["values"] == pytest.approx(shares.heads.ravel(), rel=5e-3)
    assert drawn["figure"].data[TILES].meta["values"] == pytest.approx(shares.tiles.ravel(), rel=5e-3)
    vocabulary = model.vocabulary
    explained = f"‘{vocabulary.piece(17).label}’ minus ‘{vocabulary.piece(9).label}’"
    assert drawn["reading"].startswith(f"After ‘{trace.tokens[2].label}’, the logit for {explained} is ")
    with pytest.raises(SelectionError):
        draw_architecture(services, prompt, chosen, color_by="attribution", against="<b>")
