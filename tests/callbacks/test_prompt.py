"""The prompt's store, from a text and from a link."""

from pathlib import Path

import pytest

from analysis.causes.findings import compute_findings
from analysis.errors import AnalysisError, ModelError, TextError
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.prompt import count_typed, draw_prompt
from dashboard.services import AppServices
from layouts.examples import EXAMPLES
from layouts.figures.scene import head_columns
from layouts.figures.text import percent
from layouts.lead import finding_sentences
from tests.layouts.texts import texts
from tests.tiny import TEXT, make_services

BOY = '"I am hungry," said the boy. "So am I," said the girl. "Let us eat," said the'
PLAIN = "The Eiffel Tower is in the city of"


def test_the_store_holds_the_prompt_and_the_sizes(services: AppServices, prompt: Prompt) -> None:
    values = draw_prompt(services, prompt)
    data = values["prompt"]
    assert (data["model"], data["text"], data["start"]) == ("tiny", TEXT, False)
    assert (data["n_blocks"], data["n_heads"], data["n_neurons"], data["n_vocab"]) == (3, 4, 128, 300)
    assert data["n_head_columns"] == head_columns(services.model(prompt).info)
    assert data["n_positions"] == len(services.trace(prompt).tokens)
    assert (values["text"], values["model"], values["start"]) == (TEXT, "tiny", [])
    assert data["most"] == 64
    assert data["fingerprint"] == services.model(prompt).info.fingerprint


def test_the_store_holds_the_opening_selection_and_why(services: AppServices, prompt: Prompt) -> None:
    opening = draw_prompt(services, prompt)["prompt"]["opening"]
    trace = services.trace(prompt)
    chosen = Selection.parse(opening["select"])
    assert chosen.block is not None
    assert chosen.head is not None
    weights = trace.attention(chosen.block)[chosen.head, -1, 1:-2]
    query, key = trace.tokens[-1].label, trace.tokens[1 + int(weights.argmax())].label
    assert opening["name"] == f"block {chosen.block}, head {chosen.head}"
    assert opening["why"] == f"at ‘{query}’ it puts {percent(float(weights.max()))} of its attention on ‘{key}’"
    assert draw_prompt(services, Prompt("tiny", "a"))["prompt"]["opening"] is None


@pytest.mark.parametrize(("text", "n_findings"), [(EXAMPLES["The same words twice"].text, 2), (BOY, 3), (PLAIN, 0)])
def test_what_stands_out(tmp_path: Path, bundled_model: LanguageModel, text: str, n_findings: int) -> None:
    services = make_services(tmp_path, {"bundled": bundled_model})
    prompt = Prompt("bundled", text)
    values = draw_prompt(services, prompt)
    findings = compute_findings(bundled_model, services.trace(prompt))
    assert len(findings) == n_findings
    assert texts(values["findings"]) == texts(finding_sentences(findings))
    assert values["hides_what_to_do"] == (n_findings > 1)
    opening = values["prompt"]["opening"]
    assert ("why" in opening) == (n_findings < 3)
    assert texts(draw_prompt(services, prompt)["findings"]) == texts(values["findings"]), "from the cache"


def test_each_link_selects_what_exists(tmp_path: Path, bundled_model: LanguageModel) -> None:
    services = make_services(tmp_path, {"bundled": bundled_model})
    for text in (EXAMPLES["The same words twice"].text, BOY):
        values = draw_prompt(services, Prompt("bundled", text))
        for sentence in values["findings"]:
            select = getattr(sentence.children[0], "data-select")
            _, selection = services.question(values["prompt"], select)
            assert str(selection) == select


def test_a_typed_text_is_counted_without_being_analysed(services: AppServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "trace", None)
    model = services.model(Prompt("tiny", "a"))
    for text in ("a", "The fox met", "   ", "x " * 300):
        typed = {"model": "tiny", "text": text, "start": False, "edit": 7}
        expected = {"edit": 7, "n_tokens": len(model.tokenizer(text)["input_ids"]), "problem": ""}
        assert count_typed(services, typed) == expected
        assert count_typed(services, {**typed, "start": True})["n_tokens"] == expected["n_tokens"] + 1


def test_a_typed_text_that_has_no_number_of_tokens(services: AppServices) -> None:
    typed = {"model": "tiny", "text": "x" * 20_001, "edit": 3}
    counted = count_typed(services, typed)
    assert (counted["edit"], counted["n_tokens"]) == (3, 0)
    assert counted["problem"].startswith("The text has 20,001 characters")
    for malformed in (None, [], {"text": "a"}, {"model": "tiny", "text": 1}):
        with pytest.raises(AnalysisError, match="malformed"):
            count_typed(services, malformed)
    with pytest.raises(ModelError, match="no model 'huge' here"):
        count_typed(services, {"model": "huge", "text": "a"})


def test_a_prompt_that_cannot_be_analysed_raises(services: AppServices) -> None:
    with pytest.raises(TextError, match="empty"):
        draw_prompt(services, Prompt("tiny", ""))
    with pytest.raises(ModelError, match="no model 'huge' here"):
        draw_prompt(services, Prompt("huge", "a"))


@pytest.mark.parametrize(
    ("fragment", "expected", "problem"),
    [
        ("", Prompt("tiny", TEXT), ""),
        (None, Prompt("tiny", TEXT), ""),
        ("#text=a%20fox&start=1", Prompt("tiny", "a fox", start=True), ""),
        ("#text=a&text=b", Prompt("tiny", "b"), ""),
        ("#text=", Prompt("tiny", TEXT), "empty"),
        ("#model=other", Prompt("tiny", TEXT), "no model"),
        ("#" + "a=1&" * 100, Prompt("tiny", TEXT), "too many parts"),
        ("#%FF%FE&&==", Prompt("tiny", TEXT), ""),
    ],
)
def test_links(services: AppServices, fragment: str | None, expected: Prompt, problem: str) -> None:
    asked, said = services.linked_prompt({"hash": fragment, "opened": 1}, None)
    assert asked == expected
    assert (problem in said) if problem else said == ""


def test_an_invalid_link_keeps_the_shown_prompt(services: AppServices) -> None:
    shown = {"model": "tiny", "text": "a crow", "start": False}
    asked, said = services.linked_prompt({"hash": "#text=" + "x" * 500}, shown)
    assert asked == Prompt("tiny", "a crow")
    assert "tokens" in said


def test_a_damaged_link_keeps_the_shown_prompt(services: AppServices) -> None:
    shown = {"model": "tiny", "text": "a b c", "start": True}
    for address in ({"hash": "", "opened": 2, "isDamaged": True}, {"hash": "#text=b", "isDamaged": True}):
        asked, said = services.linked_prompt(address, shown)
        assert asked == Prompt("tiny", "a b c", start=True)
        assert said == "The link is damaged, or this browser is too old for it. It was ignored."


def test_an_invalid_text_keeps_the_shown_prompt(services: AppServices) -> None:
    shown = {"model": "tiny", "text": "a crow", "start": True}
    assert services.possible_prompt(Prompt("tiny", "a fox"), shown) == (Prompt("tiny", "a fox"), "")
    asked, said = services.possible_prompt(Prompt("tiny", ""), shown)
    assert asked == Prompt("tiny", "a crow", start=True)
    assert "empty" in said


def test_a_link_to_a_text_alone_keeps_the_switch(services: AppServices) -> None:
    shown = {"model": "tiny", "text": "a crow", "start": True}
    assert services.linked_prompt({"hash": "#text=b"}, shown)[0].start is True
    assert services.linked_prompt({"hash": "#text=b&select=output"}, shown)[0].start is False
