"""The what-if panel: removals that are added and taken back, and the sweep before and after its job."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from analysis.causes.intervention import MOST_INTERVENTIONS, read_interventions
from analysis.causes.patching import compute_patching
from analysis.causes.sweep import compute_sweep
from analysis.effect import compute_effect
from analysis.errors import AnalysisError, SelectionError
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.effect import draw_effect, effect_task
from layouts.effect import REMOVED

SELECTION = Selection.parse("block.1.attention.head.2@5")


def buttons(part: Any) -> dict[str, str]:
    """The texts of all removals that buttons in a list set, by their words."""
    found = {}
    for one in part:
        for item in [one, *one._traverse()]:
            marks = getattr(item, "to_plotly_json", lambda: {"props": {}})()["props"]
            if marks.get("data-set") == REMOVED:
                found[marks["title"]] = marks["data-value"]
    return found


def run_job(services: Any, offer: dict[str, Any]) -> None:
    start = {"nonce": "a", "question": offer["question"], "measure": False}
    outcome = services.jobs.run(partial(effect_task, services), start, lambda _: None)
    assert outcome == {"nonce": "a", "kind": "done", "message": ""}


def test_a_removal_is_added_changes_the_prediction_and_is_taken_back(services: Any, prompt: Prompt) -> None:
    before = draw_effect(services, prompt, SELECTION, replacement="zero")
    (button,) = before["list"]
    assert button.children == "Remove head 2 of block 1"
    ((_, removed),) = buttons(before["list"]).items()
    assert removed == "block.1.attention.head.2=zero"
    after = draw_effect(services, prompt, SELECTION, replacement="zero", removed=removed)
    model, trace = services.model(prompt), services.trace(prompt)
    expected = compute_effect(model, trace, 5, interventions=read_interventions(removed))
    assert len(before["figure"].data) == 1
    assert [trace.name for trace in after["figure"].data] == ["before", "after"]
    share = dict(zip(after["figure"].data[1].customdata, after["figure"].data[1].x, strict=True))
    assert share[f"~{expected.after.top[0][0].id}"] == expected.after.top[0][1]
    assert "With 1 part removed" in after["reading"]
    assert "zero" in after["note"]
    assert list(buttons(after["list"]).values()) == [""]  # it can only be taken back


def test_another_part_is_collected_beside_it(services: Any, prompt: Prompt) -> None:
    removed = "block.1.attention.head.2=zero,block.0.mlp=reference"
    drawn = draw_effect(services, prompt, Selection.parse("block.2.mlp@5"), removed=removed)
    assert sorted(buttons(drawn["list"]).values()) == sorted(
        [f"{removed},block.2.mlp=mean", "block.0.mlp=reference", "block.1.attention.head.2=zero"]
    )
    assert "With 2 parts removed" in drawn["reading"]
    assert "zero or its mean over a reference text" in drawn["note"]
    replaced = draw_effect(services, prompt, Selection.parse("block.0.mlp@5"), removed=removed)
    assert buttons(replaced["list"])["Replace the MLP of block 0 by its mean over this text"] == (
        "block.1.attention.head.2=zero,block.0.mlp=mean"
    )


@pytest.mark.parametrize(
    ("selection", "choices", "expected"),
    [
        ("block.2.attention@5", {"where": "one"}, "block.2.attention@5=mean"),
        ("block.2.mlp.neuron.7@5", {"what": "tile"}, "block.2.mlp.tile.3=mean"),
        ("block.2.mlp.neuron.7@5", {"what": "stream", "replacement": "zero"}, "block.2.stream@5=zero"),
        ("embedding@3", {}, "block.0.stream@3=mean"),
        ("output@3", {}, None),
    ],
)
def test_the_button_removes_what_is_selected(
    services: Any, prompt: Prompt, selection: str, choices: Any, expected: str | None
) -> None:
    drawn = draw_effect(services, prompt, Selection.parse(selection), **choices)
    assert list(buttons(drawn["list"]).values()) == ([expected] if expected else [])
    if not expected:
        assert "Select a part" in drawn["list"][0].children


def test_no_more_than_the_most_are_offered(services: Any, prompt: Prompt) -> None:
    removed = ",".join(f"block.0.mlp.neuron.{n}=zero" for n in range(MOST_INTERVENTIONS))
    drawn = draw_effect(services, prompt, SELECTION, removed=removed)
    assert "which is the most" in drawn["list"][0].children
    assert len(buttons(drawn["list"])) == MOST_INTERVENTIONS


def test_a_removal_that_the_model_does_not_have_can_be_taken_back(services: Any, prompt: Prompt) -> None:
    """As after a change of model or text."""
    drawn = draw_effect(services, prompt, SELECTION, removed="block.7.mlp=zero,block.0.mlp@63=zero")
    assert "no block 7" in drawn["reading"]
    assert drawn["numbers"] == []
    assert {"block.7.mlp=zero", "block.0.mlp@63=zero"} <= set(buttons(drawn["list"]).values())


@pytest.mark.parametrize("removed", ["block.1.mlp", "block.1.mlp=zero;", "x" * 9999, ["block.1.mlp=zero"], {"a": 1}, 5])
def test_a_malformed_removal_is_refused_in_words(services: Any, prompt: Prompt, removed: Any) -> None:
    with pytest.raises(SelectionError, match="what to remove"):
        draw_effect(services, prompt, SELECTION, removed=removed)


@pytest.mark.parametrize("where", ["all", "one"])
def test_a_job_computes_the_sweep_that_is_then_drawn(services: Any, prompt: Prompt, where: str) -> None:
    choices: dict[str, Any] = {"where": where, "replacement": "zero", "against": "7"}
    before = draw_effect(services, prompt, SELECTION, **choices)
    assert before["sweep"].layout.annotations[0].text == "Not computed yet."
    assert before["outdated"] == ""
    stays = draw_effect(services, prompt, SELECTION, **choices, outdated="false")
    assert "sweep" not in stays
    assert stays["outdated"] == "true"
    run_job(services, before["offer"])
    after = draw_effect(services, prompt, SELECTION, **choices)
    expected = compute_sweep(
        services.model(prompt), services.trace(prompt), 5, replacement="zero", everywhere=where == "all", against=7
    )
    cells = np.asarray(after["sweep"].data[-1].z)
    np.testing.assert_allclose(cells[:, :4], expected.effects[:, :4], atol=1e-5)
    np.testing.assert_allclose(cells[:, 5], expected.effects[:, 4], atol=1e-5)
    assert np.isnan(cells[:, 4]).all()
    assert after["outdated"] == "false"
    assert after["offer"]["kept"] > 0
    assert "Of all heads and MLPs" in after["reading"]
    (mark,) = after["sweep"].layout.shapes
    assert (mark.x0, mark.y0) == (1.5, 0.5)


def test_estimates_are_drawn_before_effects(services: Any, prompt: Prompt) -> None:
    seen: list[Any] = []
    offer = draw_effect(services, prompt, SELECTION)["offer"]

    def look(progress: dict[str, Any]) -> None:
        if progress["phase"] == "running" and progress["partial"] == 1:
            seen.append(draw_effect(services, prompt, SELECTION))

    services.jobs.run(partial(effect_task, services), {"nonce": "a", "question": offer["question"]}, look)
    pale, full = seen[0]["sweep"].data
    assert pale.opacity < 1
    assert np.isfinite(np.asarray(pale.z)[:, [0, 1, 2, 3, 5]]).all()
    assert np.isnan(np.asarray(full.z)).all()
    assert "0 of 15 removals are computed" in seen[0]["reading"]
    assert "sweep" not in seen[0]["results"], "it is saved once it is complete"
    assert "sweep" in draw_effect(services, prompt, SELECTION)["results"]


def test_a_click_on_another_part_asks_nothing_new(services: Any, prompt: Prompt) -> None:
    run_job(services, draw_effect(services, prompt, SELECTION)["offer"])
    assert "kept" in draw_effect(services, prompt, Selection.parse("block.0.mlp@5"))["offer"]
    assert "kept" in draw_effect(services, prompt, SELECTION, removed="block.0.mlp=zero")["offer"]
    for selection, choices in (
        ("block.0.mlp@4", {}),
        ("block.0.mlp@5~7", {}),
        ("block.0.mlp@5", {"against": "7"}),
        ("block.0.mlp@5", {"where": "one"}),
        ("block.0.mlp@5", {"replacement": "zero"}),
    ):
        assert "kept" not in draw_effect(services, prompt, Selection.parse(selection), **choices)["offer"]


def test_removals_are_computed_once_for_all_positions(
    services: Any, prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = draw_effect(services, prompt, SELECTION, removed="block.0.mlp=zero")
    monkeypatch.setattr("analysis.effect.run_with", None)
    again = draw_effect(services, prompt, SELECTION, removed="block.0.mlp=zero", theme="dark")
    assert_array_equal(first["figure"].data[1].x, again["figure"].data[1].x)
    draw_effect(services, prompt, Selection.parse("block.0.mlp@2"), removed="block.0.mlp=zero")


@pytest.mark.parametrize(
    "question",
    [
        None,
        [],
        {},
        {"prompt": {"model": "tiny", "text": "a"}, "selection": "output"},
        {
            "prompt": {"model": "tiny", "text": "a"},
            "selection": "output",
            "choices": ["removals", "", "zero", "all", {}],
        },
        {
            "prompt": {"model": "tiny", "text": "a"},
            "selection": "output",
            "choices": ["removals", "", "zero", "all", "9999"],
        },
        {
            "prompt": {"model": "tiny", "text": "a"},
            "selection": "output",
            "choices": ["removals", "", "other", "all", ""],
        },
        {
            "prompt": {"model": "tiny", "text": "a"},
            "selection": "output",
            "choices": ["removals", "", "__class__", "all", ""],
        },
        {
            "prompt": {"model": "tiny", "text": "a"},
            "selection": "output",
            "choices": ["removals", "", "zero", "__class__", ""],
        },
        {"prompt": {"model": "tiny", "text": "a"}, "selection": "output", "choices": ["stream", "", "zero", "all", ""]},
        {"prompt": {"model": "tiny", "text": "a"}, "selection": "output", "choices": ["none", "a", "zero", "all", ""]},
        {"prompt": {"model": "tiny", "text": "a"}, "selection": "output", "choices": ["mlp", "a" * 99, "", "", ""]},
        {
            "prompt": {"model": "../x", "text": "a"},
            "selection": "output",
            "choices": ["removals", "", "zero", "all", ""],
        },
    ],
)
def test_a_malformed_question_is_an_error_in_words(services: Any, question: Any) -> None:
    with pytest.raises(AnalysisError):
        effect_task(services, question)


# Patches of a second text.

FOX, HARE = Prompt("tiny", "a fox met"), Prompt("tiny", "a hen met")


@pytest.mark.parametrize("grid", ["stream", "attention", "mlp", "heads"])
def test_a_job_computes_the_patches_that_are_then_drawn(services: Any, grid: Any) -> None:
    selection = Selection.parse("block.1.attention.head.2@2")
    before = draw_effect(services, FOX, selection, grid=grid, text=HARE.text)
    run_job(services, before["offer"])
    after = draw_effect(services, FOX, selection, grid=grid, text=HARE.text)
    model, trace, other = services.model(FOX), services.trace(FOX), services.trace(HARE)
    expected = compute_patching(model, trace, other, carried=grid)
    np.testing.assert_allclose(np.asarray(after["sweep"].data[0].z), expected.normalized, atol=1e-4)
    mark = after["sweep"].layout.shapes[0]
    assert (mark.x0, mark.y0) == (1.5, 0.5)
    # The selected cell's patch alone gives the cell's number.
    number = float(expected.values[1, 2])
    assert f"{number:.2f}".replace("-", "−") in after["reading"]
    assert "from A" in after["list"][0].children
    assert "kept" in draw_effect(services, FOX, Selection.parse("block.0.mlp@0"), grid=grid, text=HARE.text)["offer"]


def test_grids_as_they_were_at_the_time_limit_are_shown_and_not_saved(
    services: Any, prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = services.jobs.show
    for name, asked in (("sweep", (prompt, SELECTION)), ("patching", (FOX, Selection.parse("block.0.mlp@0")))):
        choices = {} if name == "sweep" else {"grid": "mlp", "text": HARE.text}
        run_job(services, draw_effect(services, *asked, **choices)["offer"])
        assert name in draw_effect(services, *asked, **choices)["results"]
        with monkeypatch.context() as patched:
            patched.setattr(services.jobs, "show", lambda *task: (show(*task)[0], show(*task)[1] | {"ended": True}))
            drawn = draw_effect(services, *asked, **choices)
        assert drawn["outdated"] == "false"
        assert drawn["results"].keys() == {"effect"}


def test_without_a_second_text_the_panel_asks_for_one(services: Any, prompt: Prompt) -> None:
    drawn = draw_effect(services, prompt, SELECTION, grid="mlp")
    assert "type a second text" in drawn["reading"]
    assert drawn["offer"] is None


def test_what_is_no_cell_of_the_grid_patches_nothing(services: Any) -> None:
    drawn = draw_effect(services, FOX, Selection.parse("output@1"), grid="stream", text=HARE.text)
    assert "B as it is" in drawn["list"][0].children
    assert len(drawn["figure"].data) == 1
    unaligned = draw_effect(services, FOX, Selection.parse("block.0.mlp@1"), grid="stream", text="a met")
    assert "B as it is" in unaligned["list"][0].children


@pytest.mark.parametrize("text", ["x" * 20_001, "a hen met " * 40, "\ud800", "a fox"])
def test_a_second_text_that_cannot_be_read_is_refused_in_words(services: Any, text: str) -> None:
    with pytest.raises(AnalysisError):
        draw_effect(services, FOX, SELECTION, grid="stream", text=text)
