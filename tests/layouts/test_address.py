"""The address of a view."""

from urllib.parse import parse_qsl

from layouts.address import address


def test_an_address_names_all_that_a_view_depends_on() -> None:
    text = 'a & b = "·"'
    written = address("tiny", text, "block.1.mlp@2", panels=("summary", "effect"), settings={"effect-against": "7"})
    assert dict(parse_qsl(written)) == {
        "model": "tiny",
        "text": text,
        "select": "block.1.mlp@2",
        "architecture-color": "attribution",
        "effect-against": "7",
        "tabs": "summary_and_effect",
    }
    assert dict(parse_qsl(address("tiny", "a", "output", settings={"architecture-color": "norm"}))) == {
        "model": "tiny",
        "text": "a",
        "select": "output",
        "architecture-color": "norm",
    }
