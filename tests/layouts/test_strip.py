"""A chip's HTML."""

import pytest
from dash import html

from layouts.strip import chip


def made(position: int = 3, *, chosen: bool = False, joined: bool = False) -> html.Button:
    return chip("<b>", position, "all of it", ("#112233", "#FFFFFF"), chosen=chosen, joined=joined)


def test_a_chip_is_a_click_target_with_plain_text() -> None:
    props = made().to_plotly_json()["props"]
    assert props["children"] == "<b>"
    assert props["data-select"] == "@3"
    assert props["title"] == "all of it"
    assert props["dir"] == "auto"
    assert props["type"] == "button"  # in a form, another one would send it
    assert props["style"] == {"background": "#112233", "color": "#FFFFFF"}


@pytest.mark.parametrize(
    ("button", "classes", "pressed"),
    [
        (made(), "chip", "false"),
        (made(chosen=True), "chip chip-selected", "true"),
        (made(joined=True), "chip chip-group", "false"),
        (made(0), "chip chip-first", "false"),
    ],
)
def test_its_states(button: html.Button, classes: str, pressed: str) -> None:
    props = button.to_plotly_json()["props"]
    assert props["className"] == classes
    assert props["aria-pressed"] == pressed
