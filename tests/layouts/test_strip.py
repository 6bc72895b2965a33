"""A chip's HTML."""

from typing import Any

import pytest
from dash import html

from analysis.tokens import Token
from layouts.strip import chip


def made(position: int = 3, *, chosen: bool = False, group: int = 3) -> html.Button:
    return chip(Token(7, "<b>", position, group), "all of it", ("#112233", "#FFFFFF"), chosen=chosen)


def test_a_chip_is_a_click_target_with_plain_text() -> None:
    props = made().to_plotly_json()["props"]
    assert props["children"] == "<b>"
    assert props["data-select"] == "@3"
    assert props["title"] == "all of it"
    assert props["dir"] == "auto"
    assert props["type"] == "button"  # in a form, another one would send it
    assert props["style"] == {"background": "#112233", "color": "#FFFFFF"}


@pytest.mark.parametrize(
    ("button", "classes", "pressed", "tab_index"),
    [
        (made(), "chip", "false", "-1"),
        (made(chosen=True), "chip chip-selected", "true", "0"),
        (made(group=2), "chip chip-group", "false", "-1"),
        (made(0, group=0), "chip chip-first", "false", "-1"),
    ],
)
def test_its_states(button: html.Button, classes: str, pressed: str, tab_index: str) -> None:
    """The selected chip is the tab stop of all."""
    props = button.to_plotly_json()["props"]
    assert props["className"] == classes
    assert props["aria-pressed"] == pressed
    assert props["tabIndex"] == tab_index


def test_a_written_token_is_marked_and_said_in_words() -> None:
    def chip_of(*, written: bool) -> dict[str, Any]:
        token = Token(7, "<b>", 3, 3, written=written)
        found: dict[str, Any] = chip(token, "all of it", ("#112233", "#FFFFFF"), chosen=False).to_plotly_json()["props"]
        return found

    assert chip_of(written=True)["className"] == "chip chip-written"
    assert chip_of(written=True)["aria-label"] == "<b>, written after the text"
    assert chip_of(written=True)["children"] == "<b>"
    assert chip_of(written=False)["className"] == "chip"
    assert "aria-label" not in chip_of(written=False)
