"""The choice of the explained logit."""

from typing import Any

import pytest

from analysis.tokens import Piece
from layouts.target import target_actions, target_choice, target_words


def props(component: Any) -> dict[str, Any]:
    return component.to_plotly_json()["props"]


@pytest.mark.parametrize(
    ("against", "chosen", "words"),
    [
        (None, True, "‘·he’"),
        (None, False, "‘·he’ (top 1)"),
        (Piece(4, "·she"), True, "‘·he’ minus ‘·she’"),
        (Piece(4, "·she"), False, "‘·he’ (top 1) minus ‘·she’"),
    ],
)
def test_the_label_of_the_explained_logit(against: Piece | None, chosen: bool, words: str) -> None:
    assert target_words(Piece(3, "·he"), against, chosen=chosen) == words


def test_a_found_token_can_be_explained_or_subtracted() -> None:
    explain, minus = map(props, target_actions(Piece(40, "·she"), "some-against"))
    assert (explain["children"], explain["data-select"], explain["aria-label"]) == ("explain", "~40", "Explain ‘·she’")
    assert (minus["children"], minus["data-set"], minus["data-value"]) == ("subtract", "some-against", "40")
    assert minus["aria-label"] == "Subtract the logit of ‘·she’"


def test_the_window_can_take_both_choices_back() -> None:
    choice = target_choice(target="x-target", search="x-search", found="x-found", against="x-against")
    ids = [item.id for item in choice._traverse() if getattr(item, "id", None)]
    assert sorted(ids) == ["x-against", "x-found", "x-search", "x-target"]
    buttons = [props(item) for item in choice._traverse() if type(item).__name__ == "Button"]
    assert (buttons[0]["data-select"], buttons[1]["data-set"], buttons[1]["data-value"]) == ("~", "x-against", "")
