"""The colourings of scene and overview that need more than the trace: a sweep of removals, once there is one, and head
scores.
"""

from dataclasses import asdict
from functools import partial
from typing import Any, get_args

import numpy as np
import pytest
from dash import Dash
from numpy.testing import assert_allclose, assert_array_equal

import callbacks.architecture
import callbacks.overview
from analysis.architecture import ColorBy, ProbeScore, compute_architecture
from analysis.causes.copying import compute_all_scores
from analysis.causes.head_scores import probe_trace
from analysis.causes.sweep import compute_sweep
from analysis.errors import SelectionError
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.architecture import draw_architecture
from callbacks.coloring import CHOICES, color_numbers
from callbacks.effect import draw_effect, effect_task
from callbacks.overview import draw_overview
from layouts.architecture import COLORINGS
from layouts.figures.architecture import HEADS, TILES
from layouts.figures.head_scores import PROBE_SCORES, score_words
from layouts.figures.text import signed
from layouts.job import JobIds

SELECTION = Selection.parse("block.1.attention.head.2@5~17")
MLP = Selection.parse("block.1.mlp.neuron.7@5~17")


def sweep_of(services: Any, prompt: Prompt) -> Any:
    """Run the sweep as the what-if panel offers it, and compute it a second time."""
    offer = draw_effect(services, prompt, SELECTION, replacement="zero", where="one", against="9")["offer"]
    assert offer["question"]["prompt"] == asdict(prompt)
    start = {"nonce": "a", "question": offer["question"], "measure": False}
    assert services.jobs.run(partial(effect_task, services), start, lambda _: None)["kind"] == "done"
    model, trace = services.model(prompt), services.trace(prompt)
    return compute_sweep(model, trace, 5, replacement="zero", everywhere=False, target=17, against=9)


ASKED: Any = {"color_by": "effect", "replacement": "zero", "where": "one", "minus": "9"}


def test_without_a_sweep_the_reading_says_where_to_start_it(services: Any, prompt: Prompt) -> None:
    for draw, number in ((draw_architecture, HEADS), (draw_overview, 0)):
        drawn = draw(services, prompt, SELECTION, color_by="effect")
        assert "has not been computed" in drawn["reading"]
        assert "“What if”" in drawn["reading"]
        assert not drawn["figure"].data[number].meta["values"]


def test_scene_and_overview_show_the_sweeps_numbers(services: Any, prompt: Prompt) -> None:
    sweep = sweep_of(services, prompt)
    n_tiles = services.trace(prompt).info.n_tiles
    tiles = np.repeat(sweep.effects[:, -1], n_tiles)
    for draw, heads_at, tiles_at in ((draw_architecture, HEADS, TILES), (draw_overview, 0, 1)):
        drawn = draw(services, prompt, SELECTION, **ASKED)
        heads, mlps = (drawn["figure"].data[index].meta for index in (heads_at, tiles_at))
        assert_allclose(heads["values"], sweep.effects[:, :-1].ravel(), rtol=6e-3, atol=1e-7)
        assert_allclose(mlps["values"], tiles, rtol=6e-3, atol=1e-7)
        assert "whole MLP" in mlps.get("unit", mlps.get("words"))
        assert "changes the logit of" in drawn["reading"]
        assert "lower without an orange part" in drawn["reading"]
    other = draw_architecture(services, prompt, SELECTION, **ASKED | {"where": "all"})
    assert "has not been computed" in other["reading"], "another question has no sweep yet"


def test_colours_are_those_of_the_what_if_panels_grid(services: Any, prompt: Prompt) -> None:
    sweep = sweep_of(services, prompt)
    cells = draw_overview(services, prompt, SELECTION, **ASKED)["figure"].data[0]
    grid = draw_effect(services, prompt, SELECTION, replacement="zero", where="one", against="9")["sweep"].data[-1]
    for end in (0, -1):
        assert cells.colorscale[end][1] == grid.colorscale[end][1]
    boxes, levels = np.asarray(cells.customdata), np.asarray(cells.z, dtype=float)
    effects = sweep.effects[:, :-1].ravel()
    most = np.abs(sweep.effects).max()
    for box in range(effects.size):
        root = np.sign(effects[box]) * np.sqrt(abs(effects[box]) / most)
        assert levels[boxes == box] == pytest.approx(500 * (1 + root), abs=1)


def test_the_overview_ranks_heads_among_heads_and_mlps_among_mlps(services: Any, prompt: Prompt) -> None:
    sweep = sweep_of(services, prompt)
    sizes = np.abs(sweep.effects)
    n_heads = sizes[:, :-1].size
    for selection, name, unit, among in (
        (SELECTION, "Block 1 head 2", 2, f"{n_heads} heads"),
        (MLP, "The MLP of block 1", -1, f"{len(sizes)} MLPs"),
    ):
        others = sizes[:, :-1] if unit == 2 else sizes[:, -1]
        rank = 1 + int((others > sizes[1, unit]).sum())
        reading = draw_overview(services, prompt, selection, **ASKED)["reading"]
        value = signed(float(sweep.effects[1, unit]))
        assert reading.startswith(f"{name}: {value} logits when removed, rank {rank} of {among} by size. ")


def test_estimates_stand_in_for_effects_that_are_missing(services: Any, prompt: Prompt) -> None:
    sweep = sweep_of(services, prompt)
    sweep.effects[0, 1] = np.nan
    result = compute_architecture(services.trace(prompt), SELECTION, 5, color_by="effect", sweep=sweep)
    assert result.heads is not None
    assert result.heads[0, 1] == sweep.estimates[0, 1]
    assert_array_equal(result.heads[1:], sweep.effects[1:, :-1])


@pytest.mark.parametrize("name", get_args(ProbeScore))
def test_head_scores_are_those_of_the_probe(services: Any, prompt: Prompt, name: Any) -> None:
    model = services.model(prompt)
    scores = compute_all_scores(model, probe_trace(model))[name]
    for draw, heads_at, tiles_at in ((draw_architecture, HEADS, TILES), (draw_overview, 0, 1)):
        drawn = draw(services, prompt, SELECTION, color_by=name)
        shown = drawn["figure"].data[heads_at].meta["values"]
        assert_allclose(shown, scores.ravel(), rtol=6e-3, atol=1e-7)
        assert not drawn["figure"].data[tiles_at].meta["values"]
    assert score_words(name, float(scores[1, 2])) in drawn["reading"]
    with pytest.raises(SelectionError, match=name):
        compute_architecture(services.trace(prompt), SELECTION, 5, color_by=name)


def test_the_page_offers_every_colouring() -> None:
    assert set(COLORINGS) == set(get_args(ColorBy))
    assert set(PROBE_SCORES) == set(get_args(ProbeScore))


def test_what_cannot_be_swept_leaves_the_scene(services: Any, prompt: Prompt) -> None:
    numbers, reason = color_numbers(services, prompt, SELECTION, "effect", "", replacement="other")
    assert numbers == {"color_by": "kind"}
    assert "no other text" in reason
    with pytest.raises(SelectionError):
        color_numbers(services, prompt, SELECTION, "effect", "", where="nowhere")
    with pytest.raises(SelectionError, match="effect"):
        compute_architecture(services.trace(prompt), SELECTION, 5, color_by="effect")


def test_both_panels_are_drawn_anew_when_the_sweep_has_numbers(services: Any) -> None:
    for panel in (callbacks.architecture, callbacks.overview):
        callback = panel.register(Dash("one"), services)
        assert JobIds("effect").fresh in {one.component_id for one in callback.triggers}
        assert set(CHOICES) <= set(callback.choices)
