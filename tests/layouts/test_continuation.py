"""The text, the alternatives and the branches as HTML."""

from typing import Any

from analysis.tokens import Piece, Token
from layouts.continuation import Branch, alternatives, branch_list, layout, running_text
from tests.layouts.texts import texts

TOKENS = (*(Token(n, f"own{n}", n, n) for n in range(12)), Token(5, "<i>", 12, 12, written=True))


def properties(component: Any) -> dict[str, Any]:
    found: dict[str, Any] = component.to_plotly_json()["props"]
    return found


def test_the_end_of_the_text_with_what_follows() -> None:
    parts = running_text(TOKENS, 12, [f"hover {n}" for n in range(13)], [(Piece(7, "·new"), "rank 1")])
    assert texts(parts) == ["… ", *(f"own{n}" for n in range(4, 12)), "<i>", "·new"]
    own, written = properties(parts[1]), properties(parts[-2])
    assert (own["data-select"], own["aria-pressed"], own["title"]) == ("@4", "false", "hover 4")
    assert (written["data-select"], written["aria-pressed"]) == ("@12", "true")
    assert "continuation-written" in written["className"]
    assert "continuation-written" not in own["className"]
    assert parts[-1].className == "continuation-new"
    assert texts(running_text(TOKENS[:3], 0, ["", "", ""], [])) == ["own0", "own1", "own2"]


def test_each_alternative_is_a_button_but_the_token_itself() -> None:
    _, *buttons = alternatives(TOKENS[-1], [3, 4], [Piece(9, "·a"), Piece(5, "<i>"), Piece(0, "·b")])
    assert texts(buttons) == ["‘·a’", "‘·b’"]
    first, second = map(properties, buttons)
    assert (first["data-written"], second["data-written"]) == ("3.4.9", "3.4.0")
    assert first["data-forced"] == "true"
    assert first["aria-label"] == "What if it had said ‘·a’"


def test_branches_are_links_and_the_current_one_is_marked() -> None:
    assert branch_list([]) == []
    branches = [
        Branch("", "the text alone", "#text=a", current=False),
        Branch("1.2", "<b>", "#written=1.2", current=True),
    ]
    heading, rows = branch_list(branches)
    assert texts(heading) == ["Branches"]
    alone, current = (properties(row.children) for row in rows.children)
    assert (alone["href"], alone["data-written"], "aria-current" in alone) == ("#text=a", "", False)
    assert (current["href"], current["data-written"], current["aria-current"]) == ("#written=1.2", "1.2", "true")
    assert current["children"] == "<b>"  # plain text


def test_the_job_bar_has_its_own_words() -> None:
    section = layout()
    said = [text for text in texts(section) if text in ("Continue", "Stop", "Compute", "Cancel")]
    assert said.count("Stop") == 1
    assert "Compute" not in said
    assert "Cancel" not in said
    bar = properties(section["continuation-job-bar"])
    assert (bar["data-verb"], bar["data-cancelled"], bar["data-idle"]) == ("Continue", "Stopped.", "")
