"""The lead line and the words about the opening selection."""

from analysis.attention import Opening
from analysis.tokens import Token
from layouts.lead import lead_line, opening_words


def test_the_line_says_what_to_do_before_anything_is_analysed() -> None:
    *opening, what_to_do = lead_line().children
    assert [one.id for one in opening] == ["lead", "lead-select", "lead-why"]
    assert not any(getattr(one, "children", None) for one in opening)
    assert opening[1].hidden
    assert what_to_do.startswith("Pick a token above")


def test_the_words_name_the_head_and_its_reason() -> None:
    opening = Opening(2, 3, query=Token(7, "·forest", 9, 9), key=Token(8, "·great", 4, 4), share=0.714)
    assert opening_words(opening) == {
        "select": "block.2.attention.head.3",
        "name": "block 2, head 3",
        "why": "at ‘·forest’ it puts 71% of its attention on ‘·great’",
    }
