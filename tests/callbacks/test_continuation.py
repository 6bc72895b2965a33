"""The panel “Continue”, drawn for a tiny model."""

from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from analysis.errors import AnalysisError, SelectionError, TextError
from analysis.generation.alternatives import compute_alternatives
from analysis.generation.continuation import compute_continuation
from analysis.generation.sampling import Sampling
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.continuation import continuation_task, draw_continuation
from dashboard.services import AppServices
from layouts.figures.continuation import continuation_reading
from tests.layouts.texts import texts

OUTPUT = Selection.parse("output")
PROMPT = Prompt("tiny", "The fox met a crow")
WARM = {"how": "sampled", "temperature": "1.5", "top_k": "50", "top_p": "0.95", "seed": "3"}


def run_job(services: AppServices, question: Any, messages: Any = lambda _message: None) -> dict[str, Any]:
    start = {"nonce": "a", "question": question, "measure": False}
    return services.jobs.run(partial(continuation_task, services), start, messages)


def marks(component: Any, name: str) -> list[str]:
    """The values of an attribute, in order."""
    if isinstance(component, list | tuple):
        return [value for part in component for value in marks(part, name)]
    found = getattr(component, "to_plotly_json", lambda: {"props": {}})()["props"]
    own = [found[name]] if name in found else []
    return own + marks(found.get("children") or [], name)


def test_nothing_is_written_without_a_click(services: AppServices) -> None:
    drawn = draw_continuation(services, PROMPT, OUTPUT)
    assert drawn["written"] is None
    assert (drawn["offer"]["automatic"], drawn["offer"]["refused"], "kept" in drawn["offer"]) == (False, "", False)
    assert drawn["branches"] == []
    assert texts(drawn["choices"]) == ["Press “Continue”, and the model writes on after your text."]
    assert "".join(texts(drawn["text"])).endswith("·a·crow")


def test_what_the_page_s_job_has_written(services: AppServices) -> None:
    question = draw_continuation(services, PROMPT, OUTPUT, tokens="10", **WARM)["offer"]["question"]
    drawings: list[Any] = []

    def draw_meanwhile(_message: Any) -> None:
        drawings.append(draw_continuation(services, PROMPT, OUTPUT, tokens="10", **WARM, live=question))

    assert run_job(services, question, draw_meanwhile)["kind"] == "done"
    expected = compute_continuation(
        services.model(PROMPT), services.trace(PROMPT), n_tokens=10, sampling=Sampling(1.5, 50, 0.95, 3)
    )
    ids = [piece.id for piece in expected.written]
    assert drawings
    for meanwhile in drawings[1:-1]:
        assert not meanwhile["written"]["complete"]
        n = len(meanwhile["written"]["ids"])
        assert meanwhile["written"]["ids"] == ids[:n]
        assert texts(meanwhile["text"])[-n:] == [piece.label for piece in expected.written[:n]]
        assert meanwhile["reading"].startswith("Written: ")
    drawn = draw_continuation(services, PROMPT, OUTPUT, tokens="10", **WARM, live=question)
    assert drawn["written"] == {"question": question, "ids": ids, "complete": True}
    assert len(marks(drawn["text"], "data-select")) == len(services.trace(PROMPT).tokens)
    # Another visitor, or this one after a step back, has not asked for it.
    other = draw_continuation(services, PROMPT, OUTPUT, tokens="10", **WARM)
    assert other["written"] is None
    assert other["offer"]["question"] == question
    assert "kept" not in other["offer"]
    for changed in ({"seed": "4"}, {"how": "greedy"}, {"temperature": "1"}):
        assert (
            draw_continuation(services, PROMPT, OUTPUT, tokens="10", **{**WARM, **changed}, live=question)["written"]
            is None
        )


def test_the_page_reads_what_was_written(services: AppServices) -> None:
    result = compute_continuation(services.model(PROMPT), services.trace(PROMPT), n_tokens=5, sampling=Sampling(1.5))
    ids = tuple(piece.id for piece in result.written)
    prompt = replace(PROMPT, written=ids)
    trace = services.trace(prompt)
    n_own = trace.n_positions - 5
    drawn = draw_continuation(services, prompt, Selection.parse(f"block.1.mlp@{n_own + 2}"), **WARM)
    shown = compute_alternatives(services.model(prompt), trace, n_own + 2, sampling=Sampling(1.5, 50, 0.95, 3))
    assert shown.token.id == ids[2]
    assert shown.own.before == pytest.approx(result.probabilities[2], abs=1e-5)
    assert shown.own.rank == result.ranks[2]
    assert drawn["reading"] == continuation_reading(shown)
    assert drawn["title"].startswith(f"Continue · position {n_own + 2}, ")
    forced = marks(drawn["choices"], "data-written")
    others = [one.piece.id for one in shown.top if one.piece.id != ids[2]]
    assert forced == [f"{ids[0]}.{ids[1]}.{other}" for other in others]
    np.testing.assert_allclose(
        np.sort(drawn["figure"].data[0].x), np.sort([one.before for one in shown.top]), rtol=1e-6
    )
    own = draw_continuation(services, prompt, Selection.parse("output@1"))
    assert texts(own["choices"]) == [
        "This token is your own. Select a written one to choose what else it could have been."
    ]


def test_the_first_token_follows_nothing(services: AppServices) -> None:
    drawn = draw_continuation(services, PROMPT, Selection.parse("output@0"))
    assert drawn["reading"] == "The first token follows nothing."
    assert drawn["figure"].layout.annotations[0].text == "The first token follows nothing."


def test_branches_are_named_by_what_they_do_not_share(services: AppServices) -> None:
    piece = services.model(PROMPT).vocabulary.piece
    drawn = draw_continuation(services, replace(PROMPT, written=(70, 71, 72)), OUTPUT, kept=["70.71.72", "70.73"])
    assert texts(drawn["branches"]) == [
        "Branches", "the text alone", f"… {piece(71).label}{piece(72).label}", f"… {piece(73).label}"
    ]  # fmt: skip
    assert marks(drawn["branches"], "data-written") == ["", "70.71.72", "70.73"]
    assert marks(drawn["branches"], "href")[1] == "#model=tiny&text=The+fox+met+a+crow&written=70.71.72"
    current = [row for row in drawn["branches"][1].children if marks(row, "aria-current")]
    assert marks(current, "data-written") == ["70.71.72"]
    one = draw_continuation(services, PROMPT, OUTPUT, kept=["70.71"])
    assert texts(one["branches"])[-1] == piece(70).label + piece(71).label
    assert marks(one["branches"][1].children[0], "aria-current") == ["true"]  # the text alone
    longer = draw_continuation(services, PROMPT, OUTPUT, kept=["70.71", "70.71.72"])
    assert texts(longer["branches"])[-1].endswith(piece(72).label)


def test_branches_that_no_page_remembers(services: AppServices) -> None:
    for kept in (None, "x", {}, 5):
        assert draw_continuation(services, PROMPT, OUTPUT, kept=kept)["branches"] == []
    assert len(marks(draw_continuation(services, PROMPT, OUTPUT, kept=["1"] * 500)["branches"], "href")) == 25
    assert "‹unused 999999›" in texts(draw_continuation(services, PROMPT, OUTPUT, kept=["999999"])["branches"])
    for bad in (["<b>"], [None], ["1" * 10**5], [[-1]]):
        with pytest.raises(TextError, match="written tokens"):
            draw_continuation(services, PROMPT, OUTPUT, kept=bad)


def test_a_full_text_offers_nothing(services: AppServices) -> None:
    n = len(services.trace(PROMPT).tokens)
    full = replace(PROMPT, written=(70,) * (64 - n))
    drawn = draw_continuation(services, full, OUTPUT)
    assert drawn["offer"] is None
    assert "The text has 64 tokens, the most that are read here" in " ".join(texts(drawn["text"]))
    almost = replace(PROMPT, written=(70,) * (62 - n))
    question = draw_continuation(services, almost, OUTPUT, tokens="50")["offer"]["question"]
    run_job(services, question)
    drawn = draw_continuation(services, almost, OUTPUT, tokens="50", live=question)
    assert drawn["written"]["complete"]
    assert 1 <= len(drawn["written"]["ids"]) <= 2


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (["20", "beam", "1", "0", "1", "0"], "no ‘beam’"),
        (["0", "greedy", "1", "0", "1", "0"], "Choose a number from 1 to 200"),
        (["201", "greedy", "1", "0", "1", "0"], "Choose a number from 1 to 200"),
        (["1e9", "greedy", "1", "0", "1", "0"], "Choose a number from 1 to 200"),
        (["many", "greedy", "1", "0", "1", "0"], "‘many’ cannot be the number of tokens"),
        (["20", "sampled", "x", "0", "1", "0"], "‘x’ cannot be the temperature"),
        (["20", "sampled", "1", "0", "1"], "malformed question"),
        (["20", "sampled", "1", "0", "1", 0], "malformed question"),
    ],
)
def test_hostile_questions_are_refused(services: AppServices, choices: Any, message: str) -> None:
    question = {"prompt": asdict(PROMPT), "selection": "output", "choices": choices}
    with pytest.raises(AnalysisError, match=message):
        continuation_task(services, question)
    assert run_job(services, question)["kind"] == "error"


def test_settings_that_cannot_be_read_are_named(services: AppServices) -> None:
    with pytest.raises(SelectionError, match="‘warm’ cannot be the temperature"):
        draw_continuation(services, PROMPT, OUTPUT, how="sampled", temperature="warm")
    assert draw_continuation(services, PROMPT, OUTPUT, how="greedy", temperature="warm")["offer"]


def test_two_visitors_with_different_seeds_get_their_own(services: AppServices) -> None:
    found = []
    for seed in ("1", "2", "1"):
        settings = {**WARM, "seed": seed}
        question = draw_continuation(services, PROMPT, OUTPUT, tokens="20", **settings)["offer"]["question"]
        run_job(services, question)
        found.append(
            draw_continuation(services, PROMPT, OUTPUT, tokens="20", **settings, live=question)["written"]["ids"]
        )
    assert found[0] == found[2] != found[1]
