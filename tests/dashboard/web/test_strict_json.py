"""JSON that parsers would read differently is an error; all other JSON is read as Python's own parser reads it."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.web import strict_json

NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)


@pytest.mark.long
@given(VALUES, st.booleans(), st.sampled_from([(", ", ": "), (",", ":")]))
def test_json_is_read(value: object, ascii_only: bool, separators: tuple[str, str]) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, separators=separators)
    assert repr(strict_json.loads(text.encode())) == repr(json.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[1] [2]",
        b"{'a': 1}",
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "b": [{"c": 2, "d": 3, "c": 4}]}',
        b'{"a": 1, "\\u0061": 2}',  # the same key, written in two ways
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"1e999",
        b"-1e999",
        b"9007199254740992",
        b"-9007199254740992",
        b"9" * 5000,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'"\xff"',
        b'"\xed\xa0\x80"',  # a surrogate, as some encoders write it
        b'"\xc0\xaf"',  # a slash in too many bytes
        b'"\\ud800"',
        b'{"\\uDFFF": 1}',
        b"\xef\xbb\xbf[]",  # a byte order mark
        *("[]".encode(encoding) for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le")),
        '{"+AGE-": 1}'.encode("utf-7") + b"\x00",
    ],
)
@pytest.mark.parametrize("spaces", [b" ", b""], ids=["spaced", "as browsers write"])
def test_everything_else_is_an_error(text: bytes, spaces: bytes) -> None:
    with pytest.raises(ValueError):
        strict_json.loads(text.replace(b" ", spaces))


def test_characters_outside_the_basic_plane_may_be_escaped() -> None:
    assert strict_json.loads(b'["\\ud83e\\uddc0", "\\\\ud800"]') == ["🧀", "\\ud800"]


def test_the_sign_of_zero_is_kept() -> None:
    assert math.copysign(1, strict_json.loads(b"-0.0")) == -1
