from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from analysis.errors import AnalysisError, ModelError, SelectionError, TextError
from analysis.models.language_model import LanguageModel
from analysis.selection import Part, Selection
from analysis.trace import Prompt
from dashboard.services import AppServices
from tests.tiny import TEXT

DATA = {"model": "tiny", "text": "The fox met a crow", "start": False}


def link(**parts: str) -> str:
    return f"#{urlencode(parts)}"


@pytest.mark.parametrize("start", [False, True])
def test_a_prompt_is_read(services: AppServices, start: bool):
    assert services.prompt({**DATA, "start": start}) == Prompt("tiny", DATA["text"], start=start)


def test_what_else_the_page_keeps_beside_it_does_not_matter(services: AppServices):
    assert services.prompt({**DATA, "n_positions": 5, "n_blocks": 3}) == Prompt("tiny", DATA["text"])
    assert services.prompt({"model": "tiny", "text": "a"}) == Prompt("tiny", "a")


@pytest.mark.parametrize("start", ["true", 1, "start", [True], None])
def test_only_true_is_true(services: AppServices, start: Any):
    assert services.prompt({**DATA, "start": start}).start is False


@pytest.mark.parametrize(
    "data",
    [None, {}, [], "text", 3, {"model": "tiny"}, {"text": "a"}, {**DATA, "text": None}, {**DATA, "text": ["a"]},
     {**DATA, "model": 0}, {**DATA, "model": {"a": 1}}],
)  # fmt: skip
def test_a_malformed_prompt_is_refused(services: AppServices, data: Any):
    with pytest.raises(AnalysisError) as refused:
        services.prompt(data)
    assert str(refused.value) == "The page sent a malformed question. Reload it."


def test_a_question_is_a_prompt_and_a_selection(services: AppServices):
    asked, selection = services.question(DATA, "block.2.attention.head.3@1~299")
    assert asked == Prompt("tiny", DATA["text"])
    assert selection == Selection(Part.ATTENTION, block=2, head=3, position=1, target=299)


@pytest.mark.parametrize("selection", [None, 3, [], {"part": "norm"}])
def test_a_question_without_a_selection_is_refused(services: AppServices, selection: Any):
    with pytest.raises(AnalysisError, match="The page sent no selection"):
        services.question(DATA, selection)


@pytest.mark.parametrize(
    ("data", "selection", "error"),
    [
        (DATA, "block.99.mlp", SelectionError),
        (DATA, "block.3.attention", SelectionError),
        (DATA, "norm@99", SelectionError),
        (DATA, "output~300", SelectionError),
        (DATA, "@3", SelectionError),
        (DATA, "", SelectionError),
        ({**DATA, "model": "other"}, "norm", ModelError),
        ({**DATA, "model": "../tiny"}, "norm", ModelError),
        ({**DATA, "text": ""}, "norm", TextError),
        ({**DATA, "text": "%" * 65}, "norm", TextError),
        ({**DATA, "text": "\ud800"}, "norm", TextError),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(services: AppServices, data: Any, selection: str, error: type):
    with pytest.raises(error):
        services.question(data, selection)


def test_the_servers_limit_is_named(services: AppServices):
    with pytest.raises(TextError, match=r"this server reads at most 64\. Shorten it by 36 tokens"):
        services.trace(Prompt("tiny", "%" * 100))


def test_the_servers_limit_of_characters_is_named(services: AppServices, tiny_gpt2: LanguageModel):
    for most in (10, 30_000):  # less and more than is usual
        limited = AppServices(
            services._models,
            services._traces,
            services.jobs,
            services.menu,
            max_tokens=64,
            max_characters=most,
            example="a",
        )
        with pytest.raises(TextError, match=f"at most {most:,} are read"):
            limited.trace(Prompt("tiny", "x" * (most + 1)))
    assert limited.trace(Prompt("tiny", "a fox")).n_positions


def test_the_position_is_the_selected_or_the_last(services: AppServices, prompt: Prompt):
    trace = services.trace(prompt)
    assert services.position(trace, Selection(Part.NORM, position=0)) == 0
    assert services.position(trace, Selection(Part.NORM, position=3)) == 3
    assert services.position(trace, Selection(Part.NORM)) == trace.n_positions - 1


def test_models_and_traces_belong_together(services: AppServices, prompt: Prompt, tiny_gpt2: LanguageModel):
    assert services.model(prompt) is tiny_gpt2
    assert services.trace(prompt).info is tiny_gpt2.info
    assert services.trace(prompt).prompt is prompt


def test_panels_that_ask_for_the_same_get_the_same(services: AppServices, prompt: Prompt):
    trace = services.trace(prompt)
    assert services.trace(replace(prompt)) is trace
    for other in (replace(prompt, start=True), replace(prompt, text=f"{prompt.text}!")):
        assert services.trace(other).prompt is other


def test_what_follows_from_a_trace_is_kept(services: AppServices, prompt: Prompt):
    trace = services.trace(prompt)
    derived = partial(services.derived, trace, version=1)
    made = [derived("two", lambda: {"two": np.full(3, 2)}), derived("two", dict)]
    assert [array["two"].tolist() for array in made] == [[2, 2, 2]] * 2
    assert derived("two", dict) is made[1]
    assert derived("three", lambda: {"three": np.zeros(1)}).keys() == {"three"}


def test_arrays_of_an_older_version_are_not_read(services: AppServices, prompt: Prompt):
    trace = services.trace(prompt)
    first, raised = (
        services.derived(trace, "two", lambda n=n: {"two": np.array(n)}, version=n)["two"].item() for n in (1, 2)
    )
    assert (first, raised) == (1, 2)
    assert services.derived(trace, "two", dict, version=1)["two"].item() == 1


# Links.


@pytest.mark.parametrize("fragment", ["", None, "#", "#selection=norm", "#&&=&"])
def test_a_link_without_a_prompt_opens_the_example_or_leaves_what_is_shown(services: AppServices, fragment: Any):
    assert services.linked_prompt({"hash": fragment}, None) == (Prompt("tiny", TEXT), "")
    shown = {**DATA, "start": True}
    assert services.linked_prompt({"hash": fragment}, shown) == (Prompt("tiny", DATA["text"], start=True), "")


def test_a_link_opens_what_it_names(services: AppServices):
    text = "a & b = c #1 + 50 % <b>🧀</b>\nמ"
    assert services.linked_prompt({"hash": link(model="tiny", text=text)}, None) == (Prompt("tiny", text), "")
    assert services.linked_prompt({"hash": link(text="a", start="1")}, DATA) == (Prompt("tiny", "a", start=True), "")
    assert services.linked_prompt({"hash": link(text="a")}, {**DATA, "start": True})[0].start is True


@pytest.mark.parametrize(
    ("fragment", "problem"),
    [
        (
            link(text=""),
            "The link cannot be opened. The text is empty. Type a sentence, or choose one of the examples.",
        ),
        (
            link(text="%" * 65),
            "The link cannot be opened. The text has 65 tokens; this server reads at most 64. Shorten it by 1 token.",
        ),
        (
            "#" + "a=1&" * 100,
            "The link cannot be read: it has too many parts. It was ignored.",
        ),
    ],
)
def test_a_link_that_cannot_be_opened_says_so_and_changes_nothing(services: AppServices, fragment: str, problem: str):
    assert services.linked_prompt({"hash": fragment}, DATA) == (Prompt("tiny", DATA["text"]), problem)
    assert services.linked_prompt({"hash": fragment}, None) == (Prompt("tiny", TEXT), problem)


def test_a_link_to_a_model_that_is_not_here_keeps_its_text(services: AppServices):
    said = "There is no model 'gpt-5' here. Choose one of: 'tiny'. "
    said += "The link’s text and selection are shown with tiny instead."
    for shown in (None, DATA):
        asked = services.linked_prompt({"hash": link(model="gpt-5", text="a crow", start="1")}, shown)
        assert asked == (Prompt("tiny", "a crow", start=True), said)
    asked, problem = services.linked_prompt({"hash": link(model="gpt-5", text="")}, DATA)
    assert asked == Prompt("tiny", DATA["text"])
    assert problem.startswith("The link cannot be opened. The text is empty.")


@pytest.mark.parametrize("fragment", ["#text=%ff%fe", "#text=%", "#text=%zz", "#%00=%00", 7, ["#"], "#text=\x00"])
def test_a_garbled_link_is_no_accident(services: AppServices, fragment: Any):
    asked, _ = services.linked_prompt({"hash": fragment}, DATA)
    assert services.trace(asked).n_positions
