"""The glossary, and the terms that are marked in texts."""

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from dash import html

from dashboard.drawing import plain
from layouts.figures.text import quoted
from layouts.glossary import GLOSSARY, explained, glossary_dialog, marked, term_id, terms_in, word_list
from tests.layouts.texts import texts

# Tokens that look like our own words, quotation marks, markup, and right-to-left text, which has isolates around it.
TOKENS = ["logit", "·head", "’", "‘", "’ logit ‘", "‘’", "<b>logit</b>", "\u2068שלום logit ’\u2069", "&amp;", "’s"]


def terms(found: list[Any]) -> list[tuple[str, str]]:
    """The marked words, and the ids of their explanations."""
    spans = [part for part in found if not isinstance(part, str)]
    return [(span.children, getattr(span, "aria-describedby")) for span in spans]


def text_of(found: list[Any]) -> str:
    return "".join(texts(found))


def test_a_term_is_marked_where_it_first_appears() -> None:
    sentence = "Head 3 of two heads: surprisal 2.0 bits, then 1.0 bits."
    found = marked(sentence)
    assert text_of(found) == sentence
    assert terms(found) == [("Head", "term-head"), ("surprisal", "term-surprisal"), ("bits", "term-bit")]
    seen = {"head"}
    assert terms(marked("A head and a logit.", seen)) == [("logit", "term-logit")]
    assert seen == {"head", "logit"}


def test_a_text_without_terms_stays_as_it_is() -> None:
    assert marked("Nothing is known.") == ["Nothing is known."]
    assert marked("") == []


def test_the_longest_term_is_meant_and_no_part_of_a_word() -> None:
    assert terms_in("the logit lens") == ["logit lens"]
    assert terms_in("gradient norm and final norm") == ["gradient norm", "final norm"]
    assert terms_in("F(x′) − F(x)") == ["F(x′)", "F(x)"]
    assert terms_in("δ") == ["δ"]
    assert terms_in("headline, blockade, turnkey, habit, key-value") == []
    assert terms_in("· a space · and a dot") == [], "it also parts words"


@pytest.mark.parametrize(("one", "other"), [*product(TOKENS, repeat=2)])
def test_tokens_are_never_marked_and_hide_no_term(one: str, other: str) -> None:
    found = marked(f"After {quoted(one)}, the rank of {quoted(other)} is 3; the text’s entropy is 1.")
    assert terms(found) == [("rank", "term-rank"), ("entropy", "term-entropy")]
    assert one in text_of(found)
    assert other in text_of(found)
    written = json.dumps(plain(found), ensure_ascii=False)  # as it is sent: texts of components, which React escapes
    assert "dangerously" not in written


def test_a_token_is_between_quotation_marks_as_it_is() -> None:
    assert quoted("·fox") == "‘·fox’"
    assert re.sub("[\u2068\u2069]", "", quoted("’s")) == "‘’s’"
    assert quoted("\u2068שלום\u2069") == "‘\u2068שלום\u2069’", "isolated once"


def test_every_token_in_a_sentence_is_quoted_by_one_function() -> None:
    root = Path(__file__).parents[2]
    sources = [path for folder in ("layouts", "callbacks") for path in (root / folder).rglob("*.py")]
    assert [path.name for path in sources if "‘{" in path.read_text(encoding="utf-8")] == ["text.py"]


def test_every_term_has_one_plain_line_and_an_id_of_its_own() -> None:
    entries = glossary_dialog().children[1].children[0].children
    terms = [entry.children for entry in entries[::2]]
    assert terms == sorted(GLOSSARY, key=str.casefold)
    assert [entry.children for entry in entries[1::2]] == [GLOSSARY[term] for term in terms]
    ids = [entry.id for entry in entries[1::2]]
    assert ids == [term_id(term) for term in terms]
    assert len(set(ids)) == len(ids)
    assert not [id for id in ids if re.search(r"[\s.{]", id)]
    for term, line in GLOSSARY.items():
        assert 10 < len(line) <= 110, term
        assert re.fullmatch(r"[A-Z].*[.?]", line), term


def test_an_explained_word_can_be_read_without_the_script() -> None:
    span = explained("· = space", "·")
    assert span.children == "· = space"
    assert getattr(span, "aria-describedby") == term_id("·")
    assert span.role == "button"
    assert span.title == "", "no second tooltip, of a title around it"


def test_the_list_of_words_is_alphabetical() -> None:
    entries = word_list("tokens, heads and a logit").children
    assert [entry.children for entry in entries[::2]] == ["head", "logit", "token"]
    assert all(isinstance(entry, html.Dt | html.Dd) for entry in entries)
    assert not [entry for entry in entries if getattr(entry, "id", None)], "ids are the hidden list's"
