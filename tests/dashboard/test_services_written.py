"""Tokens that were written after a text, in a page's store and in its address: whose they are, and hostile ones."""

from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.trace import Prompt
from dashboard.services import AppServices
from tests.tiny import TEXT

OWN = "The fox met a crow"
SHOWN = {"model": "tiny", "text": OWN, "start": False, "chat": False, "written": [5, 7]}
PROMPT = Prompt("tiny", OWN, written=(5, 7))


def opened(services: AppServices, shown: Any = SHOWN, **parts: str) -> tuple[Prompt, str]:
    return services.linked_prompt({"hash": f"#{urlencode(parts)}"}, shown)


def test_the_store_holds_them(services: AppServices) -> None:
    assert services.prompt(SHOWN) == services.prompt({**SHOWN, "written": (5, 7)}) == PROMPT
    trace = services.trace(services.prompt(SHOWN))
    assert trace.token_ids[-2:].tolist() == [5, 7]
    assert trace.prompt == PROMPT


def test_traces_of_other_written_tokens_are_not_confused(services: AppServices) -> None:
    """Neither in the process's cache nor on disk."""
    for written in ((5, 7), (5, 8), (), (5, 7, 9)):
        trace = services.trace(replace(PROMPT, written=written))
        assert trace.token_ids.tolist() == [*services.trace(Prompt("tiny", OWN)).token_ids.tolist(), *written]
        assert trace.logits().shape[0] == trace.n_positions
        count = {"n": np.array(trace.n_positions)}
        assert int(services.derived(trace, "n", partial(dict, count), version=1)["n"]) == trace.n_positions


def test_a_job_s_question_holds_them(services: AppServices) -> None:
    question = {"prompt": SHOWN, "selection": "output", "choices": ["a"]}
    assert services.asked(question, n_choices=1)[0] == PROMPT


@pytest.mark.parametrize(
    ("parts", "written"),
    [
        ({"written": "9.3"}, (9, 3)),
        ({"written": ""}, ()),
        ({"text": OWN, "written": "9"}, (9,)),
        ({"text": OWN}, ()),  # a text without them has none
        ({"text": "Another"}, ()),
        ({"select": "block.1.mlp@2"}, (5, 7)),
        ({"attention-view": "raw"}, (5, 7)),
        ({}, (5, 7)),
        ({"start": "1"}, ()),  # they followed another text
        ({"start": "1", "written": "4"}, (4,)),
    ],
)
def test_links(services: AppServices, parts: dict[str, str], written: tuple[int, ...]) -> None:
    prompt, problem = opened(services, **parts)
    assert (prompt.written, problem) == (written, "")
    assert prompt.text == parts.get("text", OWN)


def test_another_model_has_other_ids(services: AppServices) -> None:
    prompt, problem = opened(services, model="gpt-5", text=OWN, written="9")
    assert prompt == Prompt("tiny", OWN)
    assert "There is no model 'gpt-5' here" in problem


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("x", "The link cannot be opened. The written tokens cannot be read: ‘x’ is not a token id."),
        ("1.-2", "‘-2’ is not a token id"),
        ("300", "The link cannot be opened. This model has no token with the id 300"),
        ("999999999", "no token with the id 999999999"),
        (".".join(["1"] * 60), "60 that were written after it; this server reads at most 64."),
        (".".join(["1"] * 1001), "1,001 written tokens; at most 1,000 are read"),
        ("1" * 10**6, "too many written tokens"),
    ],
)
def test_hostile_links_change_nothing_and_say_why(services: AppServices, written: str, problem: str) -> None:
    prompt, said = opened(services, written=written)
    assert prompt == PROMPT
    assert problem in said
    prompt, said = opened(services, None, written=written)
    assert prompt == Prompt("tiny", TEXT)
    assert "The link cannot be opened." in said


@pytest.mark.parametrize(
    "written", ["x", None, {"a": 1}, [-1], [1.5], [True], ["1"], [[]], [10**30], [1] * 2000, "1.2.x", 7]
)
def test_hostile_stores_are_refused_with_words(services: AppServices, written: Any) -> None:
    for ask in (services.prompt, lambda data: services.question(data, "output")):
        with pytest.raises(AnalysisError, match="written tokens"):
            ask({**SHOWN, "written": written})


@pytest.mark.parametrize("written", [[300], [5] * 64])
def test_stores_with_impossible_ids_are_refused_when_they_are_read(services: AppServices, written: Any) -> None:
    with pytest.raises(AnalysisError, match=r"no token with the id 300|64 that were written after it"):
        services.question({**SHOWN, "written": written}, "output")


def test_a_prompt_that_turns_out_to_be_impossible_gives_way_to_the_example(services: AppServices) -> None:
    """As one that was shown before the weights were in memory may."""
    bad = {**SHOWN, "written": [299, 300]}
    prompt, problem = services.possible_prompt(services.prompt(bad), bad)
    assert prompt == Prompt("tiny", TEXT)
    assert "no token with the id 300" in problem
