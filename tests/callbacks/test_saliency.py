"""The saliency panel before and after a job."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from analysis.saliency import compute_saliency
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.panel import Values
from callbacks.saliency import draw_saliency, saliency_task
from callbacks.strip import draw_strip

SELECTION = Selection.parse("block.1.mlp@5")


def run_job(services: Any, offer: dict[str, Any]) -> list[dict[str, Any]]:
    progress: list[dict[str, Any]] = []
    start = {"nonce": "a", "question": offer["question"], "measure": False}
    outcome = services.jobs.run(partial(saliency_task, services), start, progress.append)
    assert outcome == {"nonce": "a", "kind": "done", "message": ""}
    return progress


@pytest.mark.long
@pytest.mark.parametrize("method", ["integrated", "depth", "input_gradient", "gradient_norm", "occlusion"])
def test_a_job_computes_what_is_then_drawn(services: Any, prompt: Prompt, method: str) -> None:
    before = draw_saliency(services, prompt, SELECTION, method=method)
    assert before["figure"].layout.annotations[0].text == "Not computed yet."
    assert before["depth_hidden"] is True
    assert before["outdated"] == ""
    for outdated in ("false", "true"):  # the page has a plot of an earlier question, which stays
        stays = draw_saliency(services, prompt, SELECTION, method=method, outdated=outdated)
        assert stays.keys() == {
            "target", "title", "reading", "warning", "offer", "outdated", "baselines", "reason",
        }  # fmt: skip
        assert stays["outdated"] == "true"
        assert "previous" in stays["reading"]
    run_job(services, before["offer"])
    after = draw_saliency(services, prompt, SELECTION, method=method)
    expected = compute_saliency(services.model(prompt), services.trace(prompt), 5, method=method)  # type: ignore[arg-type]
    assert expected is not None
    np.testing.assert_allclose(after["figure"].data[0].y, expected.attributions, atol=1e-5)
    assert after["depth_hidden"] == (expected.depth is None)
    if expected.depth is not None:
        np.testing.assert_allclose(after["depth_figure"].data[0].z, expected.depth, atol=1e-5)
    assert after["path_hidden"] == (expected.path is None)
    if expected.path is not None:
        np.testing.assert_allclose(after["path_figure"].data[0].y, expected.path[1], atol=1e-4)
    assert len(after["text"]) == len(expected.tokens)
    assert after["outdated"] == "false"
    assert after["offer"]["kept"] > 0


def test_a_click_on_another_part_asks_nothing_new(services: Any, prompt: Prompt) -> None:
    run_job(services, draw_saliency(services, prompt, SELECTION)["offer"])
    assert "kept" in draw_saliency(services, prompt, Selection.parse("block.0.attention.head.1@5"))["offer"]
    assert "kept" not in draw_saliency(services, prompt, Selection.parse("block.1.mlp@4"))["offer"]
    assert "kept" not in draw_saliency(services, prompt, Selection.parse("block.1.mlp@5~7"))["offer"]
    assert "kept" not in draw_saliency(services, prompt, SELECTION, against="7")["offer"]


def test_the_target_is_named(services: Any, prompt: Prompt) -> None:
    drawn = draw_saliency(services, prompt, Selection.parse("norm@2~9"), against="10")
    pieces = services.model(prompt).vocabulary
    assert pieces.piece(9).label in drawn["target"]
    assert f"minus ‘{pieces.piece(10).label}’" in drawn["target"]
    assert "position 2" in drawn["title"]


def test_what_is_still_computed_is_not_taken_for_the_result(services: Any, prompt: Prompt) -> None:
    """Shown with a warning meanwhile, and not saved."""
    seen: list[Values] = []

    def look(progress: dict[str, Any]) -> None:
        if progress["phase"] == "running" and progress["partial"] and not seen:
            seen.append(draw_saliency(services, prompt, SELECTION, method="depth"))

    offer = draw_saliency(services, prompt, SELECTION, method="depth")["offer"]
    services.jobs.run(partial(saliency_task, services), {"nonce": "a", "question": offer["question"]}, look)
    assert "still computing" in str(seen[0]["warning"])
    assert "results" not in seen[0]
    drawn = draw_saliency(services, prompt, SELECTION, method="depth")
    assert "still computing" not in str(drawn["warning"])
    assert "results" in drawn


def test_what_there_was_at_the_time_limit_is_shown_as_that_and_not_saved(
    services: Any, prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_job(services, draw_saliency(services, prompt, SELECTION)["offer"])
    show = services.jobs.show

    def ended(*asked: Any) -> tuple[Any, Any]:
        result, offer = show(*asked)
        return result, {**offer, "ended": True}

    monkeypatch.setattr(services.jobs, "show", ended)
    drawn = draw_saliency(services, prompt, SELECTION)
    assert "Partial result" in str(drawn["warning"])
    assert "results" not in drawn
    assert draw_strip(services, prompt, SELECTION, color="attribution")["results"]["saliency"] is None


def test_what_is_only_measured_is_never_drawn(services: Any, prompt: Prompt) -> None:
    seen: list[Values] = []
    offer = draw_saliency(services, prompt, SELECTION, method="depth")["offer"]
    start = {"nonce": "a", "question": offer["question"], "measure": True}
    services.jobs.run(
        partial(saliency_task, services),
        start,
        lambda _: seen.append(draw_saliency(services, prompt, SELECTION, method="depth")),
    )
    assert seen
    assert {drawn["figure"].layout.annotations[0].text for drawn in seen} == {"Not computed yet."}


def test_a_doubtful_result_offers_other_methods_and_names_no_token(
    services: Any, prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.saliency.DOUBTFUL", -1.0)
    run_job(services, draw_saliency(services, prompt, SELECTION)["offer"])
    drawn = draw_saliency(services, prompt, SELECTION)
    assert "too uncertain" in drawn["reading"]
    assert "‘·ate’ (position" not in drawn["reading"]
    assert [button.children for button in drawn["warning"][1:]] == ["occlusion", "input × gradient"]
    assert {button.style["background"] for button in drawn["text"]} == {"transparent"}


@pytest.mark.parametrize(
    "question",
    [
        None,
        [],
        {},
        {"prompt": {"model": "tiny", "text": "a"}, "selection": "output"},
        {"prompt": {"model": "tiny", "text": "a"}, "selection": "output", "choices": ["integrated", "zero", {}]},
        {"prompt": {"model": "tiny", "text": "a"}, "selection": "output", "choices": ["integrated", "zero", "-1"]},
        {"prompt": {"model": "tiny", "text": "a"}, "selection": "output", "choices": ["integrated", "zero", "9999"]},
        {"prompt": {"model": "tiny", "text": "a"}, "selection": "output", "choices": ["__class__", "zero", ""]},
        {"prompt": {"model": "../x", "text": "a"}, "selection": "output", "choices": ["integrated", "zero", ""]},
    ],
)
def test_a_malformed_question_is_an_error_in_words(services: Any, question: Any) -> None:
    start = {"nonce": "a", "question": question}
    outcome = services.jobs.run(partial(saliency_task, services), start, lambda _progress: None)
    assert outcome["kind"] == "error"
    assert "logged" not in outcome["message"]
