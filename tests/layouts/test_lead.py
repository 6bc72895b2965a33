"""The lead line: sentences about what stands out, from hand-made findings, and about the opening selection."""

from dataclasses import replace
from typing import Any

from analysis.attention import Opening
from analysis.causes.findings import MOST, Copy, Decision, Finding, Repetition
from analysis.tokens import Piece, Token
from layouts.attribution import AGAINST
from layouts.lead import finding_sentences, lead_line, opening_words
from tests.layouts.texts import texts

APPLE = Piece(11, "·apple")
COPIES = Copy(4, 0, position=9, target=APPLE, n_earlier=1, attention=0.93, share=2.1, capped=False)
DECIDES = Decision(5, None, position=9, target=APPLE, runner_up=Piece(12, "·pear"), share=3.5, lead=0.25, capped=False)
REPEATS = Repetition("induction", 2, 1, score=0.56, query=Token(8, "·red", 7, 7), attention=0.98)
OPENING = Opening(2, 3, query=Token(7, "·forest", 9, 9), key=Token(8, "·great", 4, 4), share=0.714)


def words(*findings: Finding) -> list[str]:
    return ["".join(texts(sentence)).strip() for sentence in finding_sentences(findings)]


def links(*findings: Finding) -> list[dict[str, Any]]:
    """The `data-*` attributes of the links, by what follows the dash."""
    buttons = [part for one in finding_sentences(findings) for part in one._traverse() if hasattr(part, "type")]
    return [
        {name[5:]: value for name, value in button.to_plotly_json()["props"].items() if name.startswith("data-")}
        for button in buttons
    ]


def test_the_line_says_what_to_do_before_anything_is_analysed() -> None:
    *empty, what_to_do, _tour = lead_line().children
    assert [one.id for one in empty] == ["lead-findings", "lead", "lead-select", "lead-why"]
    assert not any(getattr(one, "children", None) for one in empty)
    assert empty[2].hidden
    assert what_to_do.children.startswith("Pick a token above")


def test_a_head_that_copies() -> None:
    assert words(COPIES, replace(COPIES, n_earlier=3, capped=True), replace(COPIES, share=-1.15)) == [
        "Block 4, head 0 copies the predicted ‘·apple’ from its earlier occurrence: it attends there with 93% and adds "
        "+2.10 logits.",
        "Block 4, head 0 copies the predicted ‘·apple’ from its 3 earlier occurrences: it attends there with 93% and "
        "adds +2.10 logits before the cap.",
        "Block 4, head 0 holds the predicted ‘·apple’ back: it attends to its earlier occurrence with 93% and adds "
        "−1.15 logits.",
    ]


def test_a_part_that_decides() -> None:
    assert words(DECIDES, replace(DECIDES, head=6, share=-1.6, capped=True)) == [
        "Block 5, MLP favours ‘·apple’ over the runner-up ‘·pear’ most, by 3.50 logits; all parts together by 0.25.",
        "Block 5, head 6 favours the runner-up ‘·pear’ over ‘·apple’ most, by 1.60 logits before the cap; all parts "
        "together favour ‘·apple’ by 0.25.",
    ]


def test_a_head_that_follows_repetitions() -> None:
    assert words(REPEATS, replace(REPEATS, pattern="duplicate")) == [
        "Block 2, head 1 continues repetitions (induction): at ‘·red’ it attends with 98% to what followed the earlier "
        "‘·red’; on average 56%.",
        "Block 2, head 1 finds repeated tokens (duplicate token): at ‘·red’ it attends with 98% to the earlier ‘·red’; "
        "on average 56%.",
    ]


def test_each_sentence_begins_with_a_link_to_its_part() -> None:
    """Where it is about a logit, direct attribution explains the same after the click."""
    assert links(COPIES, DECIDES, REPEATS) == [
        {"select": "block.4.attention.head.0@9~11", "set": AGAINST, "value": ""},
        {"select": "block.5.mlp@9~11", "set": AGAINST, "value": "12"},
        {"select": "block.2.attention.head.1@7"},
    ]
    assert finding_sentences([]) == []


def test_tokens_of_strangers_are_plain_text() -> None:
    hostile = Piece(11, "<img·src=x>")
    (sentence,) = finding_sentences([replace(COPIES, target=hostile)])
    assert all(type(part).__name__ in ("Button", "Span") for part in sentence._traverse() if not isinstance(part, str))
    assert "‘<img·src=x>’" in "".join(texts(sentence))
    (long,) = words(replace(COPIES, target=Piece(11, "·" * 80)))
    assert f"‘{'·' * 15}…’" in long


def test_the_words_name_the_head_and_its_reason() -> None:
    for findings in ((), (COPIES,), (COPIES, DECIDES)):
        assert opening_words(OPENING, findings) == {
            "select": "block.2.attention.head.3",
            "name": "block 2, head 3",
            "why": "at ‘·forest’ it puts 71% of its attention on ‘·great’",
        }


def test_the_opening_selection_is_not_explained_beside_three_findings_or_twice() -> None:
    only = {"select": "block.2.attention.head.3"}
    three = (COPIES, DECIDES, REPEATS)
    assert len(three) == MOST
    assert opening_words(OPENING, three) == only
    assert opening_words(OPENING, (replace(REPEATS, head=3),)) == only
