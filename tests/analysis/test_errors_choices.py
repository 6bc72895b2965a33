"""Validation of choices: the error message lists the valid ones."""

from typing import Any, Literal

import pytest

from analysis.errors import SelectionError, check_choice

View = Literal["raw", "without_first", "rollout"]


@pytest.mark.parametrize("value", ["raw", "without_first", "rollout"])
def test_a_choice_is_accepted(value: str) -> None:
    check_choice(value, View, "the attention view")


@pytest.mark.parametrize("value", ["sideways", "", "Raw", None, 3, ["raw"], {"raw": 1}])
def test_the_message_lists_the_choices(value: Any) -> None:
    with pytest.raises(SelectionError) as refused:
        check_choice(value, View, "the attention view")
    assert str(refused.value) == f"There is no ‘{value}’ for the attention view. Choose raw, without_first or rollout."


def test_a_long_value_is_shortened() -> None:
    with pytest.raises(SelectionError) as refused:
        check_choice("x" * 10_000, View, "the attention view")
    assert len(str(refused.value)) < 200
